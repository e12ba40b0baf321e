-- Grants: any privilege on the schema, or on something in it; others are not shown. MySQL 8.0.30+. Schemas have no comments.
select
    schema_name as `schema`,
    null as owner,
    null as comment,
    null as native_id
from information_schema.schemata
where schema_name not in ('information_schema', 'mysql', 'ndbinfo', 'performance_schema', 'sys')

-- Grants: any privilege on the schema, or on something in it; others are not shown. MariaDB 10.6+.
select
    schema_name as `schema`,
    null as owner,
    nullif(schema_comment, '') as comment,
    null as native_id
from information_schema.schemata
where schema_name not in ('information_schema', 'mysql', 'performance_schema', 'sys')

-- Grants: none. PostgreSQL 12+. System schemas never; pg_ is reserved for them.
select
    n.nspname as schema,
    pg_get_userbyid(n.nspowner) as owner,
    obj_description(n.oid, 'pg_namespace') as comment,
    cast(n.oid as text) as native_id
from pg_namespace as n
where n.nspname not like 'pg\_%'
    and n.nspname <> 'information_schema'

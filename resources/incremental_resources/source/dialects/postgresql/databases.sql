-- Grants: none. PostgreSQL 12+. Templates and databases that refuse connections are no sources;
-- -2 marks one whose removal broke off.
select
    d.datname as database,
    pg_get_userbyid(d.datdba) as owner,
    shobj_description(d.oid, 'pg_database') as comment,
    cast(d.oid as text) as native_id
from pg_database as d
where d.datallowconn
    and not d.datistemplate
    and d.datconnlimit <> -2
order by d.datname

-- Grants: none. PostgreSQL 12+. Templates are no sources; databases that take no connections are in closed.sql;
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

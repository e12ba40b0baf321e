-- Grants: none. PostgreSQL 12+. Databases that are there although nobody can connect to them. Templates are no sources
-- anyway; -2 marks a database whose removal broke off.
select
    d.datname as database,
    case
        when d.datconnlimit = -2 then 'its removal broke off'
        else 'datallowconn is false'
    end as reason,
    case
        when d.datconnlimit = -2 then 'drop database '
        else 'alter database '
    end || quote_ident(d.datname) || case
        when d.datconnlimit = -2 then ''
        else ' with allow_connections true'
    end as remedy
from pg_database as d
where not d.datistemplate
    and (not d.datallowconn or d.datconnlimit = -2)
order by d.datname

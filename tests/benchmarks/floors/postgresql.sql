-- The floor: every column, one query.
select
    n.nspname,
    c.relname,
    c.relkind,
    a.attnum,
    a.attname,
    format_type(a.atttypid, a.atttypmod),
    not a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid),
    t.description
from pg_class as c
join pg_namespace as n
    on n.oid = c.relnamespace
join pg_attribute as a
    on a.attrelid = c.oid
    and a.attnum > 0
    and not a.attisdropped
left join pg_attrdef as d
    on d.adrelid = c.oid
    and d.adnum = a.attnum
left join pg_description as t
    on t.objoid = c.oid
    and t.classoid = 'pg_class'::regclass
    and t.objsubid = a.attnum
where c.relkind in ('r', 'v', 'm', 'f', 'p')
    and n.nspname <> 'information_schema'
    and n.nspname not like 'pg\_%'

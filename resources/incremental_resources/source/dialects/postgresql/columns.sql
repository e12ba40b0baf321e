-- Grants: none. PostgreSQL 12+. oids are the native ids of the tables to read.
-- default: of a generated column its expression; an identity column has none.
-- numeric_*: of numeric(p, s) only, the other types fix them by name. collation: null if the type's own.
with wanted as materialized (
    select
        unnest(cast(:oids as oid[])) as oid
),
key_column as (
    -- Several keys may lead from one column to one other.
    select distinct
        c.conrelid,
        c.contype,
        c.confrelid,
        unnest(c.conkey) as attnum,
        unnest(c.confkey) as target
    from pg_constraint as c
    left join pg_constraint as whole
        on whole.oid = c.conparentid
    where c.contype in ('p', 'f')
        and c.conrelid in (select oid from wanted)
        -- A key that leads to a partitioned table has a row for each partition of that too.
        and whole.conrelid is distinct from c.conrelid
),
key as (
    select
        k.conrelid,
        k.attnum,
        bool_or(k.contype = 'p') as is_primary,
        bool_or(k.contype = 'f') as is_foreign,
        json_agg(
            json_build_array(cast(:database as text), n.nspname, c.relname, a.attname)
            order by n.nspname, c.relname, a.attname
        ) filter (where k.contype = 'f') as targets
    from key_column as k
    left join pg_class as c
        on c.oid = k.confrelid
    left join pg_namespace as n
        on n.oid = c.relnamespace
    left join pg_attribute as a
        on a.attrelid = k.confrelid
        and a.attnum = k.target
    group by
        k.conrelid,
        k.attnum
)
select
    n.nspname as schema,
    c.relname as table,
    a.attname as column,
    a.attnum as ordinal,
    format_type(a.atttypid, a.atttypmod) as data_type,
    not a.attnotnull as nullable,
    -- Without the relation it takes no lock; only generated columns refer to the relation.
    pg_get_expr(d.adbin, case when a.attgenerated = '' then 0 else d.adrelid end) as default,
    m.description as comment,
    coalesce(k.is_primary, false) as is_primary_key,
    coalesce(k.is_foreign, false) as is_foreign_key,
    a.attidentity <> '' as is_identity,
    a.attgenerated <> '' as is_generated,
    case
        when a.atttypmod < 0 then null
        when a.atttypid in ('bpchar'::regtype, 'varchar'::regtype) then a.atttypmod - 4
        when a.atttypid in ('bit'::regtype, 'varbit'::regtype) then a.atttypmod
    end as max_length,
    case
        when a.atttypid = 'numeric'::regtype and a.atttypmod >= 4
            then ((a.atttypmod - 4) >> 16) & 65535
    end as numeric_precision,
    -- Eleven bits with a sign since 15; never beyond 1000 before.
    case
        when a.atttypid = 'numeric'::regtype and a.atttypmod >= 4
            then (((a.atttypmod - 4) & 2047) # 1024) - 1024
    end as numeric_scale,
    case
        -- First, so that the type is looked up for the few that are left.
        when l.oid is null then null
        when l.oid <> (select t.typcollation from pg_type as t where t.oid = a.atttypid)
            then quote_ident(ln.nspname) || '.' || quote_ident(l.collname)
    end as collation,
    cast(k.targets as text) as "references"
from wanted as w
join pg_attribute as a
    on a.attrelid = w.oid
join pg_class as c
    on c.oid = a.attrelid
join pg_namespace as n
    on n.oid = c.relnamespace
left join pg_attrdef as d
    on d.adrelid = a.attrelid
    and d.adnum = a.attnum
left join pg_description as m
    on m.classoid = 'pg_class'::regclass
    and m.objoid = a.attrelid
    and m.objsubid = a.attnum
left join key as k
    on k.conrelid = a.attrelid
    and k.attnum = a.attnum
left join pg_collation as l
    on l.oid = a.attcollation
    -- The collation called default has this oid everywhere.
    and l.oid <> 100
left join pg_namespace as ln
    on ln.oid = l.collnamespace
where a.attnum > 0
    and not a.attisdropped

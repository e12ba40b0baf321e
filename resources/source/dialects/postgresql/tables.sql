-- Grants: none. PostgreSQL 12+. Temporary relations and TOAST tables never; partitions always, of kind PARTITION.
--
-- token: a hash over (catalog row, xmin) of every catalog row that tables.sql or columns.sql prints of
-- the relation, whatever the rows' order; a removed row takes its share out of the sum.
with relation as materialized (
    select
        c.oid,
        c.xmin as version,
        c.relname,
        c.relkind,
        c.relispartition,
        c.relowner,
        c.reltuples,
        c.relpages,
        -- A view dropped since this snapshot has no privileges (null) and can no longer be printed.
        case
            when c.relkind in ('v', 'm') and has_table_privilege(c.oid, 'select') is not null
                then pg_get_viewdef(c.oid)
        end as definition,
        n.oid as schema_oid,
        n.nspname as schema,
        n.xmin as schema_version
    from pg_class as c
    join pg_namespace as n
        on n.oid = c.relnamespace
    where n.nspname = any(cast(:schemas as text[]))
        and c.relkind in ('r', 'v', 'm', 'f', 'p')
        and c.relpersistence <> 't'
),
attribute as (
    select
        attrelid as relation,
        count(*) filter (where not attisdropped) as live,
        sum(hashoidextended(attrelid, cast(cast(xmin as text) as bigint) * 65536 + attnum)) as hash
    from pg_attribute
    where attnum > 0
    group by attrelid
),
-- What the relation's columns, defaults and view text refer to. `in_text`: an expression does.
reference as materialized (
    select
        d.objid as relation,
        d.refclassid as catalog,
        d.refobjid as object,
        d.refobjsubid as part,
        false as in_text
    from pg_depend as d
    where d.classid = 'pg_class'::regclass
        and d.objsubid > 0
        and d.refclassid in ('pg_type'::regclass, 'pg_collation'::regclass)
    union all
    select
        a.adrelid,
        d.refclassid,
        d.refobjid,
        d.refobjsubid,
        true
    from pg_attrdef as a
    join pg_depend as d
        on d.classid = 'pg_attrdef'::regclass
        and d.objid = a.oid
        and d.refobjid <> a.adrelid
    union all
    select
        r.ev_class,
        d.refclassid,
        d.refobjid,
        d.refobjsubid,
        true
    from pg_rewrite as r
    join pg_depend as d
        on d.classid = 'pg_rewrite'::regclass
        and d.objid = r.oid
        and d.refobjid <> r.ev_class
),
-- (object, part) is unique over all branches of one relation: part tells what object is.
detail as (
    select
        d.objoid as relation,
        d.objoid as object,
        d.objsubid as part,
        d.xmin as version,
        cast(null as oid) as schema_oid
    from pg_description as d
    where d.classoid = 'pg_class'::regclass
    union all
    select
        a.adrelid,
        a.oid,
        2001,
        a.xmin,
        null
    from pg_attrdef as a
    union all
    select
        c.conrelid,
        c.oid,
        2002,
        c.xmin,
        null
    from pg_constraint as c
    where c.conrelid <> 0
    union all
    select
        r.ev_class,
        r.oid,
        2003,
        r.xmin,
        null
    from pg_rewrite as r
    union all
    select
        i.inhrelid,
        i.inhparent,
        2004,
        i.xmin,
        null
    from pg_inherits as i
    union all
    select
        f.relation,
        t.oid,
        2005,
        t.xmin,
        t.typnamespace
    from reference as f
    join pg_type as t
        on t.oid = f.object
    where f.catalog = 'pg_type'::regclass
    union all
    -- A constant of an enum type prints a label; an array's and a domain's are their base's.
    select
        f.relation,
        e.oid,
        2006,
        e.xmin,
        null
    from reference as f
    join pg_type as t
        on t.oid = f.object
    join pg_enum as e
        on e.enumtypid = coalesce(nullif(t.typelem, 0), nullif(t.typbasetype, 0), t.oid)
    where f.catalog = 'pg_type'::regclass
        and f.in_text
    union all
    select
        f.relation,
        l.oid,
        2007,
        l.xmin,
        l.collnamespace
    from reference as f
    join pg_collation as l
        on l.oid = f.object
    where f.catalog = 'pg_collation'::regclass
    union all
    select
        f.relation,
        c.oid,
        2008,
        c.xmin,
        c.relnamespace
    from reference as f
    join pg_class as c
        on c.oid = f.object
    where f.catalog = 'pg_class'::regclass
    union all
    select
        f.relation,
        a.attrelid,
        4000 + a.attnum,
        a.xmin,
        null
    from reference as f
    join pg_attribute as a
        on a.attrelid = f.object
        and a.attnum = f.part
    where f.catalog = 'pg_class'::regclass
        and f.part > 0
    union all
    select
        f.relation,
        p.oid,
        2009,
        p.xmin,
        p.pronamespace
    from reference as f
    join pg_proc as p
        on p.oid = f.object
    where f.catalog = 'pg_proc'::regclass
    union all
    select
        f.relation,
        o.oid,
        2010,
        o.xmin,
        o.oprnamespace
    from reference as f
    join pg_operator as o
        on o.oid = f.object
    where f.catalog = 'pg_operator'::regclass
    union all
    select
        f.relation,
        t.oid,
        2011,
        t.xmin,
        t.cfgnamespace
    from reference as f
    join pg_ts_config as t
        on t.oid = f.object
    where f.catalog = 'pg_ts_config'::regclass
    union all
    select
        f.relation,
        t.oid,
        2012,
        t.xmin,
        t.dictnamespace
    from reference as f
    join pg_ts_dict as t
        on t.oid = f.object
    where f.catalog = 'pg_ts_dict'::regclass
),
detail_hash as (
    select
        t.relation,
        sum(hashoidextended(t.object, cast(cast(t.version as text) as bigint) * 65536 + t.part)) as hash,
        sum(hashoidextended(t.schema_oid, cast(cast(n.xmin as text) as bigint))) as schema_hash
    from detail as t
    left join pg_namespace as n
        on n.oid = t.schema_oid
    group by t.relation
)
select
    r.schema,
    r.relname as table,
    case
        when r.relispartition then 'PARTITION'
        when r.relkind = 'r' then 'TABLE'
        when r.relkind = 'v' then 'VIEW'
        when r.relkind = 'm' then 'MATERIALIZED VIEW'
        when r.relkind = 'f' then 'FOREIGN TABLE'
        when r.relkind = 'p' then 'PARTITIONED TABLE'
    end as kind,
    cast(r.oid as text) as native_id,
    pg_get_userbyid(r.relowner) as owner,
    m.description as comment,
    cast(null as timestamptz) as created_at,
    cast(null as timestamptz) as altered_at,
    case
        when r.relkind <> 'v' and r.reltuples >= 0 then cast(r.reltuples as bigint)
    end as row_count,
    case
        when r.relkind in ('r', 'm') then r.relpages * cast(current_setting('block_size') as bigint)
    end as size_bytes,
    coalesce(a.live, 0) as column_count,
    r.definition,
    pn.nspname as parent_schema,
    pc.relname as parent_table,
    cast(
        hash_numeric_extended(
            coalesce(a.hash, 0),
            hash_numeric_extended(
                coalesce(t.hash, 0),
                hash_numeric_extended(
                    coalesce(t.schema_hash, 0),
                    hashoidextended(
                        r.schema_oid,
                        hashoidextended(r.oid, cast(cast(r.version as text) as bigint))
                        # cast(cast(r.schema_version as text) as bigint)
                    )
                )
            )
        ) as text
    ) as token
from relation as r
left join attribute as a
    on a.relation = r.oid
left join detail_hash as t
    on t.relation = r.oid
left join pg_description as m
    on m.classoid = 'pg_class'::regclass
    and m.objoid = r.oid
    and m.objsubid = 0
left join pg_inherits as i
    on r.relispartition
    and i.inhrelid = r.oid
    and i.inhseqno = 1
left join pg_class as pc
    on pc.oid = i.inhparent
left join pg_namespace as pn
    on pn.oid = pc.relnamespace
where r.relkind not in ('v', 'm')
    or r.definition is not null

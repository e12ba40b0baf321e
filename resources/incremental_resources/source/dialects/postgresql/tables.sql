-- Grants: none. PostgreSQL 12+. Temporary relations and TOAST tables never; partitions always, of kind PARTITION.
--
-- token: a hash over every catalog row (id, xmin) that tables.sql or columns.sql prints of the relation, in any
-- order; a removed row takes its share out of the sum. Where they print names of other objects, which change
-- without any row of the relation, the printed text itself is hashed.
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
detail as (
    select
        objoid as relation,
        hashoidextended(objoid, cast(cast(xmin as text) as bigint) * 65536 + objsubid) as hash
    from pg_description
    where classoid = 'pg_class'::regclass
    union all
    select
        adrelid,
        hashoidextended(oid, cast(cast(xmin as text) as bigint))
    from pg_attrdef
    union all
    select
        conrelid,
        hashoidextended(oid, cast(cast(xmin as text) as bigint))
    from pg_constraint
    where conrelid <> 0
    union all
    select
        ev_class,
        hashoidextended(oid, cast(cast(xmin as text) as bigint))
    from pg_rewrite
    union all
    select
        inhrelid,
        hashoidextended(inhparent, cast(cast(xmin as text) as bigint))
    from pg_inherits
    union all
    -- What is built in has no rows in pg_depend: these are columns whose type, collation or (before
    -- 15) generation expression names an object of somebody's own.
    select
        a.attrelid,
        hashtextextended(
            concat_ws(
                ' ',
                format_type(a.atttypid, a.atttypmod),
                quote_ident(n.nspname),
                quote_ident(l.collname),
                pg_get_expr(f.adbin, f.adrelid)
            ),
            a.attnum
        )
    from pg_depend as d
    join pg_attribute as a
        on a.attrelid = d.objid
        and a.attnum = d.objsubid
    left join pg_collation as l
        on l.oid = a.attcollation
    left join pg_namespace as n
        on n.oid = l.collnamespace
    left join pg_attrdef as f
        on a.attgenerated <> ''
        and f.adrelid = a.attrelid
        and f.adnum = a.attnum
    where d.classid = 'pg_class'::regclass
        and d.objsubid > 0
        and d.refobjid <> d.objid
    union all
    -- Defaults that name such an object.
    select
        f.adrelid,
        -- Without the relation it takes no lock; only generated columns refer to the relation.
        hashtextextended(
            pg_get_expr(f.adbin, case when a.attgenerated = '' then 0 else f.adrelid end),
            f.adnum
        )
    from pg_attrdef as f
    join pg_attribute as a
        on a.attrelid = f.adrelid
        and a.attnum = f.adnum
    where f.oid in (
        select
            d.objid
        from pg_depend as d
        join pg_attrdef as n
            on n.oid = d.objid
        where d.classid = 'pg_attrdef'::regclass
            and d.refobjid <> n.adrelid
        union all
        -- No dependency is recorded of what constants of these types name: access lists, arrays of regproc, regclass
        -- and the like.
        select
            oid
        from pg_attrdef
        where strpos(cast(adbin as text), 'consttype 22') > 0
            or strpos(cast(adbin as text), 'consttype 409') > 0
            or strpos(cast(adbin as text), 'consttype 373') > 0
            or strpos(cast(adbin as text), 'consttype 377') > 0
            or strpos(cast(adbin as text), 'consttype 419') > 0
            or strpos(cast(adbin as text), 'consttype 1008') > 0
            or strpos(cast(adbin as text), 'consttype 103') > 0
    )
),
detail_hash as (
    select
        relation,
        sum(hash) as hash
    from detail
    group by relation
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
    -- Nobody has counted: -1, and 0 on no pages before 14.
    case
        when r.relkind = 'v' or r.reltuples < 0 then null
        when r.reltuples > 0 or r.relpages > 0 then cast(r.reltuples as bigint)
        when cast(current_setting('server_version_num') as int) >= 140000 then 0
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
            coalesce(a.hash, 0) + coalesce(t.hash, 0),
            hashtextextended(
                coalesce(r.definition, ''),
                hashoidextended(r.oid, cast(cast(r.version as text) as bigint))
                # hashoidextended(r.schema_oid, cast(cast(r.schema_version as text) as bigint))
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

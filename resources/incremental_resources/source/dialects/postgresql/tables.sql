-- Grants: none. PostgreSQL 12+. Temporary relations and TOAST tables never; partitions always, of kind PARTITION.
--
-- token: a hash over every catalog row (id, xmin) that tables.sql or columns.sql prints of the relation, in any
-- order; a removed row takes its share out of the sum. Where they print names of other objects, which change
-- without any row of the relation, the printed text itself is hashed.
--
-- What is built in has no rows in pg_depend, and a superuser can rename it all the same. Oids below 16384 are those of
-- what initdb made.
with built_in_name as materialized (
    select
        sum(hashtextextended(concat_ws(' ', catalog, name, typcollation), cast(oid as bigint))) as hash
    from (
        select
            'type' as catalog,
            oid,
            format_type(oid, null) as name,
            typcollation
        from pg_type
        where oid < 16384
        union all
        select
            'collation',
            l.oid,
            quote_ident(n.nspname) || '.' || quote_ident(l.collname),
            0
        from pg_collation as l
        join pg_namespace as n
            on n.oid = l.collnamespace
        where l.oid < 16384
    ) as named
),
-- What decides how a call is printed: which functions and operators go without a schema and would be found by their bare
-- name and arguments. Not by xmin, which a grant moves.
resolution as materialized (
    select
        sum(hashtextextended(signature, cast(oid as bigint))) as hash
    from (
        select
            oid,
            concat_ws(
                ' ',
                'function',
                proname,
                prokind,
                proargtypes,
                provariadic,
                pronargdefaults,
                proargmodes,
                proargnames
            ) as signature
        from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace
        union all
        select
            oid,
            concat_ws(' ', 'operator', oprname, oprleft, oprright)
        from pg_operator
        where oprnamespace = 'pg_catalog'::regnamespace
        union all
        select
            oid,
            concat_ws(' ', 'cast', castsource, casttarget, castcontext, castmethod)
        from pg_cast
    ) as resolved
),
relation as materialized (
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
        conrelid,
        hashoidextended(oid, cast(cast(xmin as text) as bigint))
    from pg_constraint
    where conrelid <> 0
    union all
    -- What a foreign key leads to is renamed without any row of the relation that has the key.
    select
        f.conrelid,
        hashtextextended(
            concat_ws(' ', quote_ident(n.nspname), quote_ident(c.relname), quote_ident(a.attname)),
            hashoidextended(f.oid, a.attnum)
        )
    from (
        select
            oid,
            conrelid,
            confrelid,
            unnest(confkey) as target
        from pg_constraint
        where contype = 'f'
    ) as f
    join pg_class as c
        on c.oid = f.confrelid
    join pg_namespace as n
        on n.oid = c.relnamespace
    join pg_attribute as a
        on a.attrelid = f.confrelid
        and a.attnum = f.target
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
    -- Columns whose type, collation or (before 15) generation expression names an object of somebody's own.
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
    -- Defaults, and generated columns that refer to no other, take no lock on their relation when they are printed without
    -- it. The rest is printed only if it names an object of somebody's own, a column of a built-in relation, or has a
    -- constant of a type that prints names: access lists, regproc, regclass and the like, rows.
    select
        f.adrelid,
        hashtextextended(
            case
                when strpos(cast(f.adbin as text), '{VAR ') = 0
                    then pg_get_expr(f.adbin, 0)
                when cast(f.adbin as text)
                    ~ '{FIELD|consttype (24|7[15]|8[13]|1008|103[34]|1248|22\d\d|284[23]|37[367]\d|40[689]\d|419\d|6101|\d{5,}) '
                    or exists (
                        select
                        from pg_depend as d
                        where d.classid = 'pg_attrdef'::regclass
                            and d.objid = f.oid
                            and d.refobjid <> f.adrelid
                    )
                    then pg_get_expr(f.adbin, f.adrelid)
                else (
                    select
                        cast(hash as text)
                    from resolution
                )
            end,
            hashoidextended(f.oid, cast(cast(f.xmin as text) as bigint))
        )
    from relation as r
    join pg_attrdef as f
        on f.adrelid = r.oid
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
            coalesce(a.hash, 0) + coalesce(t.hash, 0) + b.hash,
            hashtextextended(
                coalesce(r.definition, ''),
                hashoidextended(r.oid, cast(cast(r.version as text) as bigint))
                # hashoidextended(r.schema_oid, cast(cast(r.schema_version as text) as bigint))
            )
        ) as text
    ) as token
from relation as r
cross join built_in_name as b
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

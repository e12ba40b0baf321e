-- Grants: none. PostgreSQL 12+. One checksum over the rows (id, xmin) of every catalog that a listing or a batch prints;
-- a removed row takes its share out of the sum. Temporary relations do not count; a new index does,
-- because telling its columns from a table's costs more than the listing it leads to.
with class as materialized (
    select
        oid,
        xmin as version,
        relpersistence = 't' as is_temporary
    from pg_class
    where relkind not in ('i', 'I', 't')
),
temporary as (
    select
        oid
    from class
    where is_temporary
),
-- By itself, so that parallel workers can share it.
attribute as materialized (
    select
        sum(hashoidextended(attrelid, cast(cast(xmin as text) as bigint) * 65536 + attnum)) as hash
    from pg_attribute
    where attnum > 0
        and attrelid not in (select oid from pg_class where relpersistence = 't')
),
part as (
    select
        'attribute' as catalog,
        hash
    from attribute
    union all
    select
        'class',
        sum(hashoidextended(oid, cast(cast(version as text) as bigint)))
    from class
    where not is_temporary
    union all
    select
        'attrdef',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_attrdef
    where adrelid not in (select oid from temporary)
    union all
    select
        'constraint',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_constraint
    where conrelid not in (select oid from temporary)
    union all
    select
        'rewrite',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_rewrite
    where ev_class not in (select oid from temporary)
    union all
    select
        'inherits',
        sum(hashoidextended(inhrelid, cast(cast(xmin as text) as bigint)))
    from pg_inherits
    where inhrelid not in (select oid from temporary)
    union all
    select
        'description',
        sum(hashoidextended(objoid, cast(cast(xmin as text) as bigint) * 65536 + objsubid))
    from pg_description
    where classoid in ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_namespace'::regclass)
    union all
    select
        'namespace',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_namespace
    where nspname not like 'pg\_temp\_%'
        and nspname not like 'pg\_toast\_temp\_%'
    union all
    select
        'proc',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_proc
    union all
    select
        'aggregate',
        sum(hashoidextended(aggfnoid, cast(cast(xmin as text) as bigint)))
    from pg_aggregate
    union all
    select
        'language',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_language
    union all
    -- A row type is renamed and moved with its pg_class row, an array type with its element's.
    select
        'type',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_type
    where typtype <> 'c'
        and typinput <> 'array_in'::regproc
    union all
    select
        'enum',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_enum
    union all
    select
        'collation',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_collation
    union all
    select
        'operator',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_operator
    union all
    -- A new cast can make a call find another function, so that its schema must be printed.
    select
        'cast',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_cast
    union all
    select
        'opclass',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_opclass
    union all
    -- A default can name an index or a TOAST table; reindexing changes no name.
    select
        'index',
        sum(hashtextextended(cast(relname as text), cast(oid as bigint)))
    from pg_class
    where relkind in ('i', 'I', 't')
        and relpersistence <> 't'
    union all
    select
        'ts_config',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_ts_config
    union all
    select
        'ts_dict',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_ts_dict
    union all
    select
        'database',
        sum(hashoidextended(oid, cast(cast(xmin as text) as bigint)))
    from pg_database
    where datname = current_database()
    union all
    select
        'shdescription',
        sum(hashoidextended(objoid, cast(cast(xmin as text) as bigint)))
    from pg_shdescription
    where classoid = 'pg_database'::regclass
        and objoid = (
            select
                oid
            from pg_database
            where datname = current_database()
        )
    union all
    -- Owners and access lists are printed by name, and pg_authid is not for everyone.
    select
        'roles',
        sum(hashtextextended(cast(rolname as text), cast(oid as bigint)))
    from pg_roles
)
select
    md5(string_agg(catalog || '=' || coalesce(cast(hash as text), ''), ' ' order by catalog)) as probe
from part

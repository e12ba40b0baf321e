-- Grants: read access to the file. SQLite 3.37+ (pragma_table_list).
-- column_count() is null for a view or virtual table that cannot be resolved: pragma_table_xinfo
-- would fail on it, and the whole statement with it. "hidden" is 1 for a virtual table's hidden
-- column, 2 or 3 for a generated one.
with wanted as materialized (
    select
        json_extract(value, '$.schema') as schema,
        json_extract(value, '$.table') as name
    from json_each(:tables)
),

asked as materialized (
    select
        listed.schema,
        listed.name
    -- A cross join keeps this order: inside, pragma_table_list would run once for each table asked.
    from pragma_table_list as listed
    cross join wanted
    where wanted.schema = listed.schema
        and wanted.name = listed.name
        and column_count(listed.schema, listed.name) is not null
),

parent as materialized (
    select
        schema,
        name,
        lower(name) as folded
    from pragma_table_list
    where type = 'table'
),

-- Without a column of its own a key leads to the parent's primary key; names fold as SQLite folds them.
targets as materialized (
    select distinct
        asked.schema,
        asked.name,
        reference."from" as column_name,
        coalesce(parent.name, reference."table") as target,
        coalesce(info.name, reference."to") as target_column
    from asked
    cross join pragma_foreign_key_list(asked.name, asked.schema) as reference
    left join parent
        on parent.schema = asked.schema
        and parent.folded = lower(reference."table")
    left join pragma_table_xinfo(parent.name, parent.schema) as info
        on iif(reference."to" is null, info.pk = reference.seq + 1, lower(info.name) = lower(reference."to"))
    order by
        asked.schema,
        asked.name,
        column_name,
        target,
        target_column
),

foreign_keys as materialized (
    select
        schema,
        name,
        column_name,
        json_group_array(json_array(:database, schema, target, target_column)) as "references"
    from targets
    group by
        schema,
        name,
        column_name
),

-- A primary key without an index is the rowid under another name: SQLite fills it in by itself.
indexed_keys as materialized (
    select distinct
        asked.schema,
        asked.name
    from asked
    cross join pragma_index_list(asked.name, asked.schema) as entry
    where entry.origin = 'pk'
)

select
    asked.schema,
    asked.name as "table",
    info.name as "column",
    info.cid + 1 as ordinal,
    nullif(info.type, '') as data_type,
    info."notnull" = 0 and (info.pk = 0 or indexed_keys.name is not null) as nullable,
    info.dflt_value as "default",
    null as comment,
    info.pk > 0 as is_primary_key,
    foreign_keys.column_name is not null as is_foreign_key,
    info.pk > 0 and indexed_keys.name is null as is_identity,
    info.hidden in (2, 3) as is_generated,
    null as max_length,
    null as numeric_precision,
    null as numeric_scale,
    null as collation,
    foreign_keys."references"
from asked
cross join pragma_table_xinfo(asked.name, asked.schema) as info
left join foreign_keys
    on foreign_keys.schema = asked.schema
    and foreign_keys.name = asked.name
    and foreign_keys.column_name = info.name
left join indexed_keys
    on indexed_keys.schema = asked.schema
    and indexed_keys.name = asked.name
where info.hidden <> 1

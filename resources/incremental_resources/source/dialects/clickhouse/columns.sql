-- Grants: show columns. ClickHouse 24.3+.
with asked as (
    select arrayJoin(JSONExtract(:tables, 'Array(Tuple(String, String))')) as place
)
select
    database as schema,
    table as "table",
    name as "column",
    position as ordinal,
    type as data_type,
    match(type, '^(LowCardinality\\()?Nullable\\(|^(Variant|Dynamic|JSON)\\b') as nullable,
    nullIf(default_expression, '') as "default",
    nullIf(comment, '') as comment,
    is_in_primary_key as is_primary_key,
    false as is_foreign_key,
    false as is_identity,
    default_kind in ('MATERIALIZED', 'ALIAS') as is_generated,
    character_octet_length as max_length,
    if(match(type, 'Decimal'), numeric_precision, null) as numeric_precision,
    if(match(type, 'Decimal'), numeric_scale, null) as numeric_scale,
    null as collation,
    null as "references"
from system.columns
where (database, table) in (
    select (place.1, place.2)
    from asked
)

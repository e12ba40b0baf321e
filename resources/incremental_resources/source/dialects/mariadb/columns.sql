-- Grants: references on the tables, show view on the views; others are not shown. MariaDB 10.6+.
-- tables: pairs of constants, so that the server opens these tables and no others.
-- default: of a generated column its expression. numeric_*: of decimal(p, s) only, the other types fix them by name.
with target as (
    select
        table_schema collate utf8mb3_bin as table_schema,
        table_name collate utf8mb3_bin as table_name,
        column_name collate utf8mb3_bin as column_name,
        constraint_name = 'PRIMARY' as is_primary,
        case
            when referenced_table_name is not null
                then json_array(
                    :database,
                    referenced_table_schema,
                    referenced_table_name,
                    referenced_column_name
                ) collate utf8mb3_bin
        end as target
    from information_schema.key_column_usage
    where (table_schema collate utf8mb3_bin, table_name collate utf8mb3_bin) in :tables
        and (constraint_name = 'PRIMARY' or referenced_table_name is not null)
),
keyed as (
    select
        table_schema,
        table_name,
        column_name,
        max(is_primary) as is_primary,
        min(target) as first,
        max(target) as last
    from target
    group by
        table_schema,
        table_name,
        column_name
),
-- Few columns lead to several places; a derived table with a group_concat gets no index, so that it must be small.
leading_to_several as (
    select
        table_schema,
        table_name,
        column_name,
        group_concat(distinct target order by target separator ', ') as targets
    from target
    group by
        table_schema,
        table_name,
        column_name
    having count(distinct target) > 1
)
select
    c.table_schema as `schema`,
    c.table_name as `table`,
    c.column_name as `column`,
    c.ordinal_position as ordinal,
    c.column_type as data_type,
    c.is_nullable = 'YES' as nullable,
    case
        when c.is_generated = 'ALWAYS' then c.generation_expression
        else nullif(
            concat_ws(
                ' ',
                -- So is the lack of a default printed; a string stands in quotes.
                nullif(c.column_default, 'NULL'),
                nullif(regexp_substr(c.extra, 'on update [^ ,]+'), '')
            ),
            ''
        )
    end as `default`,
    nullif(c.column_comment, '') as comment,
    coalesce(k.is_primary, 0) as is_primary_key,
    k.first is not null as is_foreign_key,
    c.extra like '%auto_increment%' as is_identity,
    c.is_generated = 'ALWAYS' as is_generated,
    case
        when c.data_type in ('char', 'varchar', 'binary', 'varbinary')
            then c.character_maximum_length
    end as max_length,
    case when c.data_type = 'decimal' then c.numeric_precision end as numeric_precision,
    case when c.data_type = 'decimal' then c.numeric_scale end as numeric_scale,
    c.collation_name as collation,
    concat('[', case when k.first = k.last then k.first else s.targets end, ']') as `references`
from information_schema.columns as c
left join keyed as k
    on k.table_schema = c.table_schema
    and k.table_name = c.table_name
    and k.column_name = c.column_name
left join leading_to_several as s
    on k.first <> k.last
    and s.table_schema = c.table_schema
    and s.table_name = c.table_name
    and s.column_name = c.column_name
where (c.table_schema collate utf8mb3_bin, c.table_name collate utf8mb3_bin) in :tables

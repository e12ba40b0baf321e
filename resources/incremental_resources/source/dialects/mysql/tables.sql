-- Grants: references on the tables, show view on the views; others are not shown. MySQL 8.0+.
-- token: a hash of all that columns.sql prints of the table. Its parts are sums, as what group_concat makes has no index.
-- Names are compared bytewise: information_schema may fold case and accents.
with column_hash as (
    select
        table_schema collate utf8mb3_bin as table_schema,
        table_name collate utf8mb3_bin as table_name,
        sha2(
            json_array(
                column_name,
                ordinal_position,
                column_type,
                is_nullable,
                column_default,
                generation_expression,
                extra,
                column_comment,
                collation_name
            ),
            256
        ) as hash
    from information_schema.columns
    where table_schema in :schemas
),
described as (
    select
        table_schema,
        table_name,
        count(*) as column_count,
        sum(cast(conv(left(hash, 16), 16, 10) as decimal(20))) as one,
        sum(cast(conv(right(hash, 16), 16, 10) as decimal(20))) as other
    from column_hash
    group by
        table_schema,
        table_name
),
key_hash as (
    select
        table_schema collate utf8mb3_bin as table_schema,
        table_name collate utf8mb3_bin as table_name,
        sha2(
            json_array(
                column_name,
                constraint_name = 'PRIMARY',
                referenced_table_schema,
                referenced_table_name,
                referenced_column_name
            ),
            256
        ) as hash
    from information_schema.key_column_usage
    where table_schema in :schemas
        and (constraint_name = 'PRIMARY' or referenced_table_name is not null)
),
keyed as (
    select
        table_schema,
        table_name,
        count(*) as key_count,
        sum(cast(conv(left(hash, 16), 16, 10) as decimal(20))) as one,
        sum(cast(conv(right(hash, 16), 16, 10) as decimal(20))) as other
    from key_hash
    group by
        table_schema,
        table_name
),
-- Views come from their own listing: what is said of a broken one in the listing of tables, MySQL 9.7 says of rows that
-- follow it as well.
listed as (
    select
        table_schema collate utf8mb3_bin as table_schema,
        table_name collate utf8mb3_bin as table_name,
        case
            when engine = 'FEDERATED' then 'FOREIGN TABLE'
            when create_options like '%partitioned%' then 'PARTITIONED TABLE'
            else 'TABLE'
        end as kind,
        null as owner,
        nullif(table_comment, '') as comment,
        create_time as altered_at,
        table_rows as row_count,
        data_length + index_length as size_bytes,
        null as column_count,
        null as definition,
        null as token
    from information_schema.tables
    where table_schema in :schemas
        and table_type = 'BASE TABLE'
    union all
    select
        table_schema collate utf8mb3_bin,
        table_name collate utf8mb3_bin,
        'VIEW',
        definer,
        null,
        null,
        null,
        null,
        -- One that reads what is not there has no columns.
        0,
        nullif(view_definition, ''),
        'no columns'
    from information_schema.views
    where table_schema in :schemas
)
select
    t.table_schema as `schema`,
    t.table_name as `table`,
    t.kind,
    null as native_id,
    t.owner,
    t.comment,
    null as created_at,
    t.altered_at,
    t.row_count,
    t.size_bytes,
    coalesce(d.column_count, t.column_count) as column_count,
    t.definition,
    null as parent_schema,
    null as parent_table,
    case
        when d.column_count is not null
            then concat_ws(
                ' ',
                d.column_count,
                d.one,
                d.other,
                k.key_count,
                k.one,
                k.other
            )
        else t.token
    end as token
from listed as t
left join described as d
    on d.table_schema = t.table_schema
    and d.table_name = t.table_name
left join keyed as k
    on k.table_schema = t.table_schema
    and k.table_name = t.table_name

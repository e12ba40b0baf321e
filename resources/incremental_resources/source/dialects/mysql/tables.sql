-- Grants: references on the tables, show view on the views; others are not shown. MySQL 8.0.30+.
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
-- MySQL 9.7 tells the error of a broken view, or of a table that is locked, of other tables too, as their comment: views
-- come from a listing of their own, and numbers of rows, which open tables, are asked for apart from comments and later.
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
        -- One that reads what is not there has no columns.
        0,
        nullif(view_definition, ''),
        'no columns'
    from information_schema.views
    where table_schema in :schemas
),
complete as (
    select
        t.*,
        d.column_count as counted,
        concat_ws(
            ' ',
            d.column_count,
            d.one,
            d.other,
            k.key_count,
            k.one,
            k.other
        ) as hash,
        row_number() over (order by t.table_schema, t.table_name) as place
    from listed as t
    left join described as d
        on d.table_schema = t.table_schema
        and d.table_name = t.table_name
    left join keyed as k
        on k.table_schema = t.table_schema
        and k.table_name = t.table_name
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
    -- The highest number stands for an error.
    (
        select
            nullif(s.table_rows, 4294967295)
        from information_schema.tables as s
        where s.table_schema = t.table_schema
            and s.table_name = t.table_name
            and s.table_type = 'BASE TABLE'
            and t.place > 0
    ) as row_count,
    (
        select
            nullif(s.data_length, 4294967295) + nullif(s.index_length, 4294967295)
        from information_schema.tables as s
        where s.table_schema = t.table_schema
            and s.table_name = t.table_name
            and s.table_type = 'BASE TABLE'
            and t.place > 0
    ) as size_bytes,
    coalesce(t.counted, t.column_count) as column_count,
    t.definition,
    null as parent_schema,
    null as parent_table,
    case when t.counted is not null then t.hash else t.token end as token
from complete as t

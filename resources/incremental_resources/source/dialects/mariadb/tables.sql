-- Grants: references on the tables, show view on the views; others are not shown. MariaDB 10.6+.
-- Sequences are left out. token: a hash of all that columns.sql prints of the table; null where it could not be opened.
-- The server opens every table once for each of the three: constants in the conditions on schema and table are looked at
-- before that, joins and subqueries after it. The hashes are sums: a derived table with a group_concat gets no index, and
-- would be joined row by row. Names are compared bytewise: information_schema folds case and accents.
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
)
select
    t.table_schema as `schema`,
    t.table_name as `table`,
    case
        when t.table_type = 'VIEW' then 'VIEW'
        when t.engine in ('CONNECT', 'FEDERATED', 'SPIDER') then 'FOREIGN TABLE'
        when t.create_options like '%partitioned%' then 'PARTITIONED TABLE'
        when t.table_type in ('BASE TABLE', 'SYSTEM VERSIONED') then 'TABLE'
        else 'OTHER'
    end as kind,
    null as native_id,
    v.definer as owner,
    -- Of a view, and of what cannot be opened, it is a word or an error of the server's.
    case when t.engine is not null then nullif(t.table_comment, '') end as comment,
    null as created_at,
    t.create_time as altered_at,
    t.table_rows as row_count,
    t.data_length + t.index_length as size_bytes,
    -- A view that reads what is not there has no columns; of the others it is not known.
    coalesce(
        d.column_count,
        case when t.table_comment like '%references invalid table%' then 0 end
    ) as column_count,
    nullif(v.view_definition, '') as definition,
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
        when t.table_comment like '%references invalid table%' then 'broken'
    end as token
from information_schema.tables as t
left join information_schema.views as v
    on v.table_schema = t.table_schema collate utf8mb3_bin
    and v.table_name = t.table_name collate utf8mb3_bin
    and v.table_schema in :schemas
left join described as d
    on d.table_schema = t.table_schema
    and d.table_name = t.table_name
left join keyed as k
    on k.table_schema = t.table_schema
    and k.table_name = t.table_name
where t.table_schema in :schemas
    and t.table_type not in ('SEQUENCE', 'SYSTEM VIEW', 'TEMPORARY')

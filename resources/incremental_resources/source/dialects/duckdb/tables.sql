-- Grants: read access to the files. DuckDB 1.5+.
-- The token is the hash of all that columns.sql prints, for tables and views alike. Of a view that is what bound_column has,
-- or what is kept of it where it cannot be bound; see views.py.
with relation as (
    select
        schema_oid,
        table_oid as oid,
        table_name as name,
        'TABLE' as kind,
        comment,
        estimated_size as row_count,
        sql
    from duckdb_tables()
    where database_name = :database
        and not temporary
        and not internal
    union all
    select
        schema_oid,
        view_oid,
        view_name,
        'VIEW',
        comment,
        null,
        sql
    from duckdb_views()
    where database_name = :database
        and not temporary
        and not internal
),
kept_column as (
    select
        table_oid,
        column_index,
        column_name,
        data_type,
        is_nullable,
        column_default,
        comment,
        numeric_precision,
        numeric_scale
    from duckdb_columns()
    where database_name = :database
        and not internal
),
current_column as (
    select
        *
    from kept_column
    where table_oid not in (
        select oid
        from bound_column
    )
    union all
    select
        b.oid,
        b.place,
        b.name,
        b.data_type,
        true,
        null,
        k.comment,
        null,
        null
    from bound_column as b
    left join kept_column as k
        on k.table_oid = b.oid
        and k.column_name = b.name
),
printed_column as (
    select
        table_oid as oid,
        count(*) as columns,
        list(
            {
                'index': column_index,
                'name': column_name,
                'type': data_type,
                'nullable': is_nullable,
                'default': column_default,
                'comment': comment,
                'precision': numeric_precision,
                'scale': numeric_scale
            }
            order by column_index
        ) as texts
    from current_column
    group by table_oid
),
printed_key as (
    select
        table_oid as oid,
        list(
            {
                'text': constraint_text,
                'columns': constraint_column_names,
                'target': referenced_table,
                'target_columns': referenced_column_names
            }
            order by
                constraint_text,
                constraint_column_names
        ) as texts
    from duckdb_constraints()
    where database_name = :database
        and constraint_type in ('PRIMARY KEY', 'FOREIGN KEY')
    group by table_oid
)
select
    s.schema,
    r.name as "table",
    r.kind,
    null as native_id,
    null as owner,
    r.comment,
    null as created_at,
    null as altered_at,
    r.row_count,
    null as size_bytes,
    coalesce(c.columns, 0) as column_count,
    r.sql as definition,
    null as parent_schema,
    null as parent_table,
    md5(
        cast(
            -- The text says which columns are generated; before 2.0 nothing else does.
            to_json({'sql': r.sql, 'columns': c.texts, 'keys': k.texts}) as varchar
        )
    ) as token
from relation as r
join listed_schema as s
    on s.oid = r.schema_oid
left join printed_column as c
    on c.oid = r.oid
left join printed_key as k
    on k.oid = r.oid
where s.schema in (
    select unnest(cast(:schemas as varchar[]))
)

-- Grants: read access to the files. DuckDB 1.5+. All that the listings and batches print, but for counts of rows; it is in
-- the texts of tables and views, their comments, the columns of views, and the forms of macros.
with said as (
    select
        'database' as kind,
        null as schema,
        null as name,
        null as text,
        comment,
        null as place
    from duckdb_databases()
    where database_name = :database
    union all
    select 'schema', schema, null, null, comment, null
    from listed_schema
    union all
    select 'table', s.schema, o.table_name, o.sql, o.comment, null
    from duckdb_tables() as o
    join listed_schema as s
        on s.oid = o.schema_oid
    where o.database_name = :database
        and not o.internal
    union all
    select 'view', s.schema, o.view_name, o.sql, o.comment, null
    from duckdb_views() as o
    join listed_schema as s
        on s.oid = o.schema_oid
    where o.database_name = :database
        and not o.internal
    union all
    select 'column', s.schema, c.table_name, cast(to_json([c.column_name, c.data_type]) as varchar), c.comment, c.column_index
    from duckdb_columns() as c
    join listed_schema as s
        on s.oid = c.schema_oid
    where c.database_name = :database
        and not c.internal
    union all
    select 'bound', s.schema, v.view_name, cast(to_json([b.name, b.data_type]) as varchar), null, b.place
    from bound_column as b
    join duckdb_views() as v
        on v.database_name = :database
        and v.view_oid = b.oid
    join listed_schema as s
        on s.oid = v.schema_oid
    union all
    select
        'macro',
        schema_name,
        function_name,
        cast(to_json({'k': function_type, 'd': macro_definition, 'p': parameters, 't': parameter_types}) as varchar),
        comment,
        null
    from duckdb_functions()
    where database_name = :database
        and not internal
)
select
    md5(
        cast(
            to_json(
                list(
                    {'k': kind, 's': schema, 'n': name, 't': text, 'c': comment, 'p': place}
                    order by kind, schema, name, place, text, comment
                )
            ) as varchar
        )
    ) as probe
from said

-- Grants: read access to the files. DuckDB 1.5+. bound_column has the columns of views as they are now; see views.py.
with wanted as (
    select
        unnest(cast(:table_schemas as varchar[])) as schema,
        unnest(cast(:table_names as varchar[])) as name
),
asked as materialized (
    select
        s.schema,
        w.name,
        r.oid,
        r.sql
    from wanted as w
    join listed_schema as s
        on s.schema = w.schema
    join (
        select
            schema_oid,
            table_oid as oid,
            table_name as name,
            sql
        from duckdb_tables()
        where database_name = :database
        union all
        select
            schema_oid,
            view_oid,
            view_name,
            null
        from duckdb_views()
        where database_name = :database
    ) as r
        on r.schema_oid = s.oid
        and r.name = w.name
),
kept_column as (
    select
        c.table_oid as oid,
        c.column_index as place,
        c.column_name as name,
        c.data_type,
        c.is_nullable,
        c.column_default,
        c.comment,
        -- There since 2.0. Before, only the table's text says it.
        cast(to_json(c) ->> '$.is_generated' as boolean) as is_generated,
        c.numeric_precision,
        c.numeric_scale
    from duckdb_columns() as c
    where c.database_name = :database
        and c.table_oid in (
            select oid
            from asked
        )
),
current_column as (
    select
        *
    from kept_column
    where oid not in (
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
        false,
        null,
        null
    from bound_column as b
    left join kept_column as k
        on k.oid = b.oid
        and k.name = b.name
),
constrained as materialized (
    select
        c.table_oid as oid,
        c.constraint_type as kind,
        a.schema,
        c.referenced_table as target,
        unnest(c.constraint_column_names) as column_name,
        -- As long as the other list for a foreign key, else empty: then it is filled with nulls.
        unnest(c.referenced_column_names) as target_column
    from duckdb_constraints() as c
    join asked as a
        on a.oid = c.table_oid
    where c.database_name = :database
        and c.constraint_type in ('PRIMARY KEY', 'FOREIGN KEY')
),
-- A foreign key leads to a table in the same schema: DuckDB has no others.
keyed as (
    select
        oid,
        column_name,
        bool_or(kind = 'PRIMARY KEY') as is_primary,
        bool_or(kind = 'FOREIGN KEY') as is_foreign,
        to_json(
            list([:database, schema, target, target_column] order by target, target_column)
                filter (where kind = 'FOREIGN KEY')
        ) as led_to
    from constrained
    group by
        oid,
        column_name
)
select
    a.schema,
    a.name as "table",
    c.name as "column",
    c.place as ordinal,
    c.data_type,
    c.is_nullable as nullable,
    c.column_default as "default",
    c.comment,
    coalesce(k.is_primary, false) as is_primary_key,
    coalesce(k.is_foreign, false) as is_foreign_key,
    false as is_identity,
    coalesce(
        c.is_generated,
        contains(a.sql, c.name || ' ' || c.data_type || ' GENERATED ALWAYS AS(')
        or contains(a.sql, '"' || replace(c.name, '"', '""') || '" ' || c.data_type || ' GENERATED ALWAYS AS('),
        false
    ) as is_generated,
    null as max_length,
    case when c.data_type like 'DECIMAL(%' then c.numeric_precision end as numeric_precision,
    case when c.data_type like 'DECIMAL(%' then c.numeric_scale end as numeric_scale,
    null as collation,
    cast(k.led_to as varchar) as "references"
from asked as a
join current_column as c
    on c.oid = a.oid
left join keyed as k
    on k.oid = c.oid
    and k.column_name = c.name

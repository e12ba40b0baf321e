-- Grants: read access to the files. DuckDB 1.5+.
with wanted as (
    select
        unnest(cast(:table_schemas as varchar[])) as schema,
        unnest(cast(:table_names as varchar[])) as name
),
asked as materialized (
    select
        s.schema,
        s.oid as schema_oid,
        w.name
    from wanted as w
    join listed_schema as s
        on s.schema = w.schema
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
        on a.schema_oid = c.schema_oid
        and a.name = c.table_name
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
    c.column_name as "column",
    c.column_index as ordinal,
    c.data_type,
    c.is_nullable as nullable,
    c.column_default as "default",
    c.comment,
    coalesce(k.is_primary, false) as is_primary_key,
    coalesce(k.is_foreign, false) as is_foreign_key,
    false as is_identity,
    -- Before 2.0 only the table's text says it.
    coalesce(
        cast(to_json(c) ->> '$.is_generated' as boolean),
        contains(t.sql, c.column_name || ' ' || c.data_type || ' GENERATED ALWAYS AS(')
        or contains(
            t.sql,
            '"' || replace(c.column_name, '"', '""') || '" ' || c.data_type || ' GENERATED ALWAYS AS('
        ),
        false
    ) as is_generated,
    null as max_length,
    case when c.data_type like 'DECIMAL(%' then c.numeric_precision end as numeric_precision,
    case when c.data_type like 'DECIMAL(%' then c.numeric_scale end as numeric_scale,
    null as collation,
    cast(k.led_to as varchar) as "references"
from duckdb_columns() as c
join asked as a
    on a.schema_oid = c.schema_oid
    and a.name = c.table_name
left join duckdb_tables() as t
    on t.database_name = :database
    and t.table_oid = c.table_oid
left join keyed as k
    on k.oid = c.table_oid
    and k.column_name = c.column_name
where c.database_name = :database

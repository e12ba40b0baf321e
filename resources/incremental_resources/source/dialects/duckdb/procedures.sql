-- Grants: read access to the files. DuckDB 1.5+. One of a name may have several forms, by their parameters.
-- Not printed anywhere: what a parameter is by default, and in which schema of several of one name a macro is. Then the
-- outermost stands for all, with one macro of those that are alike but for what they do.
select
    s.schema,
    f.function_name as "procedure",
    upper(replace(f.function_type, '_', ' ')) as kind,
    array_to_string(
        list_transform(
            range(1, len(f.parameters) + 1),
            lambda i: f.parameters[i] || coalesce(' ' || f.parameter_types[i], '')
        ),
        ', '
    ) as signature,
    'sql' as language,
    array_to_string(f.parameters, ', ') as arguments,
    f.return_type,
    f.macro_definition as definition,
    null as owner,
    f.comment,
    null as native_id,
    null as created_at,
    null as altered_at
from duckdb_functions() as f
join (
    select
        name,
        first(schema order by depth, schema) as schema
    from listed_schema
    group by name
) as s
    on s.name = f.schema_name
where f.database_name = :database
    and not f.internal
    and s.schema in (
        select unnest(cast(:schemas as varchar[]))
    )
qualify row_number() over (
    partition by
        s.schema,
        f.function_name,
        f.function_type,
        f.parameters,
        f.parameter_types
    order by
        f.macro_definition,
        f.comment
) = 1

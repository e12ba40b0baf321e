-- Grants: read access to the file. SQLite 3.37+ (pragma_table_list).
-- Left out: the library's own tables (sqlite_...), and those where virtual tables keep their rows
-- (shadow). Views and virtual tables have no token: their columns follow other tables, or their
-- module, without a change of their own text. Nor have an attached file's tables, which have no
-- definition either: one statement reads one sqlite_schema.
with listed as materialized (
    select
        schema,
        name,
        type
    from pragma_table_list
    where schema <> 'temp'
        and type <> 'shadow'
        and name not like 'sqlite\_%' escape '\'
),

-- What a foreign key leads to is looked up by name in tables that have texts of their own.
parents as materialized (
    select
        child.name,
        json_group_array(parent.sql) as texts
    from sqlite_schema as child
    cross join pragma_foreign_key_list(child.name, 'main') as reference
    join sqlite_schema as parent
        on lower(parent.name) = lower(reference."table")
        and parent.type = 'table'
    where child.type = 'table'
        and child.sql like '%references%'
    group by child.name
)

select
    listed.schema,
    listed.name as "table",
    iif(listed.type = 'view', 'VIEW', 'TABLE') as kind,
    null as native_id,
    null as owner,
    null as comment,
    null as created_at,
    null as altered_at,
    null as row_count,
    null as size_bytes,
    coalesce(column_count(listed.schema, listed.name), 0) as column_count,
    object.sql as definition,
    null as parent_schema,
    null as parent_table,
    case
        when listed.type <> 'table' then null
        when parents.texts is null then fingerprint(object.sql)
        else fingerprint(json_array(object.sql, parents.texts))
    end as token
from listed
left join sqlite_schema as object
    on object.name = listed.name
    and object.type in ('table', 'view')
    and listed.schema = 'main'
left join parents
    on parents.name = listed.name
    and listed.schema = 'main'

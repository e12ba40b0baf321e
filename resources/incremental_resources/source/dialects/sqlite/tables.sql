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
    iif(listed.type = 'table', fingerprint(object.sql), null) as token
from listed
left join sqlite_schema as object
    on object.name = listed.name
    and object.type in ('table', 'view')
    and listed.schema = 'main'

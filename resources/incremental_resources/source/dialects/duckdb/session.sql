-- Grants: none. DuckDB 1.5+. Settings are fixed when the files are opened; see files.py.
-- Since 2.0 schemas can be in schemas: such a one is called by its whole path, every part in quotes. The columns that say
-- so are not there before; to_json reads what there is.
create or replace temporary table listed_schema as
with recursive given as (
    select
        s.oid,
        s.schema_name,
        s.comment,
        cast(to_json(s) ->> '$.parent_schema_oid' as bigint) as parent
    from duckdb_schemas() as s
    where s.database_name = :database
        and (not s.internal or s.schema_name = 'main')
),
path as (
    select
        oid,
        schema_name as name,
        1 as depth,
        schema_name as schema,
        '"' || replace(schema_name, '"', '""') || '"' as quoted,
        comment
    from given
    where parent is null
    union all
    select
        g.oid,
        g.schema_name,
        p.depth + 1,
        p.quoted || '."' || replace(g.schema_name, '"', '""') || '"',
        p.quoted || '."' || replace(g.schema_name, '"', '""') || '"',
        g.comment
    from given as g
    join path as p
        on p.oid = g.parent
)
select
    :database as database,
    oid,
    name,
    depth,
    schema,
    quoted,
    comment
from path

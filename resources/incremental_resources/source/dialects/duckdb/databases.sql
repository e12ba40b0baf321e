-- Grants: read access to the files. DuckDB 1.5+. Ours is the only one that can be written to: it is in memory.
select
    database_name as database,
    null as owner,
    comment,
    null as native_id
from duckdb_databases()
where readonly
    and not internal

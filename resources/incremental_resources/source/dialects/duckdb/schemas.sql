-- Grants: read access to the files. DuckDB 1.5+.
select
    schema,
    null as owner,
    comment,
    null as native_id
from listed_schema

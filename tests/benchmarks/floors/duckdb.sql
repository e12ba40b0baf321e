-- The floor: every column, one statement.
select
    schema_name,
    table_name,
    column_name,
    column_index,
    data_type,
    is_nullable,
    column_default,
    comment
from duckdb_columns()
where not internal

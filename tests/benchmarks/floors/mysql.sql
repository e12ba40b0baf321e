-- The floor: every column of one database, one statement that opens each table once.
select
    table_name,
    ordinal_position,
    column_name,
    column_type,
    is_nullable,
    column_default,
    column_key,
    extra,
    column_comment
from information_schema.columns
where table_schema = database()

-- The floor: every column of one database, one statement.
select
    table,
    name,
    position,
    type,
    default_kind,
    default_expression,
    comment,
    is_in_primary_key
from system.columns
where database = 'shop'

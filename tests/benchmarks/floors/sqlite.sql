-- The floor: every column of every table, one statement, one look at the file.
select
    listed.name,
    info.cid,
    info.name,
    info.type,
    info."notnull",
    info.dflt_value,
    info.pk
from pragma_table_list as listed
cross join pragma_table_xinfo(listed.name, listed.schema) as info
where listed.type in ('table', 'view')

-- Grants: read access to the file. SQLite 3.37+.
-- Indexes, triggers and the library's own tables are in no listing. The library's version counts:
-- it makes up the columns of views.
select
    fingerprint(
        json_array(sqlite_version(), json_group_array(json_array(type, name, sql)))
    ) as probe
from (
    select
        type,
        name,
        sql
    from sqlite_schema
    where type in ('table', 'view')
        and name not like 'sqlite\_%' escape '\'
    order by
        type,
        name
)

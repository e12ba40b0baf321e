-- Grants: read access to the file. SQLite 3.37+.
-- The schema temp belongs to the session, not to the file.
select
    name as schema,
    null as owner,
    null as comment,
    null as native_id
from pragma_database_list
where name <> 'temp'

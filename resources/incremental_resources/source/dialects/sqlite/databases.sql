-- Grants: read access to the file. SQLite 3.37+. A file is one database, called like the file.
select
    :database as database,
    null as owner,
    null as comment,
    null as native_id

-- Grants: none. SQLite 3.37+. The version of the library: the file's own format says nothing we need.
select
    sqlite_version() as version

-- Grants: none. SQLite 3.37+. The version of the library, not that of the file's format.
select
    sqlite_version() as version

-- Grants: none. SQLite 3.37+. The library's version: that of the file's format says nothing we need.
select
    sqlite_version() as version

-- Grants: none. DuckDB 1.5+. The version of the library, not that of the file's format.
select
    version() as version

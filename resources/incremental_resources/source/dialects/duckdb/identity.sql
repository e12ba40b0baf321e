-- Grants: none. DuckDB 1.5+.
-- A file has no id of its own. It needs none: tokens are hashes of content, so that another file in its place cannot pass
-- for it. The library prints what is read, and another one may print it otherwise.
select
    version() as library

-- Grants: none. ClickHouse 24.3+.
select
    version() as version

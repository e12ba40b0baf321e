-- Grants: none. ClickHouse 24.3+.
select
    toString(now64(6, 'UTC')) as now

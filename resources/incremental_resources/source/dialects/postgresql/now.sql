-- Grants: none. PostgreSQL 12+.
select
    clock_timestamp() as now

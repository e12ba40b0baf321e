-- Grants: none. MariaDB 10.6+.
select
    utc_timestamp(6) as now

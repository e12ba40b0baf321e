-- Grants: none. DuckDB 1.5+. The clock of the machine that reads the file.
select
    make_timestamp(epoch_us(now())) as now

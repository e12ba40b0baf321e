-- Grants: none. SQLite 3.37+. The clock of the machine that reads the file, in milliseconds.
select
    strftime('%Y-%m-%d %H:%M:%f', 'now') as now

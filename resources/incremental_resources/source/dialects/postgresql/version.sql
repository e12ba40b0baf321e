-- Grants: none. PostgreSQL 12+.
select
    current_setting('server_version') as version

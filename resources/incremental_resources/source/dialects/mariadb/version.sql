-- Grants: none. MariaDB 10.6+.
select
    version() as version

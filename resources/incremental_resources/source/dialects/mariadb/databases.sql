-- Grants: none. MariaDB 10.6+. What the product calls a database is a schema here; the one level above has this name in
-- its information_schema.
select
    'def' as `database`,
    null as owner,
    null as comment,
    null as native_id

-- Grants: none. ClickHouse 24.3+. Those of the user and of the roles that are active for it.
show grants final

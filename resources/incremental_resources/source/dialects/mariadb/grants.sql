-- Grants: none. MariaDB 10.6+. Those of the role that connects, and of the roles that are active for it.
show grants

"""MariaDB 10.6 and later, through PyMySQL."""

"""MySQL 8.0.30 and later, through PyMySQL; what is not here is MariaDB's."""

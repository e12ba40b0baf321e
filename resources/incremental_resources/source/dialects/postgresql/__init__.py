"""PostgreSQL 12 and later, through psycopg 3."""

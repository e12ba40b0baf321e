"""How many levels of names a product has above its tables, as catalogs see it."""

# What these call a database is a schema here, and the level above has no name that means anything:
# `def` in information_schema, say.
ONE_LEVEL = frozenset({"clickhouse", "mariadb", "mysql"})

"""What SQLAlchemy has to know to hand statements to DuckDB's client: next to nothing."""

from typing import Any

from sqlalchemy.engine.default import DefaultDialect


class DuckDBDialect(DefaultDialect):
    """Statements and their values as they are; connections are opened in ``files.py``."""

    name = "duckdb"
    driver = "incremental"
    default_paramstyle = "qmark"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        import duckdb

        return duckdb

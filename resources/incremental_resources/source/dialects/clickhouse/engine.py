"""What SQLAlchemy has to know to hand statements to ClickHouse: next to nothing."""

from typing import Any

from sqlalchemy.engine.default import DefaultDialect


class ClickHouseDialect(DefaultDialect):
    """Statements and their values as they are; connections are opened in ``connect.py``."""

    name = "clickhouse"
    driver = "incremental"
    default_paramstyle = "pyformat"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        from incremental_resources.source.dialects.clickhouse import statements

        return statements

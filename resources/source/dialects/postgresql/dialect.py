"""PostgreSQL: facts, and what its errors mean. The queries are the SQL files beside this one."""

from types import MappingProxyType

import polars as pl
from sqlalchemy.engine import URL

from resources.source.dialect import Dialect
from resources.source.dialects.postgresql.explain import explain


def _database_of(url: URL) -> str:
    # libpq's rule: without a name, the database is called like the user.
    return url.database or url.username or "postgres"


def _bind_tables(tables: pl.DataFrame) -> dict[str, object]:
    return {"oids": tables["native_id"].to_list()}


DIALECT = Dialect(
    name="postgresql",
    title="PostgreSQL",
    url_schemes=("postgresql", "postgres"),
    drivername="postgresql+psycopg",
    extra="postgresql",
    minimum_version=(12,),
    entities=("databases", "schemas", "tables", "columns", "procedures"),
    durable_ids=True,
    durable_ordinals=True,
    creation_times=False,
    token_covers=(
        "every catalog row of the relation and its columns, and the names of other objects that "
        "their types, defaults and definitions print"
    ),
    token_has_time=False,
    hides_what_is_not_granted=False,
    verified="on live servers of versions 12, 14, 15 and 18, every kind of DDL: see tests/contract",
    bind_tables=_bind_tables,
    engine_options=MappingProxyType(
        {
            "isolation_level": "REPEATABLE READ",
            "pool_size": 3,
            "max_overflow": -1,
            "connect_args": {
                "connect_timeout": 10,
                "client_encoding": "utf8",
                # A prepared statement would get a plan for any array, and none behind a pooler.
                "prepare_threshold": None,
            },
        }
    ),
    database_of=_database_of,
    explain=explain,
)

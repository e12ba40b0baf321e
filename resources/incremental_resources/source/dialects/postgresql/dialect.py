"""PostgreSQL: facts, and what its errors mean. The queries are the SQL files beside this one."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import polars as pl
from sqlalchemy.engine import URL

from incremental_resources.source.dialect import Dialect
from incremental_resources.source.dialects.postgresql.connect import connect
from incremental_resources.source.dialects.postgresql.explain import explain
from incremental_resources.source.dialects.postgresql.leaving import leaving

# The columns that say which object a row is of.
NAMING = ("database", "schema", "table", "column", "procedure")


def _database_of(url: URL) -> str:
    # libpq's rule: without a name, the database is called like the user.
    return url.database or url.username or "postgres"


def _bind_tables(tables: pl.DataFrame) -> dict[str, object]:
    return {"oids": tables["native_id"].to_list()}


def _not_text(error: Exception) -> bool:
    # character_not_in_repertoire: a database in SQL_ASCII holds whatever bytes its clients sent.
    return getattr(error, "sqlstate", None) == "22021"


def _find_not_text(cursor: Any, names: Sequence[str]) -> str | None:
    result = cursor.pgresult
    for row in range(cursor.rownumber or 0, result.ntuples):
        values = [result.get_value(row, column) or b"" for column in range(result.nfields)]
        for name, value in zip(names, values, strict=True):
            try:
                value.decode()
            except UnicodeDecodeError:
                key = dict(zip(names, values, strict=True))
                told = ", ".join(f"{kind} {_shown(key[kind])}" for kind in NAMING if kind in key)
                return f"{value[:80]!r} ({name} of {told})"
    return None


def _shown(name: bytes) -> str:
    return repr(name.decode("utf-8", "backslashreplace"))


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
    gives_position=True,
    tells_restarts=True,
    token_covers=(
        "every catalog row of the relation and its columns, and the names of other objects that "
        "their types, defaults and definitions print"
    ),
    token_has_time=False,
    sqlglot_dialect="postgres",
    # search_path is pg_catalog in our sessions; only what is there is printed bare.
    definitions_name_schemas=True,
    hides_what_is_not_granted=False,
    verified="on live servers of versions 12, 14, 15 and 18, every kind of DDL: see tests/contract",
    bind_tables=_bind_tables,
    engine_options=MappingProxyType(
        {
            # Asks for a type that we do not read, in a transaction that it begins itself.
            "use_native_hstore": False,
            "connect_args": {
                "connect_timeout": 10,
                "client_encoding": "utf8",
                # A prepared statement would get a plan for any array, and none behind a pooler.
                "prepare_threshold": None,
            },
        }
    ),
    connect=connect,
    leaving=leaving,
    database_of=_database_of,
    explain=explain,
    not_text=_not_text,
    find_not_text=_find_not_text,
)

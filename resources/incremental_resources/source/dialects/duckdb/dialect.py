"""DuckDB: facts. The queries are the SQL files beside this one; ``files.py`` opens databases."""

from pathlib import Path

import polars as pl
from sqlalchemy.dialects import registry
from sqlalchemy.engine import URL

from incremental_resources.source.dialect import Dialect
from incremental_resources.source.dialects.duckdb.explain import explain
from incremental_resources.source.dialects.duckdb.files import connect, name_of
from incremental_resources.source.errors import CapabilityMissing

# Beside a `duckdb` that another package registers: whoever uses that one is left alone.
registry.register("duckdb.incremental", f"{__package__}.engine", "DuckDBDialect")


def _database_of(url: URL) -> str:
    path = url.database or ""
    if path in ("", ":memory:"):
        raise CapabilityMissing(
            f"A DuckDB URL must name a file by its path, not {path!r}. Write "
            "duckdb:///relative/path.duckdb or duckdb:////absolute/path.duckdb; it is opened read "
            "only."
        )
    return name_of(Path(path))


def _same_files(url: URL, _database: str) -> URL:
    return url


def _bind_tables(tables: pl.DataFrame) -> dict[str, object]:
    return {
        "table_schemas": tables["schema"].to_list(),
        "table_names": tables["table"].to_list(),
    }


DIALECT = Dialect(
    name="duckdb",
    title="DuckDB",
    url_schemes=("duckdb",),
    drivername="duckdb+incremental",
    extra="duckdb",
    minimum_version=(1, 5),
    entities=("databases", "schemas", "tables", "columns", "procedures"),
    # Ids are given anew whenever a file is opened.
    durable_ids=False,
    durable_ordinals=False,
    creation_times=False,
    gives_position=False,
    tells_restarts=False,
    token_covers="all that is read of the columns and keys of a table or view",
    token_has_time=False,
    sqlglot_dialect="duckdb",
    definitions_name_schemas=False,
    hides_what_is_not_granted=False,
    verified="on files written by 1.5 and 2.0, against DuckDB's own describe: see tests/contract",
    bind_tables=_bind_tables,
    connect=connect,
    # An open file keeps everybody from writing to it.
    keeps_sessions=False,
    database_of=_database_of,
    url_for=_same_files,
    explain=explain,
)

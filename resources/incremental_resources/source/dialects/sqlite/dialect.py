"""SQLite: facts. The queries are the SQL files beside this one; ``file.py`` opens the database."""

from pathlib import Path
from types import MappingProxyType

import polars as pl
from sqlalchemy.engine import URL

from incremental_resources.source.dialect import Dialect
from incremental_resources.source.dialects.sqlite.file import ReadOnlyFile, explain
from incremental_resources.source.errors import CapabilityMissing


def _database_of(url: URL) -> str:
    path = url.database or ""
    if path in ("", ":memory:") or path.startswith("file:"):
        raise CapabilityMissing(
            f"An SQLite URL must name a file by its path, not {path!r}. Write "
            "sqlite:///relative/path.db or sqlite:////absolute/path.db; it is opened read only."
        )
    return Path(path).stem


def _same_file(url: URL, _database: str) -> URL:
    return url


def _bind_tables(tables: pl.DataFrame) -> dict[str, object]:
    return {"tables": tables.select("schema", "table").write_json()}


DIALECT = Dialect(
    name="sqlite",
    title="SQLite",
    url_schemes=("sqlite",),
    drivername="sqlite",
    extra="sqlite",
    minimum_version=(3, 37),
    entities=("databases", "schemas", "tables", "columns"),
    durable_ids=False,
    durable_ordinals=False,
    creation_times=False,
    gives_position=True,
    tells_restarts=False,
    token_covers="the table's SQL text; views and virtual tables are read every time",
    token_has_time=False,
    sqlglot_dialect="sqlite",
    definitions_name_schemas=False,
    hides_what_is_not_granted=False,
    verified="on files written by the standard library's driver: see tests/contract",
    bind_tables=_bind_tables,
    engine_options=MappingProxyType({"connect_args": {"factory": ReadOnlyFile}}),
    # A connection that stays open goes on reading a file that has been replaced.
    keeps_sessions=False,
    database_of=_database_of,
    url_for=_same_file,
    explain=explain,
)

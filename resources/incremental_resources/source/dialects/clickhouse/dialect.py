"""ClickHouse: facts, and how names are bound. The queries are the SQL files beside this one."""

import json
from collections.abc import Sequence

import polars as pl
from sqlalchemy.dialects import registry
from sqlalchemy.engine import URL

from incremental_resources.source.dialect import Dialect
from incremental_resources.source.dialects.clickhouse.connect import connect
from incremental_resources.source.dialects.clickhouse.explain import explain
from incremental_resources.source.errors import CapabilityMissing

# The one level above our schemas has no name of its own; `default` is a schema.
CATALOG = "clickhouse"
IN_PROCESS = "chdb"

registry.register("clickhouse.incremental", f"{__package__}.engine", "ClickHouseDialect")


def _catalog(url: URL) -> str:
    in_process = url.drivername.partition("+")[0] == IN_PROCESS
    if in_process and (url.host or not url.database):
        raise CapabilityMissing(
            "A chdb URL must name a folder by its path. Write chdb:///relative/folder or "
            "chdb:////absolute/folder."
        )
    if not in_process and not url.host:
        raise CapabilityMissing(
            "A ClickHouse URL must name a host. Write clickhouse://user:password@host:8123/database."
        )
    return CATALOG


def _schemas_of(url: URL) -> tuple[str, ...]:
    return (url.database,) if url.host and url.database else ()


def _same_server(url: URL, _database: str) -> URL:
    return url


def _bind_schemas(schemas: Sequence[str]) -> object:
    return json.dumps(list(schemas))


def _bind_tables(tables: pl.DataFrame) -> dict[str, object]:
    return {"tables": json.dumps(tables.select("schema", "table").rows())}


DIALECT = Dialect(
    name="clickhouse",
    title="ClickHouse",
    url_schemes=("clickhouse", IN_PROCESS),
    drivername="clickhouse+incremental",
    extra="clickhouse",
    minimum_version=(24, 3),
    entities=("databases", "schemas", "tables", "columns"),
    durable_ids=True,
    durable_ordinals=False,
    creation_times=False,
    gives_position=False,
    tells_restarts=False,
    token_covers="the statement that makes it, its uuid, its name, and all that its columns print",
    token_has_time=False,
    sqlglot_dialect="clickhouse",
    definitions_name_schemas=True,
    hides_what_is_not_granted=True,
    verified="by chdb 26.9, in process and over HTTP: see tests/contract",
    bind_tables=_bind_tables,
    bind_schemas=_bind_schemas,
    connect=connect,
    # chdb has one folder at a time, and over HTTP nothing is kept open anyway.
    keeps_sessions=False,
    database_of=_catalog,
    schemas_of=_schemas_of,
    url_for=_same_server,
    explain=explain,
)

"""MariaDB: facts, and how names of schemas and tables are bound. The queries are the SQL files."""

import re
from collections.abc import Sequence
from types import MappingProxyType

import polars as pl
from sqlalchemy.engine import URL

from incremental_resources.source.dialect import Dialect
from incremental_resources.source.dialects.mariadb.connect import connect_to
from incremental_resources.source.dialects.mariadb.explain import explain

# What the one level above our schemas is called in information_schema.
CATALOG = "def"
# `in ()` is no SQL, and nothing is called so.
NOTHING = ""
# MariaDB shows the hash of the password among the grants.
IDENTIFIED = re.compile(r" IDENTIFIED (BY|VIA) .*", re.DOTALL)


def _catalog(_url: URL) -> str:
    return CATALOG


def _schemas_of(url: URL) -> tuple[str, ...]:
    return (url.database,) if url.database else ()


def _same_server(url: URL, _database: str) -> URL:
    return url


def _bind_schemas(schemas: Sequence[str]) -> object:
    return (NOTHING, *schemas)


def _grant_text(text: str) -> str:
    return IDENTIFIED.sub("", text)


def _bind_tables(tables: pl.DataFrame) -> dict[str, object]:
    return {"tables": ((NOTHING, NOTHING), *tables.select("schema", "table").iter_rows())}


DIALECT = Dialect(
    name="mariadb",
    title="MariaDB",
    url_schemes=("mariadb",),
    drivername="mysql+pymysql",
    extra="mariadb",
    minimum_version=(10, 6),
    entities=("databases", "schemas", "tables", "columns", "procedures"),
    durable_ids=False,
    durable_ordinals=False,
    # create_time moves with every `alter table`.
    creation_times=False,
    gives_position=False,
    tells_restarts=False,
    token_covers="all that is printed of the columns and keys, of tables and of views",
    token_has_time=False,
    sqlglot_dialect="mysql",
    definitions_name_schemas=True,
    hides_what_is_not_granted=True,
    verified="on a live server of 10.11, every kind of DDL: see tests/contract",
    bind_tables=_bind_tables,
    bind_schemas=_bind_schemas,
    engine_options=MappingProxyType({"connect_args": {"connect_timeout": 10}}),
    connect=connect_to("MariaDB", "mysql"),
    database_of=_catalog,
    schemas_of=_schemas_of,
    url_for=_same_server,
    explain=explain,
    grant_text=_grant_text,
)

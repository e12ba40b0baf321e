"""Live databases for tests, by product: a small known catalogue, DDL, and sources over them."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import polars as pl
import psycopg
import pytest
from sqlalchemy import URL, make_url

from incremental_assets.core.entities import COLUMNS, ENTITIES
from incremental_resources.source import dialects as folders
from incremental_resources.source.dialect import Dialect, dialect_for
from incremental_resources.source.source import Source
from tests import clickhouse_server, mysql_server

# Every product understands these; what they come to is said by the tests that read them.
CATALOGUE = (
    "create table product (id integer primary key, name varchar(20) not null default 'pen')",
    "create table sale "
    "(id integer primary key, product integer references product (id), note text)",
    "create view offer as select id, name from product",
)
# Those that do not understand them have their own, which come to the same.
CATALOGUES = dict.fromkeys(
    ("chdb", "clickhouse"),
    (
        "create table product (id Int32, name String default 'pen') order by id",
        "create table sale (id Int32, product Nullable(Int32), note Nullable(String)) order by id",
        "create view offer as select id, name from product",
    ),
)
# By the name of a source: what it is of, where it is not called like its product.
PRODUCTS = {"chdb": "clickhouse"}
ROUTINES = {
    "duckdb": ("create macro total(a) as a",),
    **dict.fromkeys(
        ("mariadb", "mysql"),
        ("create function total(a integer) returns integer deterministic return a",),
    ),
    "postgresql": ("create function total(a integer) returns integer language sql return a",),
}


@dataclass(frozen=True)
class Only:
    """A scope of one database, and of the schemas named, or of all."""

    database: str
    schemas: frozenset[str] | None = None
    partitions: str = "collapse"

    def admits_database(self, database: str) -> bool:
        return database == self.database

    def names_database(self, database: str) -> bool:
        return database == self.database

    def admits_schema(self, database: str, schema: str) -> bool:
        return self.schemas is None or schema in self.schemas


@dataclass(frozen=True)
class Live:
    """One database, and the ways to reach it."""

    url: URL
    schema: str
    execute: Callable[[Iterable[str]], None]
    # All that a source reads unless it is told otherwise: on a server that others use as well.
    schemas: tuple[str, ...] | None = None

    @property
    def dialect(self) -> Dialect:
        return dialect_for(self.url)

    @property
    def database(self) -> str:
        return self.dialect.database_of(self.url)

    def at(self, url: URL | str) -> "Live":
        """The same product elsewhere."""
        return replace(self, url=make_url(url))

    def ddl(self, *statements: str) -> None:
        """Run statements, each committed by itself, with the product's plain driver."""
        self.execute(statements)

    def source(self, *, schemas: Iterable[str] | None = None, **changes: object) -> Source:
        """A source of this database; ``changes`` go to the dialect."""
        wanted = self.schemas if schemas is None else schemas
        return Source(
            self.url,
            replace(self.dialect, **changes),
            Only(self.database, None if wanted is None else frozenset(wanted)),
            statement_timeout_seconds=30,
            name="shop_connection",
        )


def catalogue(name: str) -> tuple[str, ...]:
    """What makes the known catalogue in the source ``name``."""
    return (*CATALOGUES.get(name, CATALOGUE), *ROUTINES.get(name, ()))


def listed(source: Source, entity: str) -> pl.DataFrame:
    """Every row of any entity, columns included."""
    if entity == "columns":
        return columns(source, listed(source, "tables"))
    return source.listing(entity, ENTITIES[entity].schema)


def columns(source: Source, tables: pl.DataFrame) -> pl.DataFrame:
    """The columns of ``tables``, all of them in one database."""
    (database,) = source.databases()
    asked = tables.select("schema", "table", "native_id")
    read = source.pinned_to(source.identity()).columns(database, asked, COLUMNS.schema)
    return pl.concat([COLUMNS.empty(), *read])


def table(source: Source, name: str) -> dict[str, object]:
    """One row of the tables listing."""
    return listed(source, "tables").row(by_predicate=pl.col("table") == name, named=True)


def quoted(name: str) -> str:
    """``name`` as an identifier of standard SQL."""
    return '"' + name.replace('"', '""') + '"'


def postgresql(url: str) -> Live:
    """The database of ``url``."""

    def execute(statements: Iterable[str]) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    return Live(make_url(url), "public", execute)


def duckdb_file(path: Path) -> Live:
    """The file at ``path``, which comes to be with the first statement."""

    def execute(statements: Iterable[str]) -> None:
        with duckdb.connect(path) as connection:
            for statement in statements:
                connection.execute(statement)

    return Live(URL.create("duckdb", database=str(path)), "main", execute)


def sqlite(path: Path) -> Live:
    """The file at ``path``, which comes to be with the first statement."""

    def execute(statements: Iterable[str]) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    return Live(URL.create("sqlite", database=str(path)), "main", execute)


def mysql(url: str) -> Live:
    """The database of ``url``, of MariaDB or MySQL."""
    made = make_url(url)

    def execute(statements: Iterable[str]) -> None:
        with mysql_server.connected(url) as cursor:
            for statement in statements:
                cursor.execute(statement)

    return Live(made, str(made.database), execute, (str(made.database),))


# What MariaDB and MySQL take for no name: what ends with white space, and characters of four bytes.
UNFIT = re.compile(r"[ \t-\r]\Z|[\U00010000-\U0010ffff]")


def fit_names(live: Live, names: Iterable[str]) -> list[str]:
    """Those that the product takes as names of tables and columns."""
    free = live.dialect.name not in ("mariadb", "mysql")
    return [name for name in names if free or not UNFIT.search(name)]


def chdb_folder(path: Path) -> Live:
    """The database ``shop`` in the folder at ``path``, read in process."""
    path.mkdir()

    def execute(statements: Iterable[str]) -> None:
        clickhouse_server.run(path, "shop", map(_as_clickhouse, statements))

    return Live(URL.create("chdb", database=str(path)), "shop", execute, ("shop",))


@contextmanager
def clickhouse(path: Path) -> Iterator[Live]:
    """The same over HTTP."""
    folder = chdb_folder(path)
    with clickhouse_server.serving(path) as (port, _):
        url = URL.create(
            "clickhouse",
            clickhouse_server.USER,
            clickhouse_server.PASSWORD,
            "127.0.0.1",
            port,
            "shop",
        )
        yield folder.at(url)


def _as_clickhouse(statement: str) -> str:
    """Standard SQL as ClickHouse takes it: a backslash in quotes would begin an escape."""
    renamed = re.sub(
        r"^alter table (.+) rename to (.+)$", r"rename table \1 to \2", statement, flags=re.DOTALL
    )
    return renamed.replace("\\", "\\\\")


# Every product that ships, each with the way to an empty database of its own.
SOURCES: dict[str, Callable[[pytest.FixtureRequest], Live]] = {
    "chdb": lambda request: chdb_folder(request.getfixturevalue("tmp_path") / "shop"),
    "clickhouse": lambda request: request.getfixturevalue("clickhouse_database"),
    "duckdb": lambda request: duckdb_file(request.getfixturevalue("tmp_path") / "shop.duckdb"),
    "mariadb": lambda request: mysql(request.getfixturevalue("mariadb_database")),
    "mysql": lambda request: mysql(request.getfixturevalue("mysql_database")),
    "postgresql": lambda request: postgresql(request.getfixturevalue("fresh_database")),
    "sqlite": lambda request: sqlite(request.getfixturevalue("tmp_path") / "shop.db"),
}


def sql_files(dialect: Dialect) -> dict[str, str]:
    """The text of every SQL file that the dialect has, its parent's included."""
    inherited = sql_files(dialect.parent) if dialect.parent else {}
    return inherited | own_files(dialect)


def own_files(dialect: Dialect) -> dict[str, str]:
    """Those that are not its parent's."""
    folder = Path(folders.__path__[0]) / dialect.name
    return {path.stem: path.read_text() for path in sorted(folder.glob("*.sql"))}


def copied_folder(dialect: Dialect, package: Path, **files: str) -> dict[str, object]:
    """A copy of the dialect's SQL in ``package``, with ``files`` in place of those of these names.

    Returns what to change in a dialect so that it reads the copy. The folder of ``package`` must be
    on the import path.
    """
    folder = package / dialect.name
    folder.mkdir(parents=True)
    (package / "__init__.py").touch()
    for name, text in (sql_files(dialect) | files).items():
        (folder / f"{name}.sql").write_text(text)
    return {"package": package.name}

"""Where the databases of a benchmark are made, by product. Nothing is measured here."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import make_url

from tests import mysql_server
from tests.benchmarks.server import embedded_server
from tests.sources import Live, chdb_folder, duckdb_file, mysql, sqlite

NAME = "incremental_benchmark_{size}"
SIZES = ("small", "large")


class Place(Protocol):
    """Databases by size, ``small`` or ``large``."""

    def url(self, size: str) -> str:
        """How a connection names it."""

    def make(self, size: str, statements: Iterable[str]) -> None:
        """Make it anew with these statements."""

    def execute(self, size: str, statements: Iterable[str]) -> None:
        """Change it."""


class Files:
    """Databases that are files or folders of their own, made by the product's plain driver."""

    def __init__(self, directory: Path, live: Callable[[Path], Live], suffix: str) -> None:
        self._live = {size: live(directory / f"{size}{suffix}") for size in SIZES}

    def url(self, size: str) -> str:
        """A file."""
        return self._live[size].url.render_as_string(hide_password=False)

    def make(self, size: str, statements: Iterable[str]) -> None:
        """With all of its statements."""
        self.execute(size, statements)

    def execute(self, size: str, statements: Iterable[str]) -> None:
        """One by one."""
        self._live[size].execute(statements)


class MysqlDatabases:
    """Databases of a MariaDB or MySQL server."""

    def __init__(self, server: str) -> None:
        self._server = server

    def url(self, size: str) -> str:
        """A database of its own."""
        url = make_url(self._server).set(database=NAME.format(size=size))
        return url.render_as_string(hide_password=False)

    def make(self, size: str, statements: Iterable[str]) -> None:
        """Make the database, then what is in it."""
        self.drop(size)
        with mysql_server.connected(self._server) as cursor:
            cursor.execute(f"create database {NAME.format(size=size)}")
        self.execute(size, statements)

    def execute(self, size: str, statements: Iterable[str]) -> None:
        """One by one."""
        mysql(self.url(size)).execute(statements)

    def drop(self, size: str) -> None:
        """Remove the database."""
        with mysql_server.connected(self._server) as cursor:
            cursor.execute(f"drop database if exists {NAME.format(size=size)}")


class PostgresDatabases:
    """Databases of a server."""

    def __init__(self, server: str) -> None:
        self._server = server

    def url(self, size: str) -> str:
        """A database of its own."""
        url = make_url(self._server).set(database=NAME.format(size=size))
        return url.render_as_string(hide_password=False)

    def make(self, size: str, statements: Iterable[str]) -> None:
        """Make the database, then what is in it."""
        self.drop(size)
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(f"create database {NAME.format(size=size)}")
        self.execute(size, statements)
        with psycopg.connect(self.url(size), autocommit=True) as connection:
            connection.execute("vacuum analyze")

    def execute(self, size: str, statements: Iterable[str]) -> None:
        """Each in a transaction of its own."""
        with psycopg.connect(self.url(size), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def drop(self, size: str) -> None:
        """Remove the database."""
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(f"drop database if exists {NAME.format(size=size)}")


@contextmanager
def _postgresql(_directory: Path, url: str | None) -> Iterator[Place]:
    with nullcontext(url) if url else embedded_server() as server:
        place = PostgresDatabases(server)
        try:
            yield place
        finally:
            for size in SIZES:
                place.drop(size)


@contextmanager
def _mysql(_directory: Path, url: str | None) -> Iterator[Place]:
    if url is None:
        raise SystemExit("--url is needed: a server where databases may be created.")
    place = MysqlDatabases(url)
    try:
        yield place
    finally:
        for size in SIZES:
            place.drop(size)


@contextmanager
def _sqlite(directory: Path, _url: str | None) -> Iterator[Place]:
    yield Files(directory, sqlite, ".db")


@contextmanager
def _duckdb(directory: Path, _url: str | None) -> Iterator[Place]:
    yield Files(directory, duckdb_file, ".duckdb")


@contextmanager
def _chdb(directory: Path, _url: str | None) -> Iterator[Place]:
    yield Files(directory, chdb_folder, "")


PLACES: dict[str, Callable[[Path, str | None], AbstractContextManager[Place]]] = {
    "clickhouse": _chdb,
    "duckdb": _duckdb,
    "mariadb": _mysql,
    "mysql": _mysql,
    "postgresql": _postgresql,
    "sqlite": _sqlite,
}

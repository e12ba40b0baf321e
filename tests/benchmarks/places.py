"""Where the databases of a benchmark are made, by product. Nothing is measured here."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import psycopg
from sqlalchemy import make_url

from tests.benchmarks.server import embedded_server

NAME = "incremental_benchmark_{size}"


class Place(Protocol):
    """Databases by size, ``small`` or ``large``."""

    def url(self, size: str) -> str:
        """How a connection names it."""

    def make(self, size: str, statements: Iterable[str]) -> None:
        """Make it anew with these statements."""

    def execute(self, size: str, statements: Iterable[str]) -> None:
        """Change it."""


class SqliteFiles:
    """Files in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def url(self, size: str) -> str:
        """A file."""
        return f"sqlite:///{self._directory / size}.db"

    def make(self, size: str, statements: Iterable[str]) -> None:
        """In one transaction."""
        self.execute(size, statements)

    def execute(self, size: str, statements: Iterable[str]) -> None:
        """In one transaction."""
        with closing(sqlite3.connect(self._directory / f"{size}.db")) as connection, connection:
            for statement in statements:
                connection.execute(statement)


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
            for size in ("small", "large"):
                place.drop(size)


@contextmanager
def _sqlite(directory: Path, _url: str | None) -> Iterator[Place]:
    yield SqliteFiles(directory)


PLACES: dict[str, Callable[[Path, str | None], AbstractContextManager[Place]]] = {
    "postgresql": _postgresql,
    "sqlite": _sqlite,
}

"""Opening DuckDB files read only, and sessions in them that end a statement in time.

What its errors mean is in ``explain.py``. A private database in memory has the files attached: no
session finds what another one opened, and names of their owners are never looked up unqualified.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from incremental_resources.source.dialects.duckdb.explain import (
    IN_USE,
    OTHER_VERSION,
    closed_file,
    file_of_another_version,
)
from incremental_resources.source.dialects.duckdb.views import bind_views, quoted, text_quoted
from incremental_resources.source.errors import CapabilityMissing, SourceUnavailable

# What a database in memory calls its own. DuckDB gives files of these names another one, too.
TAKEN = ("memory", "system", "temp")
# As long as an SQLite file's lock is waited for.
PATIENCE_SECONDS = 5.0
PAUSE_SECONDS = 0.1
# Nothing is installed, and nothing is written that does not fit into memory.
CONFIG = {"autoinstall_known_extensions": "false", "temp_directory": ""}
# Nothing that a view of theirs names is opened: no file, no address. No setting changes any more.
LOCKED = (
    "set enable_external_access = false",
    "set lock_configuration = true",
    "begin transaction read only",
)


def name_of(path: Path) -> str:
    """What the database in a file is called."""
    return f"{path.stem}_db" if path.stem.lower() in TAKEN else path.stem


def connect(
    *, database: str, silence_seconds: float, attach: str | Sequence[str] = ()
) -> "Connection":
    """A session over the file ``database`` and those that ``attach`` names beside it.

    Raises:
        ResourceError: one of the files cannot be opened now, or never.
    """
    import duckdb

    others = (attach,) if isinstance(attach, str) else attach
    main = Path(database)
    paths = [main, *(main.parent / other for other in others)]
    client = duckdb.connect(":memory:", config=dict(CONFIG))
    try:
        for path in paths:
            _attach(client, path)
        for statement in LOCKED:
            client.execute(statement)
    except BaseException:
        client.close()
        raise
    return Connection(client, silence_seconds)


def _attach(client: Any, path: Path) -> None:
    """Attach a file; one that a program writes to is waited for."""
    until = time.monotonic() + PATIENCE_SECONDS
    file, name = str(path.absolute()), name_of(path)
    while True:
        try:
            client.execute(f"attach {text_quoted(file)} as {quoted(name)} (type duckdb, read_only)")
        except client_error() as error:
            failed = error
        else:
            return
        if not IN_USE.search(str(failed)) or time.monotonic() > until:
            break
        time.sleep(PAUSE_SECONDS)
    _refuse(path, failed)


def _refuse(path: Path, error: Exception) -> None:
    """Raise what it means that a file cannot be attached."""
    if not os.access(path, os.F_OK):
        raise SourceUnavailable(
            f"the file {path} does not exist, or its folder is closed to us. Nothing was created. "
            "Correct the URL, or put the file back."
        )
    if not os.access(path, os.R_OK):
        raise closed_file(path)
    if OTHER_VERSION.search(str(error)):
        raise file_of_another_version(path, str(error))
    if "already exists" in str(error):
        raise CapabilityMissing(
            f"two files of the url are called {name_of(path)!r}, and a database is called like "
            "its file. Give each its own connection."
        )
    raise error


def client_error() -> type[Exception]:
    """The root of the client's errors."""
    import duckdb

    return duckdb.Error


class Connection:
    """What SQLAlchemy needs of a connection: one transaction, in which nothing is written."""

    def __init__(self, client: Any, seconds: float) -> None:
        self.client = client
        self._seconds = seconds
        self._bound = False

    def bind_views(self) -> None:
        """Fill ``bound_column``: what the columns of views are now, as far as they can be bound."""
        if self._bound:
            return
        self._bound = True
        with self.limited():
            bind_views(self.client)

    def cursor(self) -> "Cursor":
        """One that shares the session: the client's own would be another session."""
        return Cursor(self)

    def commit(self) -> None:
        """Nothing."""

    def rollback(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Let go of the files."""
        self.client.close()

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Whatever takes longer is broken off; DuckDB has no setting for it."""
        alarm = threading.Timer(self._seconds, self.client.interrupt)
        alarm.daemon = True
        alarm.start()
        try:
            yield
        finally:
            alarm.cancel()


class Cursor:
    """The rows of one statement at a time."""

    arraysize = 1
    rowcount = -1

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.description: Sequence[Any] | None = None

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Run a statement."""
        if "bound_column" in statement:
            self.connection.bind_views()
        with self.connection.limited():
            self.connection.client.execute(statement, list(values))
        self.description = self.connection.client.description

    def fetchone(self) -> Any:
        """The next row, or None."""
        with self.connection.limited():
            return self.connection.client.fetchone()

    def fetchmany(self, size: int = 1) -> Any:
        """The next rows, none at the end."""
        with self.connection.limited():
            return self.connection.client.fetchmany(size)

    def fetchall(self) -> Any:
        """All rows that are left."""
        with self.connection.limited():
            return self.connection.client.fetchall()

    def close(self) -> None:
        """Nothing: the next statement takes the place of this one's rows."""

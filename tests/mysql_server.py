"""MariaDB and MySQL for tests: where their servers are, and databases of a test's own on them.

MariaDB answers at 127.0.0.1:3306 unless ``MARIADB_URL`` names another; MySQL where ``MYSQL_URL``
says, which ``.ci/mysql`` prints. Without a server its tests are skipped; with ``REQUIRE_MARIADB``
or ``REQUIRE_MYSQL`` they fail.
"""

import getpass
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pymysql
import pytest
from sqlalchemy import make_url

from tests.waiting import end_of, wait_until

USER = getpass.getuser()
URLS = {"mariadb": "mariadb://root@127.0.0.1:3306", "mysql": None}
PREFIX = "ia_test_"


@cache
def server_url(product: str) -> str:
    """A superuser's URL to the server, without a database; skips where there is none."""
    given = os.environ.get(f"{product.upper()}_URL", URLS[product])
    reason = f"{product.upper()}_URL is not set; .ci/mysql prints one"
    if given:
        try:
            with connected(given):
                return given
        except pymysql.Error as error:
            reason = f"no {product} answers at {given}: {error}"
    if os.environ.get(f"REQUIRE_{product.upper()}"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def connected(url: str, **settings: Any) -> Iterator[Any]:
    """A cursor of the plain driver, which commits each statement, and where "a" is a name."""
    parsed = make_url(url)
    wanted = {
        "host": parsed.host,
        "port": parsed.port or 3306,
        "user": parsed.username,
        "password": parsed.password or "",
        "database": parsed.database,
        "autocommit": True,
        "init_command": "set session sql_mode = concat(@@sql_mode, ',ANSI_QUOTES')",
    }
    with closing(pymysql.connect(**(wanted | settings))) as connection:
        yield connection.cursor()


@contextmanager
def temporary_database(server: str, name: str | None = None) -> Iterator[str]:
    """The URL of a new, empty database that is gone afterwards."""
    name = name or PREFIX + uuid.uuid4().hex[:12]
    with connected(server) as cursor:
        cursor.execute(f'create database "{name}"')
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            cursor.execute(f'drop database if exists "{name}"')


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


class PrivateServer:
    """A MariaDB of a test's own, in ``folder``; skips where its programs are not installed."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.folder = folder
        # A server that starts removes what it takes for left over from its folder for such files.
        (folder / "temporary").mkdir()
        options = {"tmpdir": str(folder / "temporary"), **options}
        self.options = [f"--{name}={value}" for name, value in options.items()]
        self.port = free_port()
        self.url = f"mariadb://root@127.0.0.1:{self.port}"
        program = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
        installer = shutil.which("mariadb-install-db")
        if program is None or installer is None:
            pytest.skip("no mariadbd is installed here")
        self._command = [program, "--no-defaults", f"--datadir={folder}/data", f"--user={USER}"]
        subprocess.run(
            [installer, "--no-defaults", f"--datadir={folder}/data", f"--user={USER}"]
            + ["--auth-root-authentication-method=normal", "--skip-test-db", *self.options],
            check=True,
            capture_output=True,
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        own = [f"--port={self.port}", "--bind-address=127.0.0.1"]
        files = [f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid"]
        self._process = subprocess.Popen(
            [*self._command, *own, *files, *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        processes = {"mariadbd": self._process}
        wait_until(self._answers, lambda: end_of(processes))

    def _answers(self) -> bool:
        try:
            with connected(self.url):
                return True
        except pymysql.Error:
            return False

    def kill(self) -> None:
        """As if the machine had lost its power."""
        if self._process:
            self._process.kill()
            self._process.wait()

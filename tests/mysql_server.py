"""MariaDB and MySQL for tests: where their servers are, and databases of a test's own on them.

MariaDB answers at 127.0.0.1:3306 unless ``MARIADB_URL`` names another; MySQL where ``MYSQL_URL``
says, which ``.ci/mysql`` prints. Without a server its tests are skipped; with ``REQUIRE_MARIADB``
or ``REQUIRE_MYSQL`` they fail.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

import pymysql
import pytest
from sqlalchemy import make_url

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

"""Connections to PostgreSQL whose search path is ours before anything is asked.

They end when the server falls silent; libpq would wait for ever.
"""

import os
import re
import time
from collections.abc import Generator
from functools import cache
from typing import Any

# A peer that is gone is noticed after two minutes, and what stands between us and the server
# (a firewall, address translation) is kept from forgetting a connection whose statement takes long.
# The system's defaults are two hours. What the url says instead comes first.
KEEPALIVES = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6}

# The owner of a database chooses its search path (alter database ... set), and so whose function,
# operator or type an unqualified name means. These two statements look no name up. Of this
# transaction only: behind a pooler the next one may be in a session that others use.
BEGIN = (
    "begin isolation level repeatable read, read only; set local search_path = pg_catalog, pg_temp"
)
# Sent with the startup packet too: functions of event triggers on login run before any statement.
SEARCH_PATH = "-c search_path=pg_catalog,pg_temp"
# PgBouncer: "unsupported startup parameter: options", or "... in options: search_path".
# RDS Proxy: "currently doesn't support command-line options".
REFUSED = re.compile(r"startup parameter|command-line option")
# The addresses (host, hostaddr, port) that refused it; whatever is there stays what it is.
refusing: set[tuple[Any, ...]] = set()


def connect(*args: Any, silence_seconds: float, **settings: Any) -> Any:
    """A connection whose every wait ends after so many seconds in which nothing was heard.

    Transactions are begun by its cursors, at one isolation level, whatever SQLAlchemy asks for.
    """
    ours = {"autocommit": True, "cursor_factory": _beginning()}
    connection = _opened(*args, **(KEEPALIVES | settings | ours))
    connection.silence_seconds = silence_seconds
    return connection


def _opened(*args: Any, **settings: Any) -> Any:
    """A connection, by a second attempt where something in between refuses the option."""
    import psycopg

    address = tuple(settings.get(name) for name in ("host", "hostaddr", "port"))
    # A service's file can hold options, which ours would replace.
    if address in refusing or "service" in settings or "PGSERVICE" in os.environ:
        return _listening().connect(*args, **settings)
    given = settings.get("options", os.environ.get("PGOPTIONS", ""))
    options = f"{given} {SEARCH_PATH}".lstrip()
    try:
        return _listening().connect(*args, **(settings | {"options": options}))
    except psycopg.OperationalError as error:
        if not REFUSED.search(str(error)):
            raise
    connection = _listening().connect(*args, **settings)
    refusing.add(address)
    return connection


@cache
def _beginning() -> Any:
    import psycopg
    from psycopg.pq import TransactionStatus

    class Beginning(psycopg.Cursor[Any]):
        def execute(self, *args: Any, **settings: Any) -> Any:
            if self.connection.info.transaction_status == TransactionStatus.IDLE:
                super().execute(BEGIN)
            return super().execute(*args, **settings)

    return Beginning


@cache
def _listening() -> Any:
    import psycopg

    class Listening(psycopg.Connection[Any]):
        silence_seconds: float

        def wait(self, gen: Any, *args: Any, **settings: Any) -> Any:
            try:
                return super().wait(_heard(gen, self.silence_seconds), *args, **settings)
            except TimeoutError:
                self.pgconn.finish()
            raise psycopg.OperationalError(
                f"nothing was heard of the server for {self.silence_seconds:g} s"
            )

    return Listening


def _heard(waiting: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """``waiting``, broken off when it was not ready for so long; psycopg asks ten times a second.

    Raises:
        TimeoutError: then.
    """
    ready, last = None, time.monotonic()
    try:
        while True:
            ready = yield waiting.send(ready)
            if ready:
                last = time.monotonic()
            elif time.monotonic() - last > seconds:
                raise TimeoutError
    except StopIteration as end:
        return end.value

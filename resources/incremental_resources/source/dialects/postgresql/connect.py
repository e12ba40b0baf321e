"""Connections to PostgreSQL that end when the server falls silent; libpq would wait for ever."""

import time
from collections.abc import Generator
from functools import cache
from typing import Any

# A peer that is gone is noticed after two minutes, and what stands between us and the server
# (a firewall, address translation) is kept from forgetting a connection whose statement takes long.
# The system's defaults are two hours. What the url says instead comes first.
KEEPALIVES = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6}


def connect(*args: Any, silence_seconds: float, **settings: Any) -> Any:
    """A connection whose every wait ends after so many seconds in which nothing was heard."""
    connection = _listening().connect(*args, **(KEEPALIVES | settings))
    connection.silence_seconds = silence_seconds
    return connection


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

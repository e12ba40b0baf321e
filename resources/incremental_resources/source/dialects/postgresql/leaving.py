"""The end of a session of PostgreSQL as its server sees it: later than the client hangs up."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

# A process of the server ends within milliseconds; whoever stands between us may hold its end.
LONGEST_SECONDS = 2.0


@contextmanager
def leaving(connection: Any) -> Iterator[None]:
    """Around ``connection.close()``: over when the session's process has ended.

    Until then it counts for ``max_connections`` and for the limit of its role. libpq says goodbye
    and hangs up at once; a second handle of its socket hears the process let go of its side.
    """
    handle = None if connection.closed else os.dup(connection.pgconn.socket)
    try:
        yield
    finally:
        if handle is not None:
            with socket.socket(fileno=handle) as heard, suppress(OSError):
                heard.settimeout(LONGEST_SECONDS)
                while heard.recv(4096):
                    """What is still said (TLS has a goodbye of its own) is of no interest."""

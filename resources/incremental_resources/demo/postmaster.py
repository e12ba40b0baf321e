"""What a data directory's ``postmaster.pid`` says about its server, and whether it still holds.

Belongs here: looking. Does not belong here: starting, stopping and removing (``server.py``).
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from incremental_resources.demo.errors import DemoUnavailable

# The port only names the socket file; nothing listens on the network.
SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True)
class Postmaster:
    """The server process that a data directory says it has."""

    pid: int
    socket_directory: Path
    ready: bool

    @classmethod
    def read(cls, pgdata: Path) -> "Postmaster | None":
        """The record of ``pgdata``, true or stale; None where there is none or not yet a pid."""
        try:
            # pid, data directory, start time, port, socket directory, address, memory, status
            lines = (pgdata / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError:
            raise DemoUnavailable(
                f"{pgdata} belongs to another user. Use the demo as that user, or give another "
                "directory."
            ) from None
        if not lines or not lines[0].isdigit():
            return None
        return cls(
            pid=int(lines[0]),
            socket_directory=Path(lines[4]) if len(lines) > 4 and lines[4] else pgdata,
            ready=len(lines) > 7 and lines[7].strip() == "ready",
        )

    def exists(self) -> bool:
        """True if some process has the recorded pid, be it this server or a later stranger."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def answers(self) -> bool:
        """True if the server listens: its socket directory is private, so nobody else can."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            try:
                caller.connect(str(self.socket_directory / SOCKET_NAME))
            except OSError:
                return False
        return True


def orphans(pgdata: Path) -> list[int]:
    """Servers whose data directory was removed under them: they would linger for a minute.

    Found through ``/proc``; elsewhere none are found, and they end by themselves.
    """
    asked = b"\0-D\0" + os.fsencode(pgdata) + b"\0"
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = entry.read_bytes()
        except OSError:
            continue
        if asked in command and command.split(b"\0")[0].endswith(b"/postgres"):
            found.append(int(entry.parent.name))
    return found

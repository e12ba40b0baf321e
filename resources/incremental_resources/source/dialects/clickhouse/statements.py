"""Statements over a way to a ClickHouse: values bound at the server, rows as it prints them.

Which ways there are is in ``doors.py``. For SQLAlchemy this module is the driver.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

paramstyle = "pyformat"

# Text as it was written: one that is no UTF-8 must fail, and not come as something else.
FORMAT = "JSONCompactEachRowWithNamesAndTypes"
# A field of a request may have 128 KiB (http_max_field_value_size); what is longer goes in pieces.
PIECE = 100_000
CODE = re.compile(r"Code: (\d+)")
SETTING = re.compile(r"(\w+)\s*=\s*([^,]+)")


class Error(Exception):
    """What ClickHouse, or the way to it, refused; ``code`` is the server's, if it was the server.

    ``opening``: nothing was ever asked over this connection.
    """

    def __init__(self, message: str, *, opening: bool = False) -> None:
        super().__init__(message)
        found = CODE.search(message)
        self.code = int(found[1]) if found else None
        self.opening = opening


class Door(Protocol):
    """A way to a ClickHouse."""

    def ask(self, statement: str, values: Mapping[str, str], settings: Mapping[str, str]) -> bytes:
        """The answer in ``FORMAT``; ``values`` are bound at the server, each as a String."""

    def close(self) -> None:
        """Let go of it."""


class Connection:
    """What SQLAlchemy needs of a connection. HTTP has no sessions: what ``set`` says goes along."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.settings: dict[str, str] = {}

    def cursor(self) -> "Cursor":
        """A cursor."""
        return Cursor(self)

    def commit(self) -> None:
        """Nothing: there are no transactions."""

    def rollback(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Let go of the server."""
        self.door.close()


class Cursor:
    """The rows of one statement at a time, decoded when they are fetched."""

    arraysize = 1
    rowcount = -1

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.description: Sequence[Any] | None = None
        self._lines: list[bytes] = []
        self._next = 0

    def execute(self, statement: str, values: Mapping[str, object] | None = None) -> None:
        """Run a statement; ``set`` is remembered for those that follow."""
        given = values or {}
        if re.match(r"(--.*\n|\s)*set\s", statement):
            self._remember(statement % given)
            return
        pieces = {name: _pieces(str(value)) for name, value in given.items()}
        bound = {
            f"{name}_{at}": piece for name, each in pieces.items() for at, piece in enumerate(each)
        }
        text = statement % {name: _placeholder(name, len(each)) for name, each in pieces.items()}
        answer = self.connection.door.ask(text, bound, self.connection.settings)
        # The names, the types, the rows.
        self._lines = answer.split(b"\n")
        names = json.loads(self._lines[0])
        self.description = [(name, *(None,) * 6) for name in names]
        self._next = 2

    def _remember(self, statement: str) -> None:
        settings = re.sub(r"--.*", "", statement).strip().removeprefix("set")
        self.connection.settings = dict(SETTING.findall(" ".join(settings.split())))
        self._lines, self._next = [], 0
        self.description = [("set", *(None,) * 6)]

    def fetchmany(self, size: int = 1) -> list[list[Any]]:
        """The next rows, none at the end."""
        lines = [line for line in self._lines[self._next : self._next + size] if line]
        self._next += size
        rows: list[list[Any]] = json.loads(b"[" + b",".join(lines) + b"]")
        return rows

    def fetchone(self) -> list[Any] | None:
        """The next row, or None."""
        return next(iter(self.fetchmany(1)), None)

    def fetchall(self) -> list[list[Any]]:
        """All rows that are left."""
        return self.fetchmany(len(self._lines))

    def close(self) -> None:
        """Nothing."""


def _pieces(text: str) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)] or [""]


def _placeholder(name: str, pieces: int) -> str:
    """What stands for a value in the statement."""
    each = ", ".join(f"{{{name}_{at}:String}}" for at in range(pieces))
    return each if pieces == 1 else f"concat({each})"

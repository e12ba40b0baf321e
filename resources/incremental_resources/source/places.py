"""The places that a server gives us for sessions: never more than so many, whatever they are for.

An open connection holds a place from before its login until the server has let it go. One that
nobody uses is kept for the next session in the same database, and ends when another database needs
a session. How connections are opened and what runs over them is decided in ``sessions.py``.
"""

import threading
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

C = TypeVar("C")


class Places(Generic[C]):
    """``limit`` places for connections that ``end`` ends. Safe to use from threads."""

    def __init__(self, limit: int, end: Callable[[C], None]) -> None:
        self._limit = limit
        self._end = end
        self._taken = 0
        self._idle: list[tuple[Hashable, C]] = []
        self._holders: Counter[int] = Counter()
        self._changed = threading.Condition()

    def take(self, key: Hashable) -> C | None:
        """An idle connection of ``key``, or None: then there is a place to open one.

        Waits for a place while others hold all of them. Whoever takes must ``put_back`` or
        ``give_up``.

        Raises:
            RuntimeError: this thread holds one itself, so that it might wait for itself.
        """
        with self._changed:
            while (found := self._idle_of(key)) is None and self._taken >= self._limit:
                if self._holders[threading.get_ident()]:
                    raise RuntimeError("a session inside a session may wait for itself for ever")
                self._changed.wait()
            self._holders[threading.get_ident()] += 1
            if found is None:
                self._taken += 1
            return found

    def put_back(self, key: Hashable, connection: C, holder: int) -> None:
        """``connection``, which the thread ``holder`` took, waits for the next of its key."""
        with self._changed:
            self._idle.append((key, connection))
            self._released(holder)

    def give_up(self, connection: C | None, holder: int) -> None:
        """End ``connection``, or None that was ever opened, and let somebody have its place."""
        try:
            if connection is not None:
                self._end(connection)
        finally:
            with self._changed:
                self._taken -= 1
                self._released(holder)

    def refused(self) -> None:
        """The server has no place for one of ours: from now on be content with the others."""
        with self._changed:
            if self._taken > 1:
                self._limit = self._taken - 1

    def close(self) -> None:
        """End what is idle."""
        with self._changed:
            self._end_idle()

    def _idle_of(self, key: Hashable) -> C | None:
        """An idle connection of ``key``; where there is none, all others end."""
        for at, (of, connection) in enumerate(self._idle):
            if of == key:
                del self._idle[at]
                return connection
        self._end_idle()
        return None

    def _end_idle(self) -> None:
        while self._idle:
            _, connection = self._idle.pop()
            try:
                self._end(connection)
            finally:
                self._taken -= 1
                self._changed.notify_all()

    def _released(self, holder: int) -> None:
        self._holders[holder] -= 1
        self._changed.notify_all()

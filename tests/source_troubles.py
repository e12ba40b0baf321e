"""What can go wrong between us and a PostgreSQL server, and a refresh to which it happens.

How a refresh must end then, and what is looked at afterwards, is in faults.py.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf
from typing import Any

import psycopg
from sqlalchemy import make_url

from incremental_resources.source import sessions
from incremental_resources.source.dialects.postgresql.dialect import DIALECT
from tests.troubles import SURVIVED
from tests.wire import Ended, Statement, Wire

# Which catalog keeps a file's statement waiting while it is locked: nothing that its session has
# read before, or the lock would wait for the session.
LOCKS = {
    "databases": "pg_shdescription",
    "schemas": "pg_description",
    "tables": "pg_inherits",
    "procedures": "pg_aggregate",
    "columns": "pg_description",
    "probe": "pg_enum",
}
FILES = (*LOCKS, "identity", "now", "session", "version")
LOST = r"(SourceUnavailable|QueryFailed).*(connection was lost|takes no sessions now)"
AWAY = "SourceUnavailable.*nobody takes the connection"
# After which the server ends a statement, and after which we do if nothing is heard of the server.
TIMEOUT_SECONDS, SILENCE_SECONDS = 60, 60.5


def file_of(text: str) -> str:
    """The SQL file whose statement it is, or else its first words."""
    for file in FILES:
        if text.startswith(DIALECT.sql(file).splitlines()[0]) and _same_body(file, text):
            return file
    return " ".join(text.split()[:3])


def _same_body(file: str, text: str) -> bool:
    last = [line for line in DIALECT.sql(file).splitlines() if ":" not in line][-1]
    return last in text


@dataclass(frozen=True)
class SourceFault:
    """``strike`` happens ``times`` times, to the statement at the point and then to its like.

    ``ends``: survived, or what the refresh's error must match. ``waits``: it happens while the
    statement waits for a lock, which only those in ``LOCKS`` do. ``timeout``, ``silence``: after
    how many seconds the server ends a statement, and after how many without a word we do.
    """

    name: str
    strike: Callable[["SourceTrouble", Statement], None]
    ends: str
    times: float = 1
    waits: bool = False
    timeout: int = TIMEOUT_SECONDS
    silence: float = SILENCE_SECONDS


@dataclass(frozen=True)
class Outage:
    """It begins where a step begins and is over after so many failed attempts of steps."""

    name: str
    begin: Callable[["SourceTrouble"], None]
    end: Callable[["SourceTrouble"], None]
    ends: str
    attempts: float = 1


class SourceTrouble:
    """The way to a database on which something goes wrong at one point, while the block lasts."""

    def __init__(self, url: str, point: int | str, fault: SourceFault | Outage | None) -> None:
        self._direct = make_url(url)
        self._point = point
        self._fault = fault
        self._stack = ExitStack()
        self._like = ""
        self._failed = 0.0
        self._out = False
        self.seen: list[tuple[str, str]] = []
        self.step = ""
        self.struck = 0

    def __enter__(self) -> "SourceTrouble":
        assert self._direct.port
        self.wire = self._stack.enter_context(Wire(self._direct.port, self._around))
        silence = self._fault.silence if isinstance(self._fault, SourceFault) else SILENCE_SECONDS
        sessions.GRACE_SECONDS = silence - self.timeout
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()
        if self._out:
            self.permit()

    @property
    def url(self) -> str:
        """The database's URL by this way."""
        there = self._direct.set(host="127.0.0.1", port=self.wire.port)
        return there.render_as_string(hide_password=False)

    @property
    def timeout(self) -> int:
        """The seconds after which the refresh has a statement ended."""
        return self._fault.timeout if isinstance(self._fault, SourceFault) else TIMEOUT_SECONDS

    def on_event(self, kind: str, step: str) -> None:
        """Begin and end an outage at the steps."""
        if kind == "STEP_START":
            self.step = step
        if not isinstance(self._fault, Outage):
            return
        if kind == "STEP_START" and step == self._point and not self.struck:
            self.struck = 1
            self._fault.begin(self)
        elif kind == "STEP_UP_FOR_RETRY" and self.struck:
            self._failed += 1
            if self._failed == self._fault.attempts:
                self._fault.end(self)

    def admin(self) -> "psycopg.Connection[Any]":
        """A session past the wire, in another database of the server."""
        url = self._direct.set(database="postgres")
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)

    def forbid(self) -> None:
        """Let the database take no sessions, and end those that it has."""
        self._out = True
        with self.admin() as admin:
            admin.execute(f"alter database {self._direct.database} allow_connections false")
            ended = "pg_terminate_backend(pid, 5000)"
            admin.execute(
                f"select {ended} from pg_stat_activity where datname = %s and pid <> "
                "pg_backend_pid()",
                [self._direct.database],
            )

    def permit(self) -> None:
        """Let it take sessions again."""
        with self.admin() as admin:
            admin.execute(f"alter database {self._direct.database} allow_connections true")
        self._out = False

    def terminate(self, statement: Statement) -> None:
        """End the session on the server's side, and see it gone."""
        with self.admin() as admin:
            done = admin.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
                "where client_port = %s",
                [statement.pair.port],
            )
            assert all(gone for (gone,) in done.fetchall())

    def stop_waiting(self, function: str, statement: Statement) -> None:
        """Call ``function`` of the session's id while its statement waits for a lock."""
        with self.locked(statement), self.admin() as admin:
            statement.pair.server.sendall(statement.request)
            stopped = False
            while not stopped:
                found = admin.execute(
                    f"select {function}(pid) from pg_stat_activity "
                    "where client_port = %s and wait_event_type = 'Lock'",
                    [statement.pair.port],
                )
                # Its parallel workers are at the same port.
                stopped = bool(found.fetchall())
            answer = statement.pair.answer()
        statement.pair.client.sendall(answer)

    def locked(self, statement: Statement) -> "psycopg.Connection[Any]":
        """A session that keeps the statement waiting."""
        connection = psycopg.connect(self._direct.render_as_string(hide_password=False))
        catalog = LOCKS[file_of(statement.text)]
        connection.execute(f"lock table pg_catalog.{catalog} in access exclusive mode")
        return connection

    def _around(self, statement: Statement) -> None:
        name = file_of(statement.text)
        self.seen.append((self.step, name))
        if not isinstance(self._fault, SourceFault) or not self._strikes(statement, name):
            statement.do()
            return
        self.struck += 1
        self._like = name
        self._fault.strike(self, statement)

    def _strikes(self, statement: Statement, name: str) -> bool:
        assert isinstance(self._fault, SourceFault)
        if not self.struck:
            return statement.number == self._point
        return name == self._like and self.struck < self._fault.times


def cut(_trouble: SourceTrouble, statement: Statement) -> None:
    statement.pair.cut()


def cut_in_the_answer(_trouble: SourceTrouble, statement: Statement) -> None:
    answer = statement.answer()
    statement.pair.client.sendall(answer[: len(answer) // 2])
    statement.pair.cut()


def end_session(trouble: SourceTrouble, statement: Statement) -> None:
    trouble.terminate(statement)
    statement.do()


def end_session_in_the_middle(trouble: SourceTrouble, statement: Statement) -> None:
    trouble.stop_waiting("pg_terminate_backend", statement)


def cancel(trouble: SourceTrouble, statement: Statement) -> None:
    trouble.stop_waiting("pg_cancel_backend", statement)


def time_out(trouble: SourceTrouble, statement: Statement) -> None:
    with trouble.locked(statement):
        statement.do()


def stall(trouble: SourceTrouble, statement: Statement) -> None:
    """The answer never comes, and nobody says so."""
    statement.answer()
    while statement.pair.client.recv(1):
        """What is said after all is not answered either."""
    raise Ended


def shut(trouble: SourceTrouble) -> None:
    trouble.wire.close()


def reopen(trouble: SourceTrouble) -> None:
    trouble.wire.open()


def nothing(_trouble: SourceTrouble) -> None:
    """For an outage that nobody ends."""


SOURCE_FAULTS = {
    fault.name: fault
    for fault in (
        SourceFault("session ended before", end_session, SURVIVED),
        SourceFault("session ended in it", end_session_in_the_middle, SURVIVED, waits=True),
        SourceFault("cut before the answer", cut, SURVIVED),
        SourceFault("cut in the answer, twice", cut_in_the_answer, SURVIVED, times=2),
        SourceFault("cut in every answer", cut_in_the_answer, LOST, times=inf),
        SourceFault("no answer", stall, SURVIVED, silence=2),
        SourceFault("stopped by a person", cancel, "QueryFailed.*Refresh again", waits=True),
        SourceFault(
            "statement timeout",
            time_out,
            r"QueryFailed.*options\.statement_timeout_seconds",
            waits=True,
            timeout=1,
        ),
    )
}
OUTAGES = {
    outage.name: outage
    for outage in (
        Outage("refused twice", shut, reopen, SURVIVED, attempts=2),
        Outage("refused for good", shut, nothing, AWAY),
        Outage("not allowed, twice", SourceTrouble.forbid, SourceTrouble.permit, SURVIVED, 2),
        Outage("not allowed for good", SourceTrouble.forbid, nothing, AWAY),
    )
}

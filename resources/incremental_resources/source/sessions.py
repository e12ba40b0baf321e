"""Connections to one server and whose they are; every failure leaves here as ours.

Which statements make a listing or a batch is decided in ``source.py``; how many connections there
may be, in ``places.py``.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from incremental_resources.errors import ResourceError
from incremental_resources.source.dialect import Dialect, parse_url
from incremental_resources.source.errors import (
    CapabilityMissing,
    QueryFailed,
    SourceUnavailable,
)
from incremental_resources.source.pinning import Pin
from incremental_resources.source.places import Places
from incremental_resources.source.secrets import secrets_of, without
from incremental_resources.source.session import Session

# Longer than it takes the server to tell that a statement's time is over.
GRACE_SECONDS = 15.0
# What is tried again soon, after so many seconds each: ten in all, and then it is the step's turn.
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.5, 2.0, 2.0, 2.0)

# By URL too: another password, say, is another connection.
Key = tuple[str, URL]


@dataclass(frozen=True)
class Wanted:
    """What somebody wants a session for, where, and what must not be told of it."""

    purpose: str
    database: str
    secrets: frozenset[str]
    engine: Engine


class Sessions:
    """Sessions in the databases of one server, never more than ``most`` of them at a time.

    A connection serves the next session in the same database, and ends when another database needs
    one. Safe to use from threads.
    """

    def __init__(
        self,
        url: Callable[[], URL | str] | URL | str,
        dialect: Dialect,
        *,
        statement_timeout_seconds: int,
        name: str,
        most: int = 4,
    ) -> None:
        self._given = url
        self._dialect = dialect
        self._timeout = statement_timeout_seconds
        self._name = name
        self._engines: dict[URL, Engine] = {}
        self._lock = threading.Lock()
        self._opening = threading.local()
        self._places = Places(most, self._end)

    def close(self) -> None:
        """Close every connection that is not in use; the next session opens a new one."""
        self._places.close()

    @contextmanager
    def session(
        self, purpose: str, database: str | None = None, pin: Pin | None = None
    ) -> Iterator[Session]:
        """A session in ``database``, or in the one that the URL names.

        Waits for a place while all are taken, here or (for some seconds) at the server. With
        ``pin`` its server is the pinned one, and shows all that earlier sessions saw; a standby
        has some seconds to catch up.

        Raises:
            ResourceError: whatever failed, as one of ours, saying where.
        """
        url, secrets = self._looked_up()
        database = self._dialect.database_of(url) if database is None else database
        key, holder = (database, url), threading.get_ident()
        wanted = Wanted(purpose, database, secrets, self._engine(url, secrets))
        connection, session = self._patiently(key, wanted, pin)
        sound = False
        try:
            with self._explaining(wanted, session):
                yield session
            sound = self._dialect.keeps_sessions and _at_rest(connection)
        finally:
            if sound:
                self._places.put_back(key, connection, holder)
            else:
                self._places.give_up(connection, holder)

    def _patiently(self, key: Key, wanted: Wanted, pin: Pin | None) -> tuple[Connection, Session]:
        """A connection that nobody else uses, and the session begun over it."""
        for pause in PAUSES:
            try:
                return self._begun(key, wanted, pin)
            except SourceUnavailable as error:
                if not error.soon:
                    raise
            time.sleep(pause)
        return self._begun(key, wanted, pin)

    def _begun(self, key: Key, wanted: Wanted, pin: Pin | None) -> tuple[Connection, Session]:
        connection, holder = self._places.take(key), threading.get_ident()
        try:
            if connection is None:
                connection = self._opened(key, wanted)
            always = {
                "database": wanted.database,
                "statement_timeout_seconds": self._timeout,
            }
            session = Session(connection, self._dialect, wanted.database, always, pin)
            with self._explaining(wanted, session):
                session.begin()
        except BaseException:
            self._places.give_up(connection, holder)
            raise
        return connection, session

    def _opened(self, key: Key, wanted: Wanted) -> Connection:
        try:
            with self._explaining(wanted, None):
                self._opening.key = key
                return wanted.engine.connect()
        except SourceUnavailable as error:
            if error.soon:
                self._places.refused()
            raise

    def _end(self, connection: Connection) -> None:
        """End a connection, whatever state it is in."""
        with suppress(SQLAlchemyError, *_driver_errors(connection.engine)):
            if not connection.invalidated:
                with self._dialect.leaving(connection.connection.dbapi_connection):
                    # Closing would first roll back, over a connection that may be dead.
                    connection.invalidate()
            connection.close()

    @contextmanager
    def _explaining(self, wanted: Wanted, session: Session | None) -> Iterator[None]:
        """Errors leave as ours, with the place they came from and without secrets."""
        try:
            yield
        except ResourceError as error:
            told = without(str(error), [str(error)], wanted.secrets)
            error.args = (self._placed(told, wanted, session),)
            raise
        except (SQLAlchemyError, UnicodeError, TypeError, *_driver_errors(wanted.engine)) as error:
            if isinstance(error, TypeError) and session is not None:
                raise
            failed = self._explained(error, wanted.secrets)
            failed.args = (self._placed(str(failed), wanted, session),)
            raise failed from None

    def _looked_up(self) -> tuple[URL, frozenset[str]]:
        """The URL as it is now, and what of it must not be repeated."""
        given = self._given() if callable(self._given) else self._given
        try:
            url = parse_url(given)
        except ResourceError as error:
            error.args = (f"{self._name}: {error}",)
            raise
        return url, secrets_of(url, given if isinstance(given, str) else None)

    def _engine(self, url: URL, secrets: frozenset[str]) -> Engine:
        with self._lock:
            # By URL: another password, say, is another engine.
            if url not in self._engines:
                self._engines[url] = self._new_engine(url, secrets)
            return self._engines[url]

    def _new_engine(self, url: URL, secrets: frozenset[str]) -> Engine:
        try:
            # Its pool would keep connections for itself; ours are shared by all databases.
            options = {**self._dialect.engine_options, "poolclass": NullPool}
            engine = create_engine(self._dialect.engine_url(url), **options)
        except (ImportError, SQLAlchemyError) as error:
            reason = without(str(error), [str(error)], secrets)
        else:
            event.listen(engine, "do_connect", self._connect)
            return engine
        raise CapabilityMissing(
            f"{self._name}: the driver of {self._dialect.title} cannot be used ({reason}). "
            f"Install it: pip install 'incremental-assets[{self._dialect.extra}]'."
        )

    def _connect(self, driver: Any, _record: object, *_for_url: object) -> Any:
        """A connection of the driver to the database that this thread is opening one to.

        One engine serves all databases: to make one costs more than to log in. Where it can, the
        connection ends when nothing is heard of the server any more.
        """
        database, url = self._opening.key
        args, settings = driver.create_connect_args(self._dialect.engine_url(url, database))
        settings |= self._dialect.engine_options.get("connect_args", {})
        if self._dialect.connect is None:
            return driver.connect(*args, **settings)
        silence = self._timeout + GRACE_SECONDS
        return self._dialect.connect(*args, silence_seconds=silence, **settings)

    def _explained(self, error: Exception, secrets: frozenset[str]) -> ResourceError:
        """The driver's error as one of ours, without its words where they hold a secret."""
        driver = getattr(error, "orig", None) or error
        words = _words(driver)
        known = self._dialect.explain(driver)
        if known is None and isinstance(driver, TypeError):
            known = QueryFailed(f"the driver refuses an option of the url: {words[0]}. Fix it.")
        if known is None:
            known = QueryFailed(f"the server refused a statement: {words[0]}")
        known.args = (without(str(known), words, secrets),)
        return known

    def _placed(self, message: str, wanted: Wanted, session: Session | None) -> str:
        """``message`` with the place it came from."""
        at = "while connecting" if session is None else f"{session.file}.sql for {wanted.purpose}"
        where = f"{self._dialect.title}, database {wanted.database!r}, {at}"
        return f"{self._name} ({where}): {message}"


def _at_rest(connection: Connection) -> bool:
    """Whether the transaction could be ended, so that the connection may wait for another."""
    try:
        connection.rollback()
    except SQLAlchemyError:
        return False
    return True


def _words(error: Exception) -> list[str]:
    """What a driver said, in the shapes in which a message may repeat it; the first line first."""
    whole = str(error).strip() or type(error).__name__
    primary = str(getattr(getattr(error, "diag", None), "message_primary", None) or whole)
    return [whole.splitlines()[0], whole, *(" ".join(text.split()) for text in (primary, whole))]


def _driver_errors(engine: Engine) -> tuple[type[Exception]]:
    """The root of the driver's own errors: rows are fetched past SQLAlchemy, which wraps none."""
    return (engine.dialect.loaded_dbapi.Error,)

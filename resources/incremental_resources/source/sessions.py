"""Connections to one server and the statements run over them; every failure leaves here as ours.

Which statements make a listing or a batch is decided in ``source.py``.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from incremental_resources.errors import ResourceError
from incremental_resources.source.dialect import Dialect, parse_url
from incremental_resources.source.errors import CapabilityMissing, QueryFailed
from incremental_resources.source.frames import check_columns, frames
from incremental_resources.source.secrets import secrets_of, without

# Longer than it takes the server to tell that a statement's time is over.
GRACE_SECONDS = 15.0


class Session:
    """One open session in one database; ``file`` is the SQL file last begun."""

    def __init__(
        self, connection: Connection, dialect: Dialect, database: str, always: Mapping[str, object]
    ) -> None:
        self.database = database
        self.file = "session"
        self._connection = connection
        self._dialect = dialect
        self._always = always

    def rows(self, file: str, **binds: object) -> list[dict[str, Any]]:
        """Every row of a small result."""
        names, cursor = self._run(file, binds)
        with self._decoding(names, cursor):
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def frames(
        self, file: str, schema: Mapping[str, pl.DataType], **binds: object
    ) -> Iterator[pl.DataFrame]:
        """The result in frames with the columns of ``schema``.

        Raises:
            SchemaDrift: the result has other columns, or values of other types.
        """
        names, cursor = self._run(file, binds)
        given = self.database if "database" in schema and "database" not in names else None
        expected = [name for name in schema if name != "database" or given is None]
        check_columns(names, expected)
        with self._decoding(names, cursor):
            yield from frames(cursor, names, schema, given)

    def frame(self, file: str, schema: Mapping[str, pl.DataType], **binds: object) -> pl.DataFrame:
        """The result in one frame."""
        return pl.concat([pl.DataFrame(schema=schema), *self.frames(file, schema, **binds)])

    @contextmanager
    def _decoding(self, names: list[str], cursor: Any) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:
            found = self._dialect.find_not_text(cursor, names) or repr(error.object[:80])
        else:
            return
        raise _no_text(found)

    def _run(self, file: str, binds: Mapping[str, object]) -> tuple[list[str], Any]:
        self.file = file
        statement = text(self._dialect.sql(file))
        try:
            result = self._connection.execute(statement, {**self._always, **binds})
        except DBAPIError as error:
            if not self._dialect.not_text(error.orig or error):
                raise
            found = self._found_as_bytes(file, binds) or str(error.orig)
        else:
            # Rows are taken from the driver's cursor: as plain tuples they cost a third.
            return list(result.keys()), result.cursor
        raise _no_text(found)

    def _found_as_bytes(self, file: str, binds: Mapping[str, object]) -> str | None:
        """Run the statement again with texts as the bytes they are; which of them is no text."""
        self._connection.rollback()
        for setting in ("session", "bytes"):
            self._connection.execute(text(self._dialect.sql(setting)), self._always)
        statement = text(self._dialect.sql(file))
        result = self._connection.execute(statement, {**self._always, **binds})
        return self._dialect.find_not_text(result.cursor, list(result.keys()))


def _no_text(found: str) -> ResourceError:
    return QueryFailed(
        f"a text in the catalog is not UTF-8: {found}. A name must survive unchanged, so that "
        "nothing is read until this is fixed at the source, or left out with `exclude`."
    )


class Sessions:
    """Engines for the databases of one server, opened when first used. Safe to use from threads."""

    def __init__(
        self,
        url: Callable[[], URL | str] | URL | str,
        dialect: Dialect,
        *,
        statement_timeout_seconds: int,
        name: str,
    ) -> None:
        self._given = url
        self._dialect = dialect
        self._timeout = statement_timeout_seconds
        self._name = name
        self._engines: dict[tuple[str, URL], Engine] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close every connection; the next session opens a new one."""
        with self._lock:
            engines, self._engines = self._engines, {}
        for engine in engines.values():
            engine.dispose()

    @contextmanager
    def session(self, purpose: str, database: str | None = None) -> Iterator[Session]:
        """A session in ``database``, or in the one that the URL names.

        Raises:
            ResourceError: whatever failed, as one of ours, saying where.
        """
        url, secrets = self._looked_up()
        database = self._dialect.database_of(url) if database is None else database
        engine = self._engine(url, database, secrets)
        session = None
        try:
            with engine.connect() as connection:
                always = {"database": database, "statement_timeout_seconds": self._timeout}
                session = Session(connection, self._dialect, database, always)
                if self._dialect.has("session"):
                    session.rows("session")
                yield session
        except ResourceError as error:
            told = without(str(error), [str(error)], secrets)
            error.args = (self._placed(told, database, session, purpose),)
            raise
        except (SQLAlchemyError, UnicodeError, TypeError, _driver_error(engine)) as error:
            if isinstance(error, TypeError) and session is not None:
                raise
            failed = self._explained(error, secrets)
            failed.args = (self._placed(str(failed), database, session, purpose),)
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

    def _engine(self, url: URL, database: str, secrets: frozenset[str]) -> Engine:
        # By URL too: another password, say, is another engine.
        key = (database, url)
        with self._lock:
            if key not in self._engines:
                self._engines[key] = self._new_engine(url, database, secrets)
            return self._engines[key]

    def _new_engine(self, url: URL, database: str, secrets: frozenset[str]) -> Engine:
        try:
            target = self._dialect.engine_url(url, database)
            engine = create_engine(target, **self._dialect.engine_options)
        except (ImportError, SQLAlchemyError) as error:
            reason = without(str(error), [str(error)], secrets)
        else:
            self._listen(engine)
            return engine
        raise CapabilityMissing(
            f"{self._name}: the driver of {self._dialect.title} cannot be used ({reason}). "
            f"Install it: pip install 'incremental-assets[{self._dialect.extra}]'."
        )

    def _listen(self, engine: Engine) -> None:
        """Let connections end when nothing is heard of the server any more."""
        connect, seconds = self._dialect.connect, self._timeout + GRACE_SECONDS
        if connect:

            @event.listens_for(engine, "do_connect")
            def open_connection(_dialect: Any, _record: Any, args: Any, settings: Any) -> Any:
                return connect(*args, silence_seconds=seconds, **settings)

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

    def _placed(self, message: str, database: str, session: Session | None, purpose: str) -> str:
        """``message`` with the place it came from."""
        at = "while connecting" if session is None else f"{session.file}.sql for {purpose}"
        return f"{self._name} ({self._dialect.title}, database {database!r}, {at}): {message}"


def _words(error: Exception) -> list[str]:
    """What a driver said, in the shapes in which a message may repeat it; the first line first."""
    whole = str(error).strip() or type(error).__name__
    primary = str(getattr(getattr(error, "diag", None), "message_primary", None) or whole)
    return [whole.splitlines()[0], whole, *(" ".join(text.split()) for text in (primary, whole))]


def _driver_error(engine: Engine) -> type[Exception]:
    """The root of the driver's own errors: rows are fetched past SQLAlchemy, which wraps none."""
    driver = engine.dialect.loaded_dbapi
    return driver.Error

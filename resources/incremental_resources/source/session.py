"""One session in one database: statements by the names of their SQL files, rows and frames.

How it is opened, and who may have one when, is decided in ``sessions.py``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import polars as pl
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from incremental_resources.errors import ResourceError
from incremental_resources.source.dialect import Dialect
from incremental_resources.source.errors import QueryFailed
from incremental_resources.source.frames import check_columns, frames
from incremental_resources.source.pinning import Facts, Pin, facts_of


class Session:
    """One open session in one database; ``file`` is the SQL file last begun."""

    def __init__(
        self,
        connection: Connection,
        dialect: Dialect,
        database: str,
        always: Mapping[str, object],
        pin: Pin | None,
    ) -> None:
        self.database = database
        self.file = "session"
        self._connection = connection
        self._dialect = dialect
        self._always = {**dialect.placeholders, **always}
        self._pin = pin

    def begin(self) -> None:
        """Settings, and what the pin wants proven.

        Raises:
            SourceUnavailable: another server, or one that is behind.
        """
        self._set()
        if not self.prove():
            # What was read of the server may be younger than what this transaction sees.
            self._connection.rollback()
            self._set()
            self.prove()

    def prove(self) -> bool:
        """Have the pin, if there is one, look at the server as it is now; see ``Pin.passed``."""
        return self._pin is None or self._pin.passed(self.facts())

    def facts(self) -> Facts:
        """What the server says of itself now."""
        return facts_of(self.rows("identity")[0])

    def grants(self) -> list[str] | None:
        """What the role may do now, sorted; None where a product shows all to everybody."""
        if not self._dialect.has("grants"):
            return None
        return sorted(
            self._dialect.grant_text(str(text))
            for row in self.rows("grants")
            for text in row.values()
        )

    def still_granted(self) -> None:
        """To be called when something was read: whether the role could see all that it could.

        Raises:
            SourceUnavailable: its grants are others than those that the pin knows.
        """
        if self._pin and self._pin.grants is not None:
            self._pin.granted(self.grants())

    def _set(self) -> None:
        if self._dialect.has("session"):
            self.rows("session")

    def rows(self, file: str, **binds: object) -> list[dict[str, Any]]:
        """Every row of a small result; none of a statement that returns no rows."""
        names, cursor = self._run(file, binds)
        if not names:
            return []
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
            return list(result.keys()) if result.returns_rows else [], result.cursor
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

"""Opening an SQLite file read only, two functions for its queries, and what its errors mean.

Facts about the product are in ``dialect.py``.
"""

import hashlib
import os
import shutil
import sqlite3
from typing import Any
from weakref import finalize

from incremental_resources.errors import ResourceError
from incremental_resources.source.dialects.sqlite.snapshot import Snapshot, snapshot_of
from incremental_resources.source.errors import AccessDenied, QueryFailed, SourceUnavailable

# As long as the driver waits for a lock, unless the url's `timeout` says otherwise.
PATIENCE_SECONDS = 5.0


class ReadOnlyFile(sqlite3.Connection):
    """A connection that cannot write, and that never creates the file it does not find."""

    _snapshot: Snapshot | None = None

    def __init__(self, database: str, *args: Any, **options: Any) -> None:
        try:
            self._snapshot = snapshot_of(database, float(options.get("timeout", PATIENCE_SECONDS)))
            if self._snapshot.folder:
                self._remove = finalize(self, shutil.rmtree, self._snapshot.folder, True)
            super().__init__(self._snapshot.uri, *args, **{**options, "uri": True})
        except sqlite3.Error as error:
            reason = str(error)
        else:
            self.create_function("fingerprint", 1, _fingerprint, deterministic=True)
            self.create_function("column_count", 2, self._column_count)
            return
        if not os.access(database, os.F_OK):
            raise SourceUnavailable(
                f"the file {database} does not exist, or its folder is closed to us. Nothing was "
                "created. Correct the URL, or put the file back."
            )
        raise AccessDenied(
            f"the file {database} cannot be opened ({reason}). "
            "It must be a regular file that this process may read."
        )

    def cursor(self, factory: Any = None) -> Any:
        """A cursor that tells when what it read may not be of one moment."""
        return super().cursor(factory or _Cursor)

    def execute(self, *given: Any) -> Any:
        # The driver's own would not ask ``cursor``.
        return self.cursor().execute(*given)

    def close(self) -> None:
        super().close()
        if self._snapshot and self._snapshot.folder:
            self._remove()

    def check(self) -> None:
        """Raise an error that passes if the file changed while it was read as if it could not."""
        if self._snapshot and not self._snapshot.is_whole():
            error = sqlite3.OperationalError("the file was written to while it was read")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error

    def _column_count(self, schema: str, table: str) -> int | None:
        """The number of visible columns; None if SQLite cannot tell, as with a broken view."""
        query = "select count(*) from pragma_table_xinfo(?, ?) where hidden <> 1"
        try:
            count: int = self.execute(query, (table, schema)).fetchone()[0]
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
                raise
            return None
        return count


class _Cursor(sqlite3.Cursor):
    """Whatever it returns or raises comes from a file that has not changed since it was opened."""

    connection: ReadOnlyFile

    def execute(self, *given: Any) -> Any:
        try:
            return super().execute(*given)
        finally:
            self.connection.check()

    def fetchone(self) -> Any:
        try:
            return super().fetchone()
        finally:
            self.connection.check()

    def fetchmany(self, *given: Any) -> Any:
        try:
            return super().fetchmany(*given)
        finally:
            self.connection.check()

    def fetchall(self) -> Any:
        try:
            return super().fetchall()
        finally:
            self.connection.check()

    def __next__(self) -> Any:
        try:
            return super().__next__()
        finally:
            self.connection.check()


def _fingerprint(text: str | None) -> str | None:
    if text is None:
        return None
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def explain(error: Exception) -> ResourceError | None:
    """The driver's error as one of ours; None if it is unknown."""
    # The low byte is the kind of error, the rest its details.
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return SourceUnavailable(
                f"{error}: another program is writing to the file. Refresh again when it is done."
            )
        case sqlite3.SQLITE_NOTADB:
            return AccessDenied(
                f"{error}, or it is encrypted. Correct the URL: only plain SQLite files are read."
            )
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY:
            return AccessDenied(
                f"{error}. A crashed program left a journal that has to be rolled back, which a "
                "reader must not do: let a program that may write open the file once."
            )
        case sqlite3.SQLITE_CORRUPT:
            return QueryFailed(f"{error}. Run `pragma integrity_check`, or restore a backup.")
        case _:
            return None

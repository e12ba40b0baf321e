"""Opening an SQLite file read only, two functions for its queries, and what its errors mean.

Facts about the product are in ``dialect.py``.
"""

import hashlib
import os
import sqlite3
from pathlib import Path
from typing import Any

from incremental_resources.errors import ResourceError
from incremental_resources.source.errors import AccessDenied, QueryFailed, SourceUnavailable


class ReadOnlyFile(sqlite3.Connection):
    """A connection that cannot write, and that never creates the file it does not find."""

    def __init__(self, database: str, *args: Any, **options: Any) -> None:
        try:
            uri = f"{Path(database).as_uri()}?mode=ro"
            super().__init__(uri, *args, **{**options, "uri": True})
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
                f"{error}. Its journal or write-ahead log has to be recovered or created, which "
                "a reader must not do: let a program that may write open the file once."
            )
        case sqlite3.SQLITE_CORRUPT:
            return QueryFailed(f"{error}. Run `pragma integrity_check`, or restore a backup.")
        case _:
            return None

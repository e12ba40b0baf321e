"""Dagster's event log in SQLite, written on one connection per file.

Dagster makes an engine and a connection for each of a refresh's sixty events, and compiles every
statement anew. Where an instance keeps its log is decided in ``instance.py``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    SqliteEventLogStorage,
)
from dagster._core.storage.sql import create_engine


class KeptEventLog(SqliteEventLogStorage):
    """The same files, tables and statements; only connections stay open until ``dispose``."""

    @property
    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = vars(self).setdefault("_kept_engines", {})
        return kept

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Any]:
        # Under the lock an engine's pool never needs a second connection.
        with self._db_lock:
            if shard not in self._kept:
                self._kept[shard] = create_engine(
                    self.conn_string_for_shard(shard),
                    connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
                )
            if shard not in self._initialized_dbs:
                self._initdb(self._kept[shard])
                self._initialized_dbs.add(shard)
            with self._kept[shard].begin() as connection:
                yield connection

    def dispose(self) -> None:
        """Close what is open, and the rest as Dagster does."""
        while self._kept:
            self._kept.popitem()[1].dispose()
        super().dispose()


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Let the instance's event log keep its connections, if it is Dagster's own in SQLite."""
    log = instance.event_log_storage
    if type(log) is SqliteEventLogStorage:
        # The instance and its storage hold the same object, so that it cannot be replaced by one.
        log.__class__ = KeptEventLog

"""Dagster's event log in SQLite, written on one connection per file, and many events at once.

Dagster makes an engine and a connection for each of a refresh's sixty events, and compiles every
statement anew. Each event is two transactions, each of which waits for the disk: a thousand tables
that changed would take minutes on a busy one. Where an instance keeps its log is decided in
``home.py``.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import dagster as dg
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    SqliteEventLogStorage,
)
from dagster._core.storage.sql import create_engine

AT_ONCE = 250


class KeptEventLog(SqliteEventLogStorage):
    """The same files, tables and statements; only connections stay open until ``dispose``."""

    @property
    def _kept(self) -> dict[str, Any]:
        kept: dict[str, Any] = vars(self).setdefault("_kept_engines", {})
        return kept

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Any]:
        transaction = vars(self).get("_transaction")
        if transaction is not None and transaction.thread == threading.get_ident():
            yield transaction.on(shard)
            return
        # Under the lock an engine's pool never needs a second connection.
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Any:
        if shard not in self._kept:
            self._kept[shard] = create_engine(
                self.conn_string_for_shard(shard),
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
        if shard not in self._initialized_dbs:
            self._initdb(self._kept[shard])
            self._initialized_dbs.add(shard)
        return self._kept[shard]

    @contextmanager
    def in_one_transaction(self) -> Iterator[None]:
        """What this thread writes here meanwhile is there at the end, or none of it."""
        with self._db_lock, ExitStack() as stack:
            self._transaction = _Transaction(self, stack)
            try:
                yield
            finally:
                del self._transaction

    def _has_asset_key_index_cols_on_connection(self, conn: Any) -> bool:
        # Dagster looks at the table's columns at every event; what it looks for is never removed.
        if not vars(self).get("_has_index_columns"):
            self._has_index_columns = super()._has_asset_key_index_cols_on_connection(conn)
        return self._has_index_columns

    def dispose(self) -> None:
        """Close what is open, and the rest as Dagster does."""
        while self._kept:
            self._kept.popitem()[1].dispose()
        super().dispose()


class _Transaction:
    """One transaction per file, all of one thread's, ended with ``stack``."""

    def __init__(self, log: KeptEventLog, stack: ExitStack) -> None:
        self.thread = threading.get_ident()
        self._log, self._stack = log, stack
        self._connections: dict[str, Any] = {}

    def on(self, shard: str) -> Any:
        """The connection to a file, its transaction begun."""
        if shard not in self._connections:
            engine = self._log._engine(shard)
            self._connections[shard] = self._stack.enter_context(engine.begin())
        return self._connections[shard]


def log_together(
    instance: dg.DagsterInstance,
    log_event: Callable[[dg.AssetMaterialization], object],
    events: Sequence[dg.AssetMaterialization],
) -> None:
    """Log many events with ``log_event``, where the log is SQLite's some in each transaction.

    Everybody else's events wait for a transaction, so that it may not last.
    """
    keep_connections(instance)
    log = instance.event_log_storage
    for first in range(0, len(events), AT_ONCE):
        with log.in_one_transaction() if isinstance(log, KeptEventLog) else nullcontext():
            for event in events[first : first + AT_ONCE]:
                log_event(event)


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Let the instance's event log keep its connections, if it is Dagster's own in SQLite."""
    log = instance.event_log_storage
    if type(log) is SqliteEventLogStorage:
        # The instance and its storage hold the same object, so that it cannot be replaced by one.
        log.__class__ = KeptEventLog

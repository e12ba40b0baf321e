"""The change log of a connection: every version's changes, for longer than versions are kept.

It is written as sinks are, with a cursor of its own, so that nothing is missed and retention waits
for it; what a file of it holds is in ``incremental_resources.sinks.parquet``.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from incremental_assets.config.connection import Connection
from incremental_assets.steps.committing import commit_stands
from incremental_assets.steps.publishing import Published, publish_all
from incremental_resources.sinks.parquet.change_log import ChangeLog
from incremental_resources.sinks.parquet.files import ChangeFiles
from incremental_resources.sinks.parquet.merging import is_untidy, tidy
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.state_store.cursors import Cursors
from incremental_resources.state_store.store import StateStore

KIND = "change_log"


def keep_change_log(
    context: dg.AssetExecutionContext, connection: Connection, store: StateStore
) -> Published:
    """Append what the log does not have, tidy up after that, and fail nothing."""
    done = append_missing(connection, store)
    if done.failed:
        context.log.warning(
            "The refresh is committed, but the change log was not written: %s", why_not(done)
        )
    if done.versions:
        with commit_stands(context, "the files of the change log were not tidied up"):
            tidy_up(connection, store)
    return done


def append_missing(connection: Connection, store: StateStore) -> Published:
    """Append the versions that HEAD reaches and the log does not have, oldest first."""
    files = ChangeFiles(store.objects, store.connection)
    log = ConfiguredSink(ChangeLog.name, KIND, lambda: ChangeLog(store.objects), had=files.versions)
    (done,) = publish_all(store, connection.dialect(), [log])
    return done


def why_not(done: Published) -> str:
    """Why the log could not be written; it is no sink to people."""
    told = done.failed.message if done.failed else ""
    return told.removeprefix(f"Sink {ChangeLog.name}: ")


def tidy_up(connection: Connection, store: StateStore) -> None:
    """Forget what is too old and merge small files, unless somebody else is at the log."""
    files = ChangeFiles(store.objects, store.connection)
    days = connection.options.retain_changes_days
    if days is None and not is_untidy(files):
        return
    leased = Cursors(store.objects, store.connection).lease(ChangeLog.name, KIND)
    if leased is None:
        return
    try:
        if days is not None:
            files.forget(datetime.now(UTC) - timedelta(days=days))
        tidy(files)
    finally:
        leased.end(leased.cursor.failed)

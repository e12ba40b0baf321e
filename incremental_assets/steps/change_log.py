"""The change log of a connection: every version's changes, for longer than versions are kept.

It is written as sinks are, with a cursor of its own, so that nothing is missed and retention waits
for it; what a file of it holds is in ``incremental_resources.sinks.parquet``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from incremental_assets.config.connection import Connection
from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_assets.core.history import Diffs
from incremental_assets.steps.committing import commit_stands
from incremental_assets.steps.publishing import publish_all
from incremental_assets.steps.stored import diff_frame
from incremental_resources.sinks.parquet.files import ChangeFiles, LoggedVersion
from incremental_resources.sinks.parquet.kind import ChangeLog
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version


@dataclass(frozen=True)
class Step:
    """One version as ``log`` tells of it.

    ``since`` is the marker of the version before it; None where that is not known. ``first``: there
    was nothing before it.
    """

    version: int
    since: datetime | None
    until: datetime
    diffs: Diffs
    first: bool


def keep_change_log(
    context: dg.AssetExecutionContext, connection: Connection, store: StateStore
) -> None:
    """Append what the log does not have, forget what is too old, and fail nothing."""
    log = ConfiguredSink(ChangeLog.name, "change_log", lambda: ChangeLog(store.objects))
    (done,) = publish_all(store, connection.dialect(), [log])
    if done.failed:
        context.log.warning(
            "The refresh is committed, but the change log was not written: %s", done.failed.message
        )
    days = connection.options.retain_changes_days
    if days is not None and done.versions:
        with commit_stands(context, "old changes were not removed from the change log"):
            before = datetime.now(UTC) - timedelta(days=days)
            ChangeFiles(store.objects, store.connection).forget(before)


def steps_of(store: StateStore, versions: Sequence[Version]) -> list[Step]:
    """The ``versions`` that are kept, newest first, then those before them that the log has."""
    logged = list(_logged_before(store, versions[-1]))
    markers = [one.manifest.marker for one in versions] + [one.marker for one in logged]
    before = [*markers[1:], None]
    kept = [
        Step(one.number, since, one.manifest.marker, diffs_of(one), one.manifest.parent is None)
        for one, since in zip(versions, before, strict=False)
    ]
    files = ChangeFiles(store.objects, store.connection)
    older = [
        Step(one.version, since, one.marker, _logged_diffs(files, one), one.previous is None)
        for one, since in zip(logged, before[len(versions) :], strict=True)
    ]
    return kept + older


def _logged_before(store: StateStore, oldest: Version) -> Iterator[LoggedVersion]:
    """The versions of the log that lead to the oldest one that is kept, newest first."""
    found = ChangeFiles(store.objects, store.connection).versions()
    parent = oldest.manifest.parent
    identity = parent.sha256 if parent else None
    while identity in found:
        one = found.pop(identity)
        yield one
        identity = None if one.whole else one.previous


def diffs_of(version: Version) -> Diffs:
    """The changes of tables and columns in a version that is kept."""
    return {entity.name: diff_frame(version, entity) for entity in (TABLES, COLUMNS)}


def _logged_diffs(files: ChangeFiles, version: LoggedVersion) -> Diffs:
    return {
        entity.name: files.changes(version, entity.name, entity.key) for entity in (TABLES, COLUMNS)
    }

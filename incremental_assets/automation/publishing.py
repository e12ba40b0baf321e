"""One look at the sinks: whether one of them is behind HEAD, and whether it is time to try again.

What a sink has had is in its cursor; the daemon remembers nothing.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import dagster as dg

from incremental_assets.config.connection import Connection
from incremental_assets.core.sensing import pause_after
from incremental_assets.instance.runs import (
    fail_abandoned_runs,
    finished_runs,
    publishing_runs,
    unfinished_runs,
)
from incremental_assets.naming import HEAD_TAG, PUBLISH_TAG, REASON_TAG
from incremental_assets.steps.publishing import Published, standing
from incremental_assets.steps.publishing_metadata import TRIES
from incremental_resources.errors import ResourceError
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.state_store.store import StateStore

SUCCESS = dg.DagsterRunStatus.SUCCESS


def look_at_sinks(
    instance: dg.DagsterInstance,
    connection: Connection,
    store: StateStore,
    sinks: Sequence[ConfiguredSink],
) -> dg.RunRequest | dg.SkipReason:
    """One run that publishes, or why there is none.

    Raises:
        ResourceError: the store could not be asked; the tick fails with the message.
    """
    fail_abandoned_runs(instance)
    running = [
        *publishing_runs(instance, connection.name),
        *unfinished_runs(instance, connection.name),
    ]
    if running:
        return dg.SkipReason(f"Run {running[0].run_id} is going on, and may publish itself.")
    standings, unread = _standings(store, sinks)
    behind = [one for one in standings if one.behind]
    if not behind and unread:
        raise unread[0]
    if not behind:
        return dg.SkipReason("Every sink has the current version.")
    ready = [one for one in behind if not one.busy and _again(one) <= datetime.now(UTC)]
    names = ", ".join(one.sink for one in ready or behind)
    if not ready:
        again = min(_again(one) for one in behind)
        return dg.SkipReason(f"{names}: the next attempt begins after {again:%H:%M:%S} UTC.")
    head = store.head()
    revision = f"{connection.name}-{head.head.revision if head else 0}"
    ended = finished_runs(instance, {PUBLISH_TAG: connection.name, HEAD_TAG: revision})
    pause = _until_next(ended)
    if pause > datetime.now(UTC):
        return dg.SkipReason(
            f"{names}: run {ended[0].dagster_run.run_id} delivered nothing; the next attempt "
            f"begins after {pause:%H:%M:%S} UTC."
        )
    # Dagster never launches a used key again: a new attempt needs a new one.
    last = ended[0].dagster_run.run_id if ended else "first"
    return dg.RunRequest(
        run_key=f"publish-{revision}-{last}-{sum(map(_attempts, behind))}",
        tags={HEAD_TAG: revision, REASON_TAG: f"behind: {names}"},
    )


def _standings(
    store: StateStore, sinks: Sequence[ConfiguredSink]
) -> tuple[list[Published], list[ResourceError]]:
    """How sinks stand, and why it is not known of the others."""
    found, unread = [], []
    for sink in sinks:
        try:
            found.append(standing(store, sink.name, sink.kind, sink.place))
        except ResourceError as error:
            unread.append(error)
    return found, unread


def _until_next(ended: Sequence[dg.RunRecord]) -> datetime:
    """When to try again after runs that ended, newest first: one may never have got to a sink."""
    now = datetime.now(UTC)
    if not ended or ended[0].end_time is None:
        return now
    at = datetime.fromtimestamp(ended[0].end_time, UTC)
    return at + pause_after(len(ended)) if ended[0].dagster_run.status != SUCCESS else now


def _attempts(one: Published) -> int:
    return one.failed.attempts if one.failed else 0


def _again(one: Published) -> datetime:
    """When the sink may be tried again. What one run tries several times counts once."""
    if one.failed is None:
        return datetime.now(UTC)
    return one.failed.at + pause_after(max(1, one.failed.attempts - TRIES))

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
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.state_store.store import StateStore


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
    behind = [
        one for one in (standing(store, sink.name, sink.kind) for sink in sinks) if one.behind
    ]
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
    # Dagster never launches a used key again: a new attempt needs a new one.
    return dg.RunRequest(
        run_key=f"publish-{revision}-{len(ended)}",
        tags={HEAD_TAG: revision, REASON_TAG: f"behind: {names}"},
    )


def _again(one: Published) -> datetime:
    """When the sink may be tried again."""
    return one.failed.at + pause_after(one.failed.attempts) if one.failed else datetime.now(UTC)

"""One look of the change sensor: off the source while a refresh is going, else one cheap probe.

What is to be done follows from HEAD, the source and Dagster's own runs: a daemon that is started
again goes on where it was. The cursor only spares probes. The rules are in ``core/sensing.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from incremental_assets.automation.probe_cache import ProbeCache
from incremental_assets.config.connection import Connection
from incremental_assets.core.deletions import would_stand
from incremental_assets.core.sensing import pause_after, refresh_wanted
from incremental_assets.instance.runs import fail_abandoned_runs, finished_runs, unfinished_runs
from incremental_assets.naming import EXTRACTION_TAG, HEAD_TAG, REASON_TAG, REFUSED
from incremental_assets.steps.fan_out import why_busy
from incremental_assets.steps.opening import why_full
from incremental_resources.source.probes import combined
from incremental_resources.source.source import Source
from incremental_resources.state_store.documents import FORMAT
from incremental_resources.state_store.extraction import Extraction
from incremental_resources.state_store.head import HeadRef
from incremental_resources.state_store.store import StateStore

SHOWN_OF_PROBE = 16


@dataclass(frozen=True)
class Observation:
    """What a look saw: HEAD, the source's probe, and why a refresh is wanted, if it is."""

    head: HeadRef | None
    probe: str | None
    reason: str | None

    @property
    def revision(self) -> int:
        """HEAD's revision; 0 where there is none."""
        return self.head.head.revision if self.head else 0


def look(
    context: dg.SensorEvaluationContext, connection: Connection, source: Source, store: StateStore
) -> dg.RunRequest | dg.SkipReason:
    """One refresh if the source changed, or why there is none.

    Raises:
        ResourceError: source or store could not be asked; the tick fails with the message.
    """
    instance = context.instance
    fail_abandoned_runs(instance)
    if running := unfinished_runs(instance, connection.name):
        return dg.SkipReason(
            f"Run {running[0].run_id} is {running[0].status.value}; the source was not asked."
        )
    if busy := why_busy(instance, connection, store):
        return dg.SkipReason(f"{busy} The source was not asked.")
    every = timedelta(seconds=connection.options.sensor_seconds)
    remembered = ProbeCache.of(context.cursor, datetime.now(UTC), every)
    seen = see(connection, source, store, remembered)
    context.update_cursor(remembered.cursor())
    if seen.reason is None:
        return dg.SkipReason(_why_nothing(connection, seen))
    refused = refused_extraction(connection, store, seen)
    if refused and _stands(refused, connection):
        return dg.SkipReason(
            f"Extraction {refused.id} was refused because too much disappeared, and source and "
            "options are as they were then. Its failed check deletions_plausible says what a "
            "person can do."
        )
    ended = finished_runs(instance, {HEAD_TAG: _head_tag(connection, seen)})
    # A refusal that would be none any more is no failure to wait after.
    if pause := _pause([run for run in ended if not _is_of(refused, run.dagster_run)]):
        return dg.SkipReason(pause)
    return dg.RunRequest(
        # Dagster never launches a used key again: a new attempt needs a new one.
        run_key=f"{_head_tag(connection, seen)}-{(seen.probe or '')[:SHOWN_OF_PROBE]}-{len(ended)}",
        tags={HEAD_TAG: _head_tag(connection, seen), REASON_TAG: seen.reason},
    )


def see(
    connection: Connection, source: Source, store: StateStore, remembered: ProbeCache
) -> Observation:
    """Ask HEAD and the source, and remember what its databases said."""
    head = store.head()
    identity = source.identity()
    pinned = source.pinned_to(identity)
    clock = pinned.clock()
    probe = _probe(pinned, remembered, head.head.probe if head else None)
    full = why_full(connection, head, identity, clock)
    if probe is None:
        return Observation(head, None, full)
    manifest = store.version(head.head.ref).manifest if head else None
    reason = refresh_wanted(
        full_reason=full,
        same_scope=manifest is not None and manifest.scope == connection.scope().to_json(),
        outdated=manifest is not None and manifest.format < FORMAT,
        head_probe=head.head.probe if head else None,
        probe=probe,
        head_marker=head.head.marker if head else None,
        clock=clock,
    )
    return Observation(head, probe, reason)


def _probe(source: Source, remembered: ProbeCache, expected: str | None) -> str | None:
    """The source's probe; what is remembered may only tell that it is as ``expected``."""
    probes = source.probes(last=remembered.probes)
    if probes is None:
        return None
    asked_now = {
        name: probed for name, probed in probes.items() if probed is not remembered.probes.get(name)
    }
    if combined(probes) != expected and len(asked_now) < len(probes):
        probes = source.probes(list(probes), last=asked_now) or {}
    remembered.probes = probes
    return combined(probes)


def refused_extraction(
    connection: Connection, store: StateStore, seen: Observation
) -> Extraction | None:
    """The last extraction that the guard refused while HEAD and source were as they are now."""
    for extraction in reversed(store.extractions()):
        as_now = (
            extraction.base == seen.head
            and extraction.record["probe"] == seen.probe
            and extraction.record["scope"] == connection.scope().to_json()
        )
        if as_now and extraction.exists(REFUSED):
            return extraction
    return None


def _stands(refused: Extraction, connection: Connection) -> bool:
    """Whether it would be refused with today's options too; an older release left no facts."""
    if not refused.exists_json(REFUSED):
        return False
    return would_stand(refused.read_json(REFUSED), connection.options.deletion_guard_percent)


def _is_of(extraction: Extraction | None, run: dg.DagsterRun) -> bool:
    return extraction is not None and run.tags.get(EXTRACTION_TAG) == extraction.id


def _head_tag(connection: Connection, seen: Observation) -> str:
    return f"{connection.name}-{seen.revision}"


def _why_nothing(connection: Connection, seen: Observation) -> str:
    if seen.probe is None:
        title = connection.dialect().title
        return f"{title} has no probe: switch on {connection.name}_schedule instead."
    version = seen.head.head.version if seen.head else 0
    return f"Nothing changed since version {version}."


def _pause(ended: Sequence[dg.RunRecord]) -> str | None:
    """Until when failed refreshes of this very head are not repeated, in words."""
    failed = [run for run in ended if run.dagster_run.status != dg.DagsterRunStatus.SUCCESS]
    if not failed:
        return None
    attempts = len({_attempt(run.dagster_run) for run in failed})
    last = max(run.end_time or run.update_timestamp.timestamp() for run in failed)
    again = datetime.fromtimestamp(last, UTC) + pause_after(attempts)
    if datetime.now(UTC) >= again:
        return None
    return f"Attempt {attempts} to refresh failed; the next begins after {again:%H:%M:%S} UTC."


def _attempt(run: dg.DagsterRun) -> str:
    """Which refresh a run belongs to; a fan-out has many runs."""
    return run.tags.get(EXTRACTION_TAG, run.run_id)

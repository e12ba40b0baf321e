"""Dagster runs: made by the command line, found alive, cleaned up after a kill.

Calls into Dagster's inner modules are here and in ``lost.py``, which tells the killed from the
living. What a run does is in ``assets/``.
"""

import logging
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent
from dagster._core.execution.api import execute_run_iterator
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import make_new_run_id
from dagster._utils.interrupts import pop_captured_interrupt

from incremental_assets.instance.claims import process_tags
from incremental_assets.instance.lost import why_lost
from incremental_assets.naming import BATCH_TAG, CONNECTION_TAG, LOCATION, PUBLISH_TAG
from incremental_resources.state_store.errors import StateConflict

# A daemon of Dagster's leaves a heartbeat every 30 seconds.
HEARTBEAT_SECONDS = 45
POLL_SECONDS = 1.0

UNFINISHED = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
FINISHED = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)


def create_run(
    instance: dg.DagsterInstance,
    job: dg.JobDefinition,
    *,
    working_directory: Path,
    run_config: Mapping[str, Any],
    assets: Sequence[dg.AssetKey] | None = None,
    tags: Mapping[str, str] | None = None,
) -> tuple[dg.JobDefinition, dg.DagsterRun]:
    """Record a run that the UI shows and can re-execute.

    Dagster's public ways to run a job in this process leave no origin in the run, and the UI
    cannot re-execute such runs.
    """
    location = ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(
            executable_path=sys.executable,
            module_name=LOCATION,
            working_directory=str(working_directory),
        ),
        location_name=LOCATION,
    )
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job.name)
    selection = frozenset(assets) if assets else None
    selected = job.get_subset(asset_selection=selection) if selection else job
    run_id = make_new_run_id()
    run = instance.create_run_for_job(
        selected,
        run_id=run_id,
        run_config=run_config,
        tags={**job.run_tags, **process_tags(run_id), **(tags or {})},
        asset_selection=selection,
        remote_job_origin=origin,
    )
    return selected, run


def execute(
    instance: dg.DagsterInstance, job: dg.JobDefinition, run: dg.DagsterRun
) -> Generator[dg.DagsterEvent]:
    """Execute ``run`` in this process, event by event; closed early, it ends there."""
    yield from execute_run_iterator(InMemoryJob(job), run, instance)


def report_failed_partition(
    context: dg.AssetExecutionContext, key: dg.AssetKey, partition: str
) -> None:
    """Let the UI count a partition as failed that this run was to materialize and did not.

    Dagster counts a partition as failed where a run that planned it ended as failed; a run without
    partitions plans none.
    """
    planned = DagsterEvent.build_asset_materialization_planned_event(
        context.run.job_name,
        context.get_step_execution_context().step.key,
        AssetMaterializationPlannedData(key, partition=partition),
    )
    context.instance.report_dagster_event(planned, context.run.run_id, logging.DEBUG)


def cancel(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Let Dagster take whatever ends ``run`` from here for a cancellation."""
    found = instance.get_run_by_id(run.run_id)
    if found and not found.is_finished and found.status != dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceling(run)


def close(events: Generator[dg.DagsterEvent]) -> None:
    """End what ``execute`` began, after the event it gave last."""
    # Otherwise Dagster raises the signal that it has caught while it cleans up.
    pop_captured_interrupt()
    events.close()


def end(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """See that a canceled run whose events are over is ended."""
    found = instance.get_run_by_id(run.run_id)
    if found and found.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run)


def unfinished_runs(
    instance: dg.DagsterInstance, connection: str | None = None
) -> Sequence[dg.DagsterRun]:
    """The runs of a connection (of all, without one) that are not finished, newest first;
    those that read single batches come last."""
    tagged = [{CONNECTION_TAG: connection}, {BATCH_TAG: connection}] if connection else [{}]
    return [
        run
        for tags in tagged
        for run in instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED), tags=tags))
    ]


def publishing_runs(instance: dg.DagsterInstance, connection: str) -> Sequence[dg.DagsterRun]:
    """The runs that only publish a connection's versions and are not finished."""
    tags = {PUBLISH_TAG: connection}
    return instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED), tags=tags))


def finished_runs(instance: dg.DagsterInstance, tags: Mapping[str, str]) -> Sequence[dg.RunRecord]:
    """The finished runs with these tags, newest first."""
    return instance.get_run_records(dg.RunsFilter(statuses=list(FINISHED), tags=tags))


def fail_abandoned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail the runs whose process was killed and free their slots; returns their ids.

    Dagster does not notice such runs by itself: they stay STARTED and keep their pool's slot.
    """
    lost = [
        run.run_id
        for run in unfinished_runs(instance)
        if (reason := why_lost(instance, run)) and _fail(instance, run.run_id, reason)
    ]
    for run_id in lost:
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    return lost


def _fail(instance: dg.DagsterInstance, run_id: str, reason: str) -> bool:
    """End a lost run, unless it has ended by itself meanwhile."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return False
    message = f"{reason}. What it had committed stays."
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, message=message)
    else:
        instance.report_run_failed(run, message=message)
    return True


def make_way(instance: dg.DagsterInstance, connection: str, *, wait: bool) -> None:
    """Clear killed runs away; wait for live ones of the connection, or refuse.

    Raises:
        StateConflict: there is one, and nobody wants to wait.
    """
    fail_abandoned_runs(instance)
    while running := unfinished_runs(instance, connection):
        if not wait:
            raise StateConflict(
                f"Run {running[0].run_id} of {connection} is {running[0].status.value}. "
                "Wait for it (--wait), or end it in the UI, then run this again."
            )
        time.sleep(POLL_SECONDS)
        fail_abandoned_runs(instance)


def is_backfilled(instance: dg.DagsterInstance, connection: str) -> bool:
    """Whether a backfill of some of the connection's assets is going on."""
    going_on = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING]
    backfills = instance.get_backfills(filters=BulkActionsFilter(statuses=going_on))
    keys = [key for backfill in backfills for key in backfill.asset_selection or ()]
    return any(key.path[0] == connection for key in keys)


def is_served(instance: dg.DagsterInstance) -> bool:
    """Whether a daemon works on this instance now, which every running UI of ours has."""
    beats = instance.get_daemon_heartbeats().values()
    return any(time.time() - beat.timestamp < HEARTBEAT_SECONDS for beat in beats)

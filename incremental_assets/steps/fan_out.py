"""A refresh that is spread over many runs: how far it is, and which run it needs next.

Nothing is remembered between two looks but the store and Dagster's own runs: a daemon that is
started again goes on where it was. The rules are in ``core/fan_out.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import polars as pl
from dagster._core.storage.tags import PARTITION_NAME_TAG

from incremental_assets.config.connection import Connection
from incremental_assets.core.fan_out import (
    IDLE,
    Attempt,
    Decision,
    Ending,
    FanOutStatus,
    Part,
    decide,
)
from incremental_assets.core.plan import batch_key, split_batch_key
from incremental_assets.instance.runs import UNFINISHED, fail_abandoned_runs
from incremental_assets.naming import (
    EXTRACTION_TAG,
    HEAD_TAG,
    REFUSED,
    apply_job_name,
    batch_job_name,
    partitions_name,
    plan_job_name,
)
from incremental_assets.steps.refresh import Refresh, why_closed
from incremental_resources.state_store.errors import StateConflict
from incremental_resources.state_store.extraction import Extraction
from incremental_resources.state_store.store import StateStore


@dataclass(frozen=True)
class FanOut:
    """The extraction that is spread over runs now, how far it is, when its last run moved, and
    the connection's older extractions."""

    step: Refresh
    progress: FanOutStatus
    last_moved: datetime
    older: Sequence[Extraction]

    @property
    def decision(self) -> Decision:
        """What it needs next."""
        return decide(self.progress, self.step.connection.options.batches_at_once)

    def under_way(self, now: datetime) -> str | None:
        """What is going on, in words; None if it needs a person or nobody looks after it."""
        decision = self.decision
        going = any(one.ending is Ending.GOING for one in self.progress.attempts)
        if decision.stuck or not (going or now - self.last_moved < IDLE):
            return None
        return f"A refresh in many runs is under way: {decision.reason}"


def go_on(
    instance: dg.DagsterInstance, connection: Connection, store: StateStore
) -> list[dg.RunRequest] | dg.SkipReason:
    """The runs that the connection's extraction needs now, or why there are none.

    Raises:
        ResourceError: the store could not be asked; the tick fails with the message.
    """
    fail_abandoned_runs(instance)
    found = find(instance, connection, store)
    if found is None:
        return dg.SkipReason(f"No extraction of {plan_job_name(connection.name)} is open.")
    _abandon(found.older)
    decision = found.decision
    requests = [_batch_request(instance, found, number) for number in decision.batches]
    if decision.apply:
        requests.append(_request(found, "apply", apply_job_name(connection.name)))
    return requests or dg.SkipReason(decision.reason)


def find(
    instance: dg.DagsterInstance,
    connection: Connection,
    store: StateStore,
    *,
    asked_by: str | None = None,
) -> FanOut | None:
    """The connection's newest fan-out that is not over, unless a later refresh is going on.

    A later one that was no fan-out and has failed hides nothing: nobody takes it to its end.

    The run ``asked_by`` is none of its runs: a re-execution has the tags of its parent.
    """
    extractions = store.extractions()
    while extractions:
        step = Refresh(connection, store, extractions.pop())
        if why_closed(step) is not None:
            continue
        if step.record.get("fan_out"):
            return _seen(instance, step, extractions, asked_by)
        if _is_going(instance, step.extraction, asked_by):
            return None
    return None


def _is_going(instance: dg.DagsterInstance, extraction: Extraction, asked_by: str | None) -> bool:
    """Whether a run works for an extraction; re-executions have the tags of the first one."""
    tags = {EXTRACTION_TAG: extraction.id}
    going = instance.get_runs(dg.RunsFilter(tags=tags, statuses=list(UNFINISHED)))
    return any(run.run_id != asked_by for run in going)


def why_busy(
    instance: dg.DagsterInstance,
    connection: Connection,
    store: StateStore,
    *,
    asked_by: str | None = None,
) -> str | None:
    """What keeps another refresh from beginning, in words; None if nothing does."""
    if connection.options.fan_out != "runs":
        return None
    found = find(instance, connection, store, asked_by=asked_by)
    return found.under_way(datetime.now(UTC)) if found else None


def stop_if_busy(
    context: dg.AssetExecutionContext, connection: Connection, store: StateStore
) -> None:
    """Refuse to begin beside a fan-out that is under way; a step's own retry may go on.

    Raises:
        StateConflict: there is one.
    """
    if context.retry_number:
        return
    if reason := why_busy(context.instance, connection, store, asked_by=context.run.run_id):
        raise StateConflict(f"{reason} Wait for its end, or cancel its runs, then run this again.")


def _seen(
    instance: dg.DagsterInstance,
    step: Refresh,
    older: Sequence[Extraction],
    asked_by: str | None,
) -> FanOut:
    tags = {EXTRACTION_TAG: step.extraction.id}
    records = sorted(
        (
            record
            for record in instance.get_run_records(dg.RunsFilter(tags=tags))
            if record.dagster_run.run_id != asked_by
        ),
        key=lambda record: record.create_timestamp,
    )
    attempts = [
        Attempt(part, _ending(instance, record.dagster_run), record.dagster_run.run_id)
        for record in records
        if (part := _part(step, record.dagster_run)) is not None
    ]
    opened = datetime.fromisoformat(step.record["opened_at"])
    moved = max([opened, *(record.update_timestamp for record in records)])
    return FanOut(step, _progress(step, attempts), moved, older)


def _progress(step: Refresh, attempts: Sequence[Attempt]) -> FanOutStatus:
    # One listing instead of a question per batch.
    names = set(step.extraction.names())
    listings = {f"listings/{entity}" for entity in step.scope.entities if entity != "columns"}
    planned = {*listings, "plan"} <= names
    has_columns = planned and "columns" in step.scope.entities
    batches = _count_batches(step) if has_columns else 0
    return FanOutStatus(
        connection=step.connection.name,
        extraction=step.extraction.id,
        planned=planned or step.unchanged,
        batches=batches,
        done=frozenset(n for n in range(batches) if step.batch_name(n) in names),
        refused=REFUSED in names,
        attempts=attempts,
    )


def _count_batches(step: Refresh) -> int:
    counted = step.extraction.read("plan").select(pl.col("batch").drop_nulls().n_unique())
    return int(counted.collect().item())


def _part(step: Refresh, run: dg.DagsterRun) -> Part | None:
    """What a run of the extraction is for; None for one that no decision depends on."""
    if key := run.tags.get(PARTITION_NAME_TAG):
        batch = split_batch_key(key)
        return batch[1] if batch and batch[0] == step.extraction.id else None
    if run.job_name == plan_job_name(step.connection.name):
        return "plan"
    return "apply" if run.job_name == apply_job_name(step.connection.name) else None


def _ending(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Ending:
    if run.status in UNFINISHED:
        return Ending.GOING
    if run.status == dg.DagsterRunStatus.CANCELED:
        return Ending.CANCELED
    # A run whose worker was killed is failed by somebody else; none of its steps has failed.
    failed = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return Ending.FAILED if failed else Ending.WITHOUT


def _batch_request(instance: dg.DagsterInstance, found: FanOut, number: int) -> dg.RunRequest:
    connection = found.step.connection.name
    key = batch_key(found.step.extraction.id, number)
    # The plan's run may have been killed before it registered the keys.
    instance.add_dynamic_partitions(partitions_name(connection), [key])
    return _request(found, number, batch_job_name(connection), partition=key)


def _request(found: FanOut, part: Part, job: str, *, partition: str | None = None) -> dg.RunRequest:
    extraction, head = found.step.extraction.id, found.step.base_head
    what = f"{extraction}-apply" if partition is None else partition
    revision = head.head.revision if head else 0
    return dg.RunRequest(
        # Dagster never launches a used key again: a new attempt needs a new one.
        run_key=f"{what}-{found.progress.next_attempt(part)}",
        job_name=job,
        partition_key=partition,
        tags={
            EXTRACTION_TAG: extraction,
            HEAD_TAG: f"{found.step.connection.name}-{revision}",
        },
    )


def _abandon(older: Sequence[Extraction]) -> None:
    """Close the fan-outs whose place a newer one has taken: their runs do nothing any more."""
    for extraction in older:
        if extraction.state == "open" and extraction.record.get("fan_out"):
            extraction.close("abandoned")

"""What the Dagster instance knows of a connection's runs: a live one, and why the last one failed.

The instance is only read, and never created. Runs are made and cleaned up in ``runs``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.instance import InstanceRef

from incremental_assets.core.errors import DeletionsSuspicious
from incremental_assets.instance.home import Home, home_errors, open_instance
from incremental_assets.instance.lost import why_lost
from incremental_assets.instance.runs import FINISHED, unfinished_runs
from incremental_assets.naming import (
    apply_job_name,
    batch_job_name,
    plan_job_name,
    refresh_job_name,
)
from incremental_resources.state_store.head import Head

# Runs are listed by creation; among so many of them is the one that ended last.
LOOKED_AT = 20
TELLING = {
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}
# What the step would have raised that the check stopped; the others' descriptions name the error.
REFUSALS = {"deletions_plausible": DeletionsSuspicious.__name__}
KILLED = "The process of run {run} was killed. The next refresh clears it away."


@contextmanager
def existing_instance(home: Home) -> Iterator[dg.DagsterInstance | None]:
    """The instance, unless nothing was ever run in it.

    Raises:
        ConfigError: the home cannot be used.
    """
    with home_errors(home):
        used = _was_used(home)
    if not used:
        yield None
        return
    with open_instance(home) as instance:
        yield instance


def _was_used(home: Home) -> bool:
    if home.project is not None:
        return _has_runs(home.directory / "storage")
    if not (home.directory / "dagster.yaml").is_file():
        return False
    storage = InstanceRef.from_dir(str(home.directory)).storage_data
    if storage.class_name != "DagsterSqliteStorage":
        return True
    return _has_runs(Path(storage.config_dict["base_dir"]))


def _has_runs(sqlite_directory: Path) -> bool:
    return (sqlite_directory / "history").is_dir()


def running(instance: dg.DagsterInstance, connection: str) -> str | None:
    """The id of the newest run of the connection that is not finished and whose process lives."""
    alive = (run for run in unfinished_runs(instance, connection) if not why_lost(instance, run))
    return next((run.run_id for run in alive), None)


def last_error(instance: dg.DagsterInstance, connection: str, head: Head | None) -> str | None:
    """Why the last refresh failed; None if it did not, or if the head has moved since."""
    since = _began(head)
    killed = _killed(instance, connection)
    ended = _last_ended(instance, connection)
    if killed and killed.create_timestamp.timestamp() > max(since, ended.end_time if ended else 0):
        return KILLED.format(run=killed.dagster_run.run_id)
    if ended is None or ended.dagster_run.status != dg.DagsterRunStatus.FAILURE:
        return None
    return failure_message(instance, ended.dagster_run.run_id) if ended.end_time > since else None


def _began(head: Head | None) -> float:
    """When the refresh that moved the head began: its extraction's id tells."""
    if head is None:
        return 0.0
    try:
        began = datetime.fromisoformat(head.extraction.partition("-")[0])
    except ValueError:
        return 0.0
    return began.timestamp()


def _killed(instance: dg.DagsterInstance, connection: str) -> dg.RunRecord | None:
    killed = (run for run in unfinished_runs(instance, connection) if why_lost(instance, run))
    newest = next(killed, None)
    return instance.get_run_record_by_id(newest.run_id) if newest else None


def _last_ended(instance: dg.DagsterInstance, connection: str) -> dg.RunRecord | None:
    """The run that tells how the last refresh ended; where it had many, one that failed does."""
    ended = [
        *_ended(instance, refresh_job_name(connection), FINISHED),
        *_ended(instance, apply_job_name(connection), FINISHED),
        *_ended(instance, plan_job_name(connection), [dg.DagsterRunStatus.FAILURE]),
        *_ended(instance, batch_job_name(connection), [dg.DagsterRunStatus.FAILURE]),
    ]
    return max(ended, key=lambda record: record.end_time, default=None)


def _ended(
    instance: dg.DagsterInstance, job: str, statuses: Sequence[dg.DagsterRunStatus]
) -> list[dg.RunRecord]:
    of_job = dg.RunsFilter(job_name=job, statuses=[*statuses])
    records = instance.get_run_records(of_job, limit=LOOKED_AT)
    return [record for record in records if record.end_time is not None]


def failure_message(instance: dg.DagsterInstance, run_id: str) -> str:
    """The first thing that went wrong in a run, in the words of the innermost error."""
    from incremental_assets.steps.failures import message_of

    for entry in instance.all_logs(run_id, of_type=TELLING):
        event = entry.get_dagster_event()
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            message = _refusal(event.asset_check_evaluation_data)
        else:
            message = message_of(event) or event.message
        if message:
            return message
    return f"Run {run_id} failed; the UI shows why."


def _refusal(check: Any) -> str | None:
    """What a failed check says, with the name of the error that it stands for."""
    from incremental_assets.steps.failures import message_of_check

    if check.passed or check.severity == dg.AssetCheckSeverity.WARN:
        return None
    named, message = REFUSALS.get(check.check_name), message_of_check(check)
    return f"{named}: {message}" if named and message else message

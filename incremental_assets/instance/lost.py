"""Whether an unfinished run is lost: its process was killed, and nobody told Dagster.

Judged by the run's process where it can be seen, else by its launcher, else by its silence. A run
that may still live is never lost: the worst that a wrong word could do is to end it in Dagster's
eyes only, as the state's own compare-and-swap decides what is committed.
"""

import json
import logging
from datetime import UTC, datetime, timedelta
from enum import Enum

import dagster as dg
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

from incremental_assets.instance.claims import WORKERS, Claim
from incremental_assets.naming import BATCH_TAG, CONNECTION_TAG

LOG = logging.getLogger(__name__)
# With the sensor's look every minute, a lost run is noticed within five minutes.
LONGEST_SILENCE = timedelta(minutes=4)
ANSWER_SECONDS = 5


class Worker(Enum):
    """What a run's launcher knows of the process, the container or the task that it started."""

    LIVES = "lives"
    ENDED = "has ended"
    UNKNOWN = "is not known"


def why_lost(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """Why an unfinished run of ours will never end by itself, in words; None if it may."""
    if run.status == dg.DagsterRunStatus.QUEUED:
        return None
    claim = Claim.of(run)
    if claim and claim.process.is_here:
        return "The process of this run was killed" if claim.process.has_ended else None
    if claim is None and not {CONNECTION_TAG, BATCH_TAG} & run.tags.keys():
        return None
    worker = _worker(instance, run)
    if worker is Worker.ENDED:
        return "The launcher of this run says that its worker has ended"
    return None if worker is Worker.LIVES else _why_silent(instance, run, claim)


def _why_silent(
    instance: dg.DagsterInstance, run: dg.DagsterRun, claim: Claim | None
) -> str | None:
    """By time: a run says every half minute that it lives, from its first act on."""
    if claim is None:
        said = "This run was started, but has never said that it lives"
        # Of steps on other machines none can speak for the run.
        since = None if instance.all_logs(run.run_id, of_type=WORKERS) else _moved(instance, run)
    else:
        host = claim.process.place.host
        said, since = f"The process of this run, on {host}, has said nothing more", claim.seen
    if since is None or datetime.now(UTC) - since < LONGEST_SILENCE:
        return None
    return f"{said} since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _moved(instance: dg.DagsterInstance, run: dg.DagsterRun) -> datetime | None:
    """When anything was last recorded of a run."""
    record = instance.get_run_record_by_id(run.run_id)
    if record is None:
        return None
    last = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    moments = [datetime.fromtimestamp(one.event_log_entry.timestamp, UTC) for one in last]
    return max([record.create_timestamp, record.update_timestamp, *moments])


def _worker(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Worker:
    """What the launcher knows of a run that it launched."""
    try:
        if instance.get_run_stats(run.run_id).launch_time is None:
            return Worker.UNKNOWN
        if instance.run_launcher.supports_check_run_worker_health:
            return _by_health(instance.run_launcher.check_run_worker_health(run).status)
        return _by_server(run)
    except Exception:
        # A launcher that is configured for another machine, or that does not answer.
        LOG.debug("The launcher could not be asked for run %s.", run.run_id, exc_info=True)
        return Worker.UNKNOWN


def _by_health(status: WorkerStatus) -> Worker:
    if status == WorkerStatus.RUNNING:
        return Worker.LIVES
    return Worker.UNKNOWN if status == WorkerStatus.UNKNOWN else Worker.ENDED


def _by_server(run: dg.DagsterRun) -> Worker:
    """Ask the code server that started the run. One that does not know it says nothing: it may be
    a younger one at the same address, while the run goes on."""
    if GRPC_INFO_TAG not in run.tags:
        return Worker.UNKNOWN
    where = json.loads(run.tags[GRPC_INFO_TAG])
    server = DagsterGrpcClient(
        host=where.get("host"),
        port=where.get("port"),
        socket=where.get("socket"),
        use_ssl=bool(where.get("use_ssl", False)),
    )
    told = server.can_cancel_execution(
        CanCancelExecutionRequest(run_id=run.run_id), timeout=ANSWER_SECONDS
    )
    known = deserialize_value(told, CanCancelExecutionResult).can_cancel
    return Worker.LIVES if known else Worker.UNKNOWN

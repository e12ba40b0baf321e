"""Runs whose process is gone are told from those that live, whoever started them."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG

from incremental_assets.instance import claims, lost
from incremental_assets.instance.claims import Claim, process_resource, process_tags
from incremental_assets.instance.lost import LONGEST_SILENCE, why_lost
from incremental_assets.instance.runs import create_run, fail_abandoned_runs, unfinished_runs
from incremental_assets.naming import CONNECTION_TAG, PROCESS_TAG
from incremental_resources.processes import Place, Process, place

SILENT = LONGEST_SILENCE + timedelta(seconds=1)


@dg.asset
def something() -> None:
    """Any asset."""


JOB = dg.Definitions(
    assets=[something], jobs=[dg.define_asset_job("shop_refresh", tags={CONNECTION_TAG: "shop"})]
).resolve_job_def("shop_refresh")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def run_of(
    instance: dg.DagsterInstance,
    *,
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED,
    tags: dict[str, str] | None = None,
) -> dg.DagsterRun:
    ours = {CONNECTION_TAG: "shop"} if tags is None else tags
    return instance.create_run_for_job(JOB, tags=ours, status=status)


def claimed(
    instance: dg.DagsterInstance, process: Process, *, seen: timedelta | None = timedelta()
) -> dg.DagsterRun:
    """A run that has named this process, and said so long ago that it lives."""
    run = run_of(instance)
    moment = None if seen is None else datetime.now(UTC) - seen
    instance.add_run_tags(run.run_id, Claim(process, run.run_id, moment).tags())
    return again(instance, run)


def again(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    found = instance.get_run_by_id(run.run_id)
    assert found
    return found


def launched(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun:
    """The same run, as if a launcher had started it."""
    event = dg.DagsterEvent(
        dg.DagsterEventType.PIPELINE_STARTING.value,
        run.job_name,
        event_specific_data=EngineEventData(),
    )
    instance.report_dagster_event(event, run.run_id)
    if run.status == dg.DagsterRunStatus.STARTED:
        start = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_START.value, run.job_name)
        instance.report_dagster_event(start, run.run_id)
    return again(instance, run)


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(UTC) + by

    monkeypatch.setattr(lost, "datetime", Clock)


def killed_process() -> Process:
    """A process that was here and is gone."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        found = Process.of(process.pid)
        process.kill()
    return found


def elsewhere(**differs: str) -> Process:
    """This process's number and start, in another place."""
    return Process(place()._replace(**differs), *Process.of(os.getpid())[1:])


OTHER_PLACES = [{"host": "elsewhere"}, {"boot": "another"}, {"namespace": "pid:[1]"}]


def test_the_run_of_this_process_lives(instance: dg.DagsterInstance) -> None:
    claimed(instance, Process.of(os.getpid()), seen=timedelta(days=1))

    assert fail_abandoned_runs(instance) == []


def test_the_run_of_a_process_that_is_gone_is_failed(instance: dg.DagsterInstance) -> None:
    run = claimed(instance, killed_process())

    assert fail_abandoned_runs(instance) == [run.run_id]
    assert again(instance, run).status == dg.DagsterRunStatus.FAILURE
    assert unfinished_runs(instance, "shop") == []


def test_one_that_was_being_canceled_is_canceled(instance: dg.DagsterInstance) -> None:
    run = claimed(instance, killed_process())
    instance.report_run_canceling(run)

    assert fail_abandoned_runs(instance) == [run.run_id]
    assert again(instance, run).status == dg.DagsterRunStatus.CANCELED


def test_a_pid_that_somebody_else_has_now_does_not_keep_a_run_alive(
    instance: dg.DagsterInstance,
) -> None:
    reused = Process.of(os.getpid())._replace(start="12345")

    assert why_lost(instance, claimed(instance, reused))


@pytest.mark.parametrize("differs", OTHER_PLACES)
def test_one_that_lives_elsewhere_is_left_alone_under_the_same_pid_and_host_name_too(
    instance: dg.DagsterInstance, differs: dict[str, str]
) -> None:
    # There is no such process here.
    not_here = elsewhere(**differs)._replace(pid=2**22 + 1)
    claimed(instance, not_here, seen=LONGEST_SILENCE - timedelta(minutes=1))
    # One that speaks but once, because each of its steps has a process of its own.
    claimed(instance, not_here, seen=None)

    assert fail_abandoned_runs(instance) == []


@pytest.mark.parametrize("differs", OTHER_PLACES)
def test_one_elsewhere_that_has_fallen_silent_is_failed(
    instance: dg.DagsterInstance, differs: dict[str, str]
) -> None:
    run = claimed(instance, elsewhere(**differs), seen=SILENT)

    assert fail_abandoned_runs(instance) == [run.run_id]


@pytest.mark.parametrize("tag", ["", "host 1 2 RUN", "h b n x s RUN -", "h b n 1 s RUN yesterday"])
def test_a_tag_that_is_no_claim_says_nothing(instance: dg.DagsterInstance, tag: str) -> None:
    run = run_of(instance)

    tags = {PROCESS_TAG: tag.replace("RUN", run.run_id)}
    assert Claim.of(run.with_tags(tags)) is None


def test_the_tag_that_a_re_execution_has_of_its_parent_says_nothing(
    instance: dg.DagsterInstance,
) -> None:
    parent = claimed(instance, killed_process())
    child = run_of(instance, tags=dict(parent.tags))

    assert Claim.of(child) is None
    assert fail_abandoned_runs(instance) == [parent.run_id]


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ],
)
def test_a_run_that_never_said_whose_it_is_has_a_few_minutes(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, status: dg.DagsterRunStatus
) -> None:
    run = run_of(instance, status=status)
    assert fail_abandoned_runs(instance) == []

    later(monkeypatch, LONGEST_SILENCE - timedelta(seconds=10))
    assert fail_abandoned_runs(instance) == []
    later(monkeypatch, SILENT)
    assert fail_abandoned_runs(instance) == [run.run_id]


def test_what_waits_in_the_queue_is_nobodys_loss(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run = create_run(instance, JOB, working_directory=Path.cwd(), run_config={})
    instance.add_run_tags(run.run_id, {PROCESS_TAG: ""})
    queued = dg.DagsterEvent(dg.DagsterEventType.PIPELINE_ENQUEUED.value, run.job_name)
    instance.report_dagster_event(queued, run.run_id)
    assert again(instance, run).status == dg.DagsterRunStatus.QUEUED
    later(monkeypatch, timedelta(days=1))

    assert fail_abandoned_runs(instance) == []


def test_other_peoples_runs_are_left_alone(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_of(instance, tags={"team": "theirs"})
    later(monkeypatch, timedelta(days=1))

    assert fail_abandoned_runs(instance) == []


def test_steps_on_other_machines_are_not_judged_by_time(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(instance)
    event = dg.DagsterEvent(
        dg.DagsterEventType.STEP_WORKER_STARTING.value,
        run.job_name,
        event_specific_data=EngineEventData(),
    )
    instance.report_dagster_event(event, run.run_id)
    later(monkeypatch, timedelta(days=1))

    assert fail_abandoned_runs(instance) == []


@pytest.mark.parametrize(
    ("health", "silence", "is_lost"),
    [
        (WorkerStatus.RUNNING, timedelta(days=1), False),
        (WorkerStatus.FAILED, timedelta(), True),
        (WorkerStatus.NOT_FOUND, timedelta(), True),
        (WorkerStatus.UNKNOWN, timedelta(), False),
        (WorkerStatus.UNKNOWN, SILENT, True),
    ],
)
@pytest.mark.parametrize("says_whose", [True, False])
def test_the_launchers_word_counts_before_the_clock(
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    health: WorkerStatus,
    silence: timedelta,
    is_lost: bool,
    says_whose: bool,
) -> None:
    there = elsewhere(namespace="pid:[1]")
    run = launched(instance, claimed(instance, there) if says_whose else run_of(instance))
    launcher = type(instance.run_launcher)
    monkeypatch.setattr(launcher, "supports_check_run_worker_health", True)
    told = CheckRunHealthResult(health)
    monkeypatch.setattr(launcher, "check_run_worker_health", lambda _self, _run: told)
    later(monkeypatch, silence)

    assert bool(why_lost(instance, run)) is is_lost


def test_a_launcher_is_not_asked_for_what_it_did_not_launch(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = type(instance.run_launcher)
    monkeypatch.setattr(launcher, "supports_check_run_worker_health", True)
    told = CheckRunHealthResult(WorkerStatus.NOT_FOUND)
    monkeypatch.setattr(launcher, "check_run_worker_health", lambda _self, _run: told)

    assert why_lost(instance, claimed(instance, elsewhere(host="elsewhere"))) is None


def test_a_code_server_that_is_gone_says_nothing_and_silence_decides(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = {"host": "127.0.0.1", "port": unused.getsockname()[1]}
        run = run_of(instance, status=dg.DagsterRunStatus.STARTING)
        instance.add_run_tags(run.run_id, {GRPC_INFO_TAG: json.dumps(server)})
        run = launched(instance, run)

        assert why_lost(instance, run) is None
        later(monkeypatch, SILENT)
        assert why_lost(instance, run)


def test_a_run_says_whose_it_is_before_its_first_step_and_that_it_lives_until_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.1)
    instance = dg.DagsterInstance.local_temp(str(tmp_path))
    seen: list[dg.DagsterRun] = []

    @dg.asset
    def patient(context: dg.AssetExecutionContext, process: dg.ResourceParam[None]) -> None:
        seen.append(again(instance, context.run))
        first = Claim.of(seen[0])
        # Until it has spoken again: seconds are told whole.
        while Claim.of(again(instance, context.run)) == first:
            time.sleep(0.05)

    job = dg.Definitions([patient], resources={"process": process_resource()})
    result = job.resolve_implicit_global_asset_job_def().execute_in_process(instance=instance)

    claim = Claim.of(seen[0])
    assert claim
    assert claim.process == Process.of(os.getpid())
    assert claims.beating == set()
    last = instance.get_run_by_id(result.run_id)
    assert last
    assert last.status == dg.DagsterRunStatus.SUCCESS


def test_process_tags_name_this_process() -> None:
    (tag,) = process_tags("RUN").values()
    assert tag.split(" ")[:3] == list(place())
    assert isinstance(place(), Place)

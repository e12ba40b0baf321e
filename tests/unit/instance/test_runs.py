"""Runs whose process is gone are told from those that live."""

import os
import subprocess
import sys
from collections.abc import Iterator

import dagster as dg
import pytest

from incremental_assets.instance.runs import (
    claim,
    fail_abandoned_runs,
    is_abandoned,
    process_tags,
    unfinished_runs,
)
from incremental_assets.naming import CONNECTION_TAG, PROCESS_TAG


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


def run_of(instance: dg.DagsterInstance, tags: dict[str, str] | None = None) -> dg.DagsterRun:
    return instance.create_run_for_job(
        JOB, tags={CONNECTION_TAG: "shop", **(tags or {})}, status=dg.DagsterRunStatus.STARTED
    )


def killed_process() -> str:
    """The tag that a process left which is gone now."""
    code = "from incremental_assets.instance.runs import *; print(process_tags('RUN')[PROCESS_TAG])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_run_of_this_process_lives(instance: dg.DagsterInstance) -> None:
    run = run_of(instance)
    claim(instance, run)

    assert not is_abandoned(instance.get_run_by_id(run.run_id))
    assert fail_abandoned_runs(instance) == []


def test_the_run_of_a_process_that_is_gone_is_failed(instance: dg.DagsterInstance) -> None:
    run = run_of(instance)
    instance.add_run_tags(run.run_id, {PROCESS_TAG: killed_process().replace("RUN", run.run_id)})

    assert fail_abandoned_runs(instance) == [run.run_id]
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
    assert unfinished_runs(instance, "shop") == []


def test_a_pid_that_somebody_else_has_now_does_not_keep_a_run_alive(
    instance: dg.DagsterInstance,
) -> None:
    run = run_of(instance)
    host, _pid, _started, _run = process_tags("RUN")[PROCESS_TAG].split(" ")
    reused = f"{host} {os.getpid()} 12345 {run.run_id}"
    instance.add_run_tags(run.run_id, {PROCESS_TAG: reused})

    assert is_abandoned(instance.get_run_by_id(run.run_id))


@pytest.mark.parametrize(
    "tag",
    [
        None,  # a run of the daemon that has not reached our code
        "elsewhere 1 2 RUN",  # of another host
        "HOST 999999 2 the-run-it-was-copied-from",  # a re-execution has its parent's tags
    ],
)
def test_a_run_that_cannot_be_judged_is_left_alone(
    instance: dg.DagsterInstance, tag: str | None
) -> None:
    run = run_of(instance)
    host = process_tags("RUN")[PROCESS_TAG].split(" ")[0]
    if tag:
        told = tag.replace("RUN", run.run_id).replace("HOST", host)
        instance.add_run_tags(run.run_id, {PROCESS_TAG: told})

    assert fail_abandoned_runs(instance) == []
    assert [one.run_id for one in unfinished_runs(instance, "shop")] == [run.run_id]


def test_runs_of_another_connection_are_not_in_the_way(instance: dg.DagsterInstance) -> None:
    run_of(instance)

    assert unfinished_runs(instance, "other") == []

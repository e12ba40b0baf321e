"""A refresh in many runs: the sensor takes it to its end, whatever happens on the way."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from incremental_assets.build import build_definitions
from incremental_assets.cli.last_runs import last_error
from incremental_assets.cli.running import Refresher, RefreshRequest
from incremental_assets.config.model import Config
from incremental_assets.instance.runs import POLL_SECONDS
from incremental_assets.naming import BATCH_TAG, CONNECTION_TAG, EXTRACTION_TAG
from incremental_assets.steps import fan_out
from incremental_assets.steps.batches import NoProgress
from incremental_resources.source.dialect import dialect_for
from incremental_resources.source.resource import sources_resource
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.resource import states_resource
from incremental_resources.state_store.store import StateStore
from tests.live import NAME, configured, differences, full, refreshing, state
from tests.sources import copied_folder, sql_files
from tests.webserver.faulty import BLOCKED, COLUMNS, PACKAGE, SCHEMA, open_source

TABLES = tuple(f"item_{number}" for number in range(6))
BATCHES = 3


class Later(datetime):
    """Ten minutes from now."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.now(UTC) + timedelta(minutes=10)


@dataclass
class Fanned:
    """A connection whose batches are read in runs of their own, and a daemon that obeys it."""

    config: Config
    instance: dg.DagsterInstance
    objects: MemoryObjects
    used: set[str] = field(default_factory=set)

    @property
    def definitions(self) -> dg.Definitions:
        (connection,) = self.config.connections
        makers = {NAME: lambda: open_source(self.config, connection)}
        overrides = {
            "sources": sources_resource(makers),
            "states": states_resource(lambda: self.objects),
        }
        return build_definitions(self.config, overrides)

    @property
    def store(self) -> StateStore:
        return StateStore(self.objects, NAME)

    def ddl(self, *statements: str) -> None:
        (connection,) = self.config.connections
        with psycopg.connect(connection.address(), autocommit=True) as server:
            for statement in statements:
                server.execute(statement)

    def break_tables(self, *tables: str) -> None:
        self.ddl("delete from control.fault")
        self.ddl(*(f"insert into control.fault values ('{table}')" for table in tables))

    def tick(self, sensor: str = "fan_out") -> Any:
        resources = self.definitions.resources or {}
        found = self.definitions.resolve_sensor_def(f"{NAME}_{sensor}_sensor")
        with dg.build_sensor_context(instance=self.instance, resources=resources) as context:
            return found(context)

    def skipped(self, sensor: str = "fan_out") -> str:
        told = self.tick(sensor)
        assert isinstance(told, dg.SkipReason), told
        return str(told.skip_message)

    def requested(self) -> list[dg.RunRequest]:
        told = self.tick()
        assert isinstance(told, list), told
        return told

    def run(self, job: str, *, partition: str | None = None, **more: Any) -> dg.DagsterRun:
        result = self.definitions.resolve_job_def(f"{NAME}_{job}").execute_in_process(
            instance=self.instance, partition_key=partition, raise_on_error=False, **more
        )
        found = self.instance.get_run_by_id(result.run_id)
        assert found
        return found

    def plan(self, **asked: bool) -> dg.DagsterRun:
        config = {"ops": {f"{NAME}__extraction": {"config": asked}}} if asked else {}
        return self.run("plan", run_config=config)

    def obey(self, request: dg.RunRequest) -> dg.DagsterRun | None:
        """As the daemon does: a run key that was used is used for ever."""
        assert request.run_key
        if request.run_key in self.used:
            return None
        self.used.add(request.run_key)
        assert request.job_name
        job = request.job_name.removeprefix(f"{NAME}_")
        return self.run(job, partition=request.partition_key, tags=dict(request.tags))

    def to_the_end(self) -> str:
        """Obey until nothing is requested any more; why."""
        for _ in range(20):
            told = self.tick()
            if isinstance(told, dg.SkipReason):
                return str(told.skip_message)
            assert [self.obey(request) for request in told] != [None] * len(told), told
        raise AssertionError("no end")

    def lost(self, request: dg.RunRequest) -> dg.DagsterRun:
        """A run whose worker is killed, which somebody notices."""
        run = self.started(request)
        self.instance.report_run_failed(run, "the worker is gone")
        return run

    def started(self, request: dg.RunRequest) -> dg.DagsterRun:
        """A run that is going on somewhere."""
        assert request.job_name
        assert request.run_key
        self.used.add(request.run_key)
        job = self.definitions.resolve_job_def(request.job_name)
        tags = {**job.run_tags, **request.tags}
        if request.partition_key:
            tags["dagster/partition"] = request.partition_key
        return self.instance.create_run_for_job(job, tags=tags, status=dg.DagsterRunStatus.STARTED)

    def versions(self) -> list[int]:
        return [version.number for version in self.store.history()]


@pytest.fixture
def fanned(
    fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fanned]:
    dialect = dialect_for("postgresql://")
    columns = COLUMNS.format(given=sql_files(dialect)["columns"], blocked=BLOCKED)
    copied_folder(dialect, tmp_path / PACKAGE, columns=columns)
    monkeypatch.syspath_prepend(tmp_path)
    config = configured(
        fresh_database,
        exclude={".*": ("control",)},
        batch_tables=2,
        fan_out="runs",
        max_concurrent_batches=2,
        retry_seconds=0,
        deletion_guard_percent=20,
    )
    with dg.DagsterInstance.ephemeral() as instance:
        fanned = Fanned(config, instance, MemoryObjects())
        fanned.ddl(*SCHEMA, *(f"create table {table} (id integer)" for table in TABLES))
        yield fanned


def test_a_run_per_batch_then_one_that_commits(fanned: Fanned) -> None:
    plan = fanned.plan()
    extraction = plan.tags[EXTRACTION_TAG]
    first = fanned.requested()
    assert [request.run_key for request in first] == [f"{extraction}-000{n}-1" for n in (0, 1)]
    assert [request.partition_key for request in first] == [f"{extraction}-000{n}" for n in (0, 1)]
    # The daemon was away, or has not launched them yet: the same again, under the same keys.
    assert [request.run_key for request in fanned.requested()] == [one.run_key for one in first]
    runs = [fanned.obey(request) for request in first]
    assert {run.tags[BATCH_TAG] for run in runs if run} == {NAME}
    assert not any(CONNECTION_TAG in run.tags for run in runs if run)
    (third,) = fanned.requested()
    assert fanned.obey(third)
    (apply,) = fanned.requested()
    assert apply.run_key == f"{extraction}-apply-1"
    assert fanned.versions() == []
    assert fanned.obey(apply)
    assert fanned.versions() == [1]
    assert fanned.store.find(1).rows("columns") == len(TABLES)
    assert fanned.skipped() == f"No extraction of {NAME}_plan is open."


def test_a_batch_that_fails_waits_for_a_person_who_reads_it_again(fanned: Fanned) -> None:
    fanned.break_tables(TABLES[0])
    plan = fanned.plan()
    key = f"{plan.tags[EXTRACTION_TAG]}-0000"
    told = fanned.to_the_end()
    assert f"2 of 3 batches of {plan.tags[EXTRACTION_TAG]} are there" in told
    assert f"no other run is asked for {key}. Fix" in told
    failed = fanned.instance.get_runs(dg.RunsFilter(job_name=f"{NAME}_batch"))
    assert [run.status.value for run in failed].count("FAILURE") == 1
    assert str(last_error(fanned.instance, NAME, None)).startswith("BatchesFailed: 1 of 3 batches")
    # The change sensor takes it for a refresh that failed, once.
    assert fanned.skipped("change").startswith("Attempt 1 to refresh failed")
    fanned.break_tables()
    # From the page of the asset: none of the sensor's tags, none of the job's.
    again = fanned.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=fanned.instance,
        asset_selection=[dg.AssetKey([NAME, "column_batches"])],
        partition_key=key,
    )
    assert again.success
    assert fanned.to_the_end() == f"No extraction of {NAME}_plan is open."
    assert fanned.versions() == [1]
    assert fanned.store.find(1).rows("columns") == len(TABLES)
    head = fanned.store.head()
    assert head
    assert last_error(fanned.instance, NAME, head.head) is None


def test_a_later_refresh_in_one_run_that_failed_does_not_hide_it(fanned: Fanned) -> None:
    fanned.break_tables(TABLES[0])
    key = f"{fanned.plan().tags[EXTRACTION_TAG]}-0000"
    assert f"no other run is asked for {key}" in fanned.to_the_end()
    failed = fanned.run("refresh")
    assert failed.status == dg.DagsterRunStatus.FAILURE
    assert fanned.store.extraction(failed.tags[EXTRACTION_TAG]).state == "open"
    assert f"no other run is asked for {key}" in fanned.skipped()

    # While somebody takes that one to its end, the fan-out waits.
    tags = {EXTRACTION_TAG: failed.tags[EXTRACTION_TAG], CONNECTION_TAG: NAME}
    job = fanned.definitions.resolve_job_def(f"{NAME}_refresh")
    status = dg.DagsterRunStatus.STARTED
    going = fanned.instance.create_run_for_job(job, tags=tags, status=status)
    assert fanned.skipped() == f"No extraction of {NAME}_plan is open."
    fanned.instance.report_run_failed(going)

    fanned.break_tables()
    again = fanned.run("batch", partition=key)
    assert again.status == dg.DagsterRunStatus.SUCCESS
    assert fanned.to_the_end() == f"No extraction of {NAME}_plan is open."
    assert fanned.versions() == [1]


def test_a_lost_run_is_asked_for_again_until_the_third(fanned: Fanned) -> None:
    fanned.plan()
    keys = []
    for _ in range(3):
        first, *others = fanned.requested()
        keys.append(first.run_key)
        fanned.lost(first)
        for other in others:
            fanned.obey(other)
    assert [str(key)[-1] for key in keys] == ["1", "2", "3"]
    assert len({str(key)[:-2] for key in keys}) == 1
    assert "no other run is asked for" in fanned.to_the_end()
    # A person runs the batch once more.
    assert fanned.obey(dg.RunRequest(**{**vars_of(first), "run_key": "by hand"}))
    fanned.to_the_end()
    assert fanned.versions() == [1]


def vars_of(request: dg.RunRequest) -> dict[str, Any]:
    return {
        "job_name": request.job_name,
        "partition_key": request.partition_key,
        "tags": dict(request.tags),
    }


def test_batches_begin_only_as_others_end(fanned: Fanned) -> None:
    fanned.plan()
    going = [fanned.started(request) for request in fanned.requested()]
    assert len(going) == 2
    assert "0 of 3 batches" in fanned.skipped()
    fanned.instance.report_run_canceled(going[0])
    assert [str(one.partition_key)[-1] for one in fanned.requested()] == ["2"]


def test_with_nothing_to_read_it_is_committed_at_once(fanned: Fanned) -> None:
    fanned.plan()
    fanned.to_the_end()
    # Nothing changed at all, then nothing but a schema.
    for version, change in ((1, "select 1"), (2, "create schema more")):
        fanned.ddl(change)
        extraction = fanned.plan().tags[EXTRACTION_TAG]
        (apply,) = fanned.requested()
        assert apply.run_key == f"{extraction}-apply-1"
        run = fanned.obey(apply)
        assert run
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert fanned.versions()[0] == version


def test_nothing_else_begins_while_it_is_under_way(fanned: Fanned) -> None:
    first = fanned.plan().tags[EXTRACTION_TAG]
    fanned.obey(fanned.requested()[0])
    # Between two of its runs.
    for job in ("plan", "refresh"):
        run = fanned.run(job)
        assert run.status == dg.DagsterRunStatus.FAILURE
        assert EXTRACTION_TAG not in run.tags
    assert "The source was not asked" in fanned.skipped("change")
    # While one of its batches is read.
    going = fanned.started(fanned.requested()[0])
    assert going.run_id in fanned.skipped("change")
    fanned.instance.report_run_failed(going)
    fanned.to_the_end()
    head = fanned.store.head()
    assert head
    assert head.head.extraction == first


def test_the_schedule_begins_nothing_while_one_is_under_way(fanned: Fanned) -> None:
    schedule = fanned.definitions.resolve_schedule_def(f"{NAME}_schedule")

    def tick() -> dg.RunRequest | dg.SkipReason:
        # Dagster gives a schedule only an instance that other processes can open.
        with (
            dg.DagsterInstance.local_temp() as instance,
            dg.build_schedule_context(
                instance=instance, resources=fanned.definitions.resources
            ) as context,
        ):
            told: dg.RunRequest | dg.SkipReason = schedule(context)
            return told

    assert schedule.job_name == f"{NAME}_plan"
    assert isinstance(tick(), dg.RunRequest)
    fanned.plan()
    told = tick()
    assert isinstance(told, dg.SkipReason)
    assert "under way" in str(told.skip_message)
    fanned.to_the_end()
    assert isinstance(tick(), dg.RunRequest)


def test_a_newer_plan_takes_the_place_of_one_that_nobody_looks_after(
    fanned: Fanned, monkeypatch: pytest.MonkeyPatch
) -> None:
    fanned.plan()
    left = fanned.requested()
    monkeypatch.setattr(fan_out, "datetime", Later)
    newer = fanned.plan().tags[EXTRACTION_TAG]
    wanted = fanned.requested()
    assert {request.tags[EXTRACTION_TAG] for request in wanted} == {newer}
    # Runs of the older one were in the queue: they do nothing, and succeed.
    old = fanned.obey(left[0])
    assert old
    assert old.status == dg.DagsterRunStatus.SUCCESS
    older = fanned.store.extraction(left[0].tags[EXTRACTION_TAG])
    assert older.state == "abandoned"
    assert older.names("batches") == []
    fanned.to_the_end()
    assert fanned.versions() == [1]


def test_two_plans_at_the_same_time_end_in_one_version(
    fanned: Fanned, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as unguarded:
        # Neither sees the other: both looked before either had begun.
        unguarded.setattr("incremental_assets.assets.extraction.stop_if_busy", lambda *_: None)
        first, second = fanned.plan(), fanned.plan()
    assert first.tags[EXTRACTION_TAG] != second.tags[EXTRACTION_TAG]
    fanned.to_the_end()
    head = fanned.store.head()
    assert head
    assert head.head.extraction == second.tags[EXTRACTION_TAG]
    assert fanned.versions() == [1]


def test_a_refresh_in_one_run_that_commits_first_ends_it(fanned: Fanned) -> None:
    fanned.plan()
    left = fanned.requested()
    with pytest.MonkeyPatch.context() as unguarded:
        unguarded.setattr("incremental_assets.assets.extraction.stop_if_busy", lambda *_: None)
        assert fanned.run("refresh").status == dg.DagsterRunStatus.SUCCESS
    assert fanned.skipped() == f"No extraction of {NAME}_plan is open."
    late = fanned.obey(left[0])
    assert late
    assert late.status == dg.DagsterRunStatus.SUCCESS
    assert fanned.versions() == [1]


def test_the_guard_waits_for_a_person(fanned: Fanned) -> None:
    fanned.plan()
    fanned.to_the_end()
    fanned.ddl(*(f"drop table {table}" for table in TABLES))
    fanned.plan()
    assert "deletions_plausible says what a person can do" in fanned.to_the_end()
    assert fanned.versions() == [1]
    assert "deletions_plausible" in fanned.skipped("change")
    assert fanned.plan(accept_deletions=True).status == dg.DagsterRunStatus.SUCCESS
    fanned.to_the_end()
    assert fanned.versions() == [2, 1]


def test_a_plan_that_fails_half_way_is_no_fan_out(fanned: Fanned) -> None:
    plan = fanned.run("plan", asset_selection=[dg.AssetKey([NAME, "extraction"])])
    assert plan.status == dg.DagsterRunStatus.SUCCESS
    assert "did not come to its end" in fanned.skipped()
    assert fanned.plan().status == dg.DagsterRunStatus.SUCCESS
    fanned.to_the_end()
    assert fanned.versions() == [1]


def test_the_change_sensor_begins_one(fanned: Fanned) -> None:
    request = fanned.tick("change")
    assert isinstance(request, dg.RunRequest)
    sensor = fanned.definitions.resolve_sensor_def(f"{NAME}_change_sensor")
    assert [target.job_name for target in sensor.targets] == [f"{NAME}_plan"]
    fanned.run("plan", tags=dict(request.tags))
    fanned.to_the_end()
    assert fanned.skipped("change") == "Nothing changed since version 1."


def test_the_state_is_that_of_a_refresh_in_one_run(fanned: Fanned) -> None:
    fanned.plan()
    fanned.to_the_end()
    (connection,) = fanned.config.connections
    reached = state(fanned.store.find(1))
    exclude = {".*": ("control",)}
    with refreshing(connection.address(), exclude=exclude) as afresh:
        assert differences(reached, full(afresh)) == {}


def test_a_refresh_of_the_command_line_waits_if_it_is_asked_to(
    fanned: Fanned, monkeypatch: pytest.MonkeyPatch
) -> None:
    fanned.plan()
    waited: list[str] = []
    really_sleep = time.sleep

    def sleep(seconds: float) -> None:
        if seconds == POLL_SECONDS:
            waited.append(fanned.to_the_end())
        else:
            really_sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleep)
    refresher = Refresher(fanned.config, fanned.instance, NoProgress(), fanned.objects)
    refused = refresher.run(NAME, RefreshRequest(), lambda _event: None)
    assert (refused.ok, waited) == (False, [])
    assert str(refused.error).startswith("StateConflict: A refresh in many runs is under way")
    outcome = refresher.run(NAME, RefreshRequest(wait=True), lambda _event: None)
    assert (outcome.ok, outcome.version, len(waited)) == (True, 1, 1)

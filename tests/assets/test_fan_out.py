"""A refresh in many runs: the sensor takes it to its end, whatever happens on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from incremental_assets.build import build_definitions
from incremental_assets.config import Config
from incremental_assets.runs import BATCH_TAG, CONNECTION_TAG, EXTRACTION_TAG
from resources.source.dialect import dialect_for
from resources.source.resource import sources_resource
from resources.state_store.memory import MemoryObjects
from resources.state_store.resource import states_resource
from resources.state_store.store import StateStore
from tests.live import NAME, configured
from tests.sources import copied_folder, sql_files
from tests.webserver.faulty import BLOCKED, COLUMNS, PACKAGE, SCHEMA, open_source

TABLES = tuple(f"item_{number}" for number in range(6))
BATCHES = 3


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

"""A refresh over Celery workers that share no directory, one of which is killed while it reads.

Skipped where no RabbitMQ answers, unless REQUIRE_RABBITMQ is set: then it is a failure.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from incremental_assets.naming import CONNECTION_TAG, EXTRACTION_TAG, PROCESS_TAG
from incremental_resources.state_store.store import StateStore
from tests.fan_out import farm
from tests.fan_out.farm import Farm
from tests.live import NAME, differences, full, refreshing, state
from tests.oracle import differing
from tests.postgres_server import temporary_database
from tests.s3_server import ACCESS_KEY, REGION, SECRET_KEY, S3Server, s3_objects, started
from tests.waiting import Sign
from tests.webserver.faulty import BLOCKED, SCHEMA

pytestmark = pytest.mark.integration

# With the table of faults.py these are ten.
TABLES = tuple(f"item_{number}" for number in range(9))
BATCHES = 5
OPTIONS = {
    "batch_tables": 2,
    "fan_out": "runs",
    "max_concurrent_batches": 2,
    "sensor_seconds": 1,
    "retry_seconds": 0,
}


@pytest.fixture(autouse=True)
def rabbitmq() -> None:
    if not farm.is_there():
        assert not os.environ.get("REQUIRE_RABBITMQ"), "no RabbitMQ answers at 127.0.0.1:5672"
        pytest.skip("no RabbitMQ answers at 127.0.0.1:5672")


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with started() as server:
        yield server


@contextmanager
def columns_blocked(url: str) -> Iterator[psycopg.Connection]:
    """Whoever reads columns waits while this lasts."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [BLOCKED])
        yield connection


def reading(connection: psycopg.Connection) -> int:
    """How many sessions read columns now."""
    asked = "select count(*) from pg_stat_activity where query like '%%patience%%' and pid <> %s"
    row = connection.execute(asked, [connection.info.backend_pid]).fetchone()
    assert row
    return int(row[0])


def runs_of(instance: dg.DagsterInstance, job: str) -> list[dg.DagsterRun]:
    """Oldest first."""
    return [*reversed(instance.get_runs(dg.RunsFilter(job_name=f"{NAME}_{job}")))]


def host(run: dg.DagsterRun) -> str:
    """The machine a run lived on."""
    return run.tags.get(PROCESS_TAG, "").split(" ")[0]


def test_a_worker_is_killed_and_the_refresh_comes_to_its_end(
    postgres_url: str, fresh_database: str, s3: S3Server, tmp_path: Path
) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        for statement in (*SCHEMA, *(f"create table {name} (id integer)" for name in TABLES)):
            connection.execute(statement)
    bucket = s3.bucket()
    config = {
        "state": f"s3://{bucket}",
        "s3": {
            "endpoint_url": s3.endpoint,
            "region": REGION,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        },
        "connections": [{"name": NAME, "url": fresh_database, "options": OPTIONS}],
    }
    store = StateStore(s3_objects(s3.endpoint, bucket), NAME)
    with temporary_database(postgres_url) as storage:
        machines = Farm(tmp_path, storage, config)
        try:
            story(machines, fresh_database, store)
        except BaseException as error:
            error.add_note(machines.printed())
            raise
    writes = Counter(line for line in s3.lines if line.startswith("PUT") and "/batches/" in line)
    assert len(writes) == BATCHES
    assert set(writes.values()) <= {1, 2}
    assert [version.number for version in store.history()] == [1]
    (version,) = store.history()
    assert differing(fresh_database, state(version), partitions=False) == {}
    with refreshing(fresh_database) as afresh:
        assert differences(state(version), full(afresh)) == {}


def story(machines: Farm, url: str, store: StateStore) -> None:
    """What happens on the machines."""
    with machines.running() as instance:
        with columns_blocked(url) as source:
            machines.launch(f"{NAME}_plan")
            machines.wait_until(lambda: reading(source) == 2, failure(instance, "plan"))
            machines.wait_until(lambda: len({host(run) for run in runs_of(instance, "batch")}) == 2)
            first = runs_of(instance, "batch")
            machines.start_daemon()
            (on_killed,) = (run for run in first if host(run) == "one")
            machines.kill("one")
        machines.wait_until(lambda: runs_of(instance, "apply"), failure(instance, "batch", but=1))
        (apply,) = runs_of(instance, "apply")
        machines.wait_until(lambda: ended(instance, apply))
        statuses = Counter(run.status for run in runs_of(instance, "batch"))
        lost = instance.get_run_by_id(on_killed.run_id)
        assert lost
        assert lost.status == dg.DagsterRunStatus.FAILURE
        assert statuses == {dg.DagsterRunStatus.SUCCESS: BATCHES, dg.DagsterRunStatus.FAILURE: 1}
        keys = [run.tags["dagster/run_key"] for run in runs_of(instance, "batch")]
        told = " ".join(event.message for event in instance.all_logs(on_killed.run_id))
        assert "started a new run worker while the run was already in state" in told
        assert len(set(keys)) == len(keys) == BATCHES + 1
        again = f"{on_killed.tags['dagster/partition']}-2"
        assert [key for key in keys if not key.endswith("-1")] == [again]
        (plan,) = runs_of(instance, "plan")
        head = store.head()
        assert head
        assert head.head.extraction == plan.tags[EXTRACTION_TAG] == apply.tags[EXTRACTION_TAG]
        assert not any(CONNECTION_TAG in run.tags for run in first)


def failure(instance: dg.DagsterInstance, job: str, *, but: int = 0) -> Sign:
    """A sign: a run of the job has failed; ``but``: so many may."""

    def failed() -> str | None:
        runs = [run for run in runs_of(instance, job) if run.is_failure]
        return f"{len(runs)} runs of {job} failed" if len(runs) > but else None

    return failed


def ended(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    found = instance.get_run_by_id(run.run_id)
    assert found
    return found.is_finished

"""When the publish sensor asks for a run: nobody is forgotten, and nobody is asked too often."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from incremental_assets.automation.publishing import look_at_sinks
from incremental_assets.cli.running import Refresher
from incremental_assets.cli.statuses import status_of
from incremental_assets.naming import PUBLISH_TAG
from incremental_assets.steps.due import kept_for_sinks
from incremental_assets.steps.publishing import publish_all, standing
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.errors import SinkUnavailable
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.state_store.memory import MemoryObjects
from tests.folding import Fold
from tests.live import NAME, refresh, refreshing
from tests.states import overwrite


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    ddl(path, "create table item (id integer)")
    return path


def ddl(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statement)


def configured(*sinks: Fold) -> list[ConfiguredSink]:
    return [ConfiguredSink(sink.name, "fold", lambda sink=sink: sink) for sink in sinks]


def look(
    instance: dg.DagsterInstance, refresher: Refresher, sinks: list[ConfiguredSink]
) -> dg.RunRequest | dg.SkipReason:
    connection = refresher.config.connection(NAME)
    return look_at_sinks(instance, connection, refresher.store(NAME), sinks)


def run_of(
    asked: dg.RunRequest, instance: dg.DagsterInstance, body: Callable[[], None], name: str
) -> str:
    @dg.op(name=f"{name}_op")
    def step() -> None:
        body()

    @dg.job(name=name)
    def job() -> None:
        step()

    tags = {**asked.tags, PUBLISH_TAG: NAME}
    done = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)
    return done.run_id


def broken() -> None:
    raise RuntimeError("A module is missing.")


def test_it_waits_after_a_run_that_never_got_to_a_sink(file: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance, refreshing(f"sqlite:///{file}") as refresher:
        refresh(refresher)
        sinks = configured(Fold("late"))
        asked = look(instance, refresher, sinks)
        assert isinstance(asked, dg.RunRequest)
        run_of(asked, instance, broken, "first")
        told = look(instance, refresher, sinks)
        assert isinstance(told, dg.SkipReason)
        assert "the next attempt begins after" in str(told.skip_message)


def test_a_key_is_never_asked_for_twice_though_a_run_was_deleted(file: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance, refreshing(f"sqlite:///{file}") as refresher:
        refresh(refresher)
        keys, runs = [], []
        for n in range(4):
            if n == 3:
                instance.delete_run(runs[0])
            asked = look(instance, refresher, configured(Fold("late")))
            assert isinstance(asked, dg.RunRequest)
            keys.append(asked.run_key)
            runs.append(run_of(asked, instance, lambda: None, f"run{n}"))
        assert len(set(keys)) == len(keys)


def test_the_attempts_of_one_run_count_once(file: Path) -> None:
    def down(_delivery: Delivery) -> None:
        raise SinkUnavailable("It is down.")

    sink = Fold("ill", before=down)
    with dg.DagsterInstance.ephemeral() as instance, refreshing(f"sqlite:///{file}") as refresher:
        refresh(refresher)
        dialect = refresher.config.connection(NAME).dialect()
        for attempts, minutes in ((1, 5), (2, 5), (3, 5), (4, 10), (5, 20)):
            publish_all(refresher.store(NAME), dialect, configured(sink))
            failed = standing(refresher.store(NAME), "ill", "fold").failed
            assert failed
            assert failed.attempts == attempts
            told = look(instance, refresher, configured(sink))
            assert isinstance(told, dg.SkipReason)
            again = str(told.skip_message).rpartition("after ")[2].removesuffix(" UTC.")
            at = datetime.strptime(again, "%H:%M:%S").replace(tzinfo=UTC)
            pause = (at - failed.at.replace(year=1900, month=1, day=1)).total_seconds() % 86400
            assert minutes * 60 - 2 < pause < minutes * 60 + 2


def damage(objects: MemoryObjects, refresher: Refresher, *names: str) -> list[ConfiguredSink]:
    """The sinks of these names, which have version 1; the first one's record is damaged."""
    sinks = configured(*map(Fold, names))
    publish_all(refresher.store(NAME), refresher.config.connection(NAME).dialect(), sinks)
    overwrite(objects, f"{NAME}/sinks/{names[0]}.json", b"{")
    return sinks


def test_a_record_that_cannot_be_read_keeps_nobody_else_waiting(file: Path) -> None:
    objects = MemoryObjects()
    with (
        dg.DagsterInstance.ephemeral() as instance,
        refreshing(f"sqlite:///{file}", objects) as refresher,
    ):
        refresh(refresher)
        sinks = damage(objects, refresher, "ill", "late")
        ddl(file, "create table other (id integer)")
        refresh(refresher)
        assert isinstance(look(instance, refresher, sinks), dg.RunRequest)
        # Retention leaves as many versions as a sink may be behind.
        connection = refresher.config.connection(NAME)
        assert kept_for_sinks(connection, refresher.store(NAME)) == (1, ())


def test_a_record_that_cannot_be_read_hides_nothing_of_its_connection(
    file: Path, tmp_path: Path
) -> None:
    objects, sink = MemoryObjects(), {"kind": "parquet", "path": str(tmp_path / "out")}
    with refreshing(f"sqlite:///{file}", objects, configured_sinks=[sink]) as refresher:
        refresh(refresher)
        overwrite(objects, f"{NAME}/sinks/parquet.json", b"{")
        connection, store = refresher.config.connection(NAME), refresher.store(NAME)
        status = status_of(connection, store, None, datetime.now(UTC))
    assert status["version"] == 1
    assert "parquet.json" in status["sinks"][0]["error"]

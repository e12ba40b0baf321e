"""The change sensor: one refresh per change, none without, none while one is going or in vain."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest

from incremental_assets.automation import watching
from incremental_assets.build import build_definitions
from incremental_assets.config.model import Config
from incremental_assets.instance import lost
from incremental_assets.naming import CONNECTION_TAG, REFUSED
from incremental_resources.source.errors import SourceUnavailable
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.resource import states_resource
from incremental_resources.state_store.store import StateStore
from tests.live import NAME, configured
from tests.sources import CATALOGUE, SOURCES, catalogue, mysql, postgresql


@dataclass
class Watched:
    """A connection with its sensor, and a daemon that obeys it."""

    config: Config
    instance: dg.DagsterInstance
    objects: MemoryObjects
    cursor: str | None = None

    @property
    def definitions(self) -> dg.Definitions:
        states = states_resource(lambda: self.objects)
        return build_definitions(self.config, {"states": states})

    @property
    def store(self) -> StateStore:
        return StateStore(self.objects, NAME)

    def tick(self) -> dg.RunRequest | dg.SkipReason:
        resources = self.definitions.resources or {}
        sensor = self.definitions.resolve_sensor_def(f"{NAME}_change_sensor")
        with dg.build_sensor_context(
            instance=self.instance, resources=resources, cursor=self.cursor
        ) as context:
            told = sensor(context)
            self.cursor = context.cursor
            return told

    def skipped(self) -> str:
        told = self.tick()
        assert isinstance(told, dg.SkipReason), told
        return str(told.skip_message)

    def requested(self) -> dg.RunRequest:
        told = self.tick()
        assert isinstance(told, dg.RunRequest), told
        return told

    def obey(self, request: dg.RunRequest, **asked: bool) -> bool:
        job = self.definitions.resolve_job_def(f"{NAME}_refresh")
        config = {"ops": {f"{NAME}__extraction": {"config": asked}}} if asked else {}
        return job.execute_in_process(
            instance=self.instance,
            tags=dict(request.tags),
            run_config=config,
            raise_on_error=False,
        ).success


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    change(path, "create table product (id integer)", "create view listed as select * from product")
    return path


@pytest.fixture
def watched(file: Path) -> Iterator[Watched]:
    with dg.DagsterInstance.ephemeral() as instance:
        config = configured(f"sqlite:///{file}", deletion_guard_percent=20)
        yield Watched(config, instance, MemoryObjects())


def change(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)


def later(
    monkeypatch: pytest.MonkeyPatch,
    minutes: int,
    *,
    of: ModuleType = watching,
    less: timedelta = timedelta(),
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(UTC) + timedelta(minutes=minutes) - less

    monkeypatch.setattr(of, "datetime", Clock)


def test_a_first_refresh_then_one_per_change(watched: Watched, file: Path) -> None:
    first = watched.requested()
    assert first.tags["incremental/reason"] == "there is no version yet"
    assert watched.obey(first)
    for _ in range(3):
        assert watched.skipped() == "Nothing changed since version 1."

    change(file, "alter table product add column name text")
    second = watched.requested()
    assert second.run_key != first.run_key
    # The daemon was away, or has not launched it yet: the same request again, with the same key.
    assert watched.requested().run_key == second.run_key
    assert watched.obey(second)
    assert watched.store.find(2).rows("columns") == 4
    assert watched.skipped() == "Nothing changed since version 2."


def test_on_postgresql_every_entity_wakes_it(fresh_database: str) -> None:
    live = postgresql(fresh_database)
    live.ddl("create table item (id integer)", "create table kept (id integer)")
    with dg.DagsterInstance.ephemeral() as instance:
        watched = Watched(configured(fresh_database), instance, MemoryObjects())
        assert watched.obey(watched.requested())
        for statement in (
            "create schema more",
            "alter table item add column name text",
            "comment on column item.name is 'what it is called'",
            "create function one() returns integer language sql return 1",
            "drop table item",
        ):
            assert watched.skipped().startswith("Nothing changed")
            live.ddl(statement, "select pg_stat_force_next_flush()")
            assert watched.obey(watched.requested()), statement
        assert watched.store.find(6).rows("tables") == 1


def test_a_change_that_was_not_counted_waits_five_minutes_at_most(
    fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = postgresql(fresh_database)
    with dg.DagsterInstance.ephemeral() as instance:
        watched = Watched(configured(fresh_database), instance, MemoryObjects())
        assert watched.obey(watched.requested())
        assert watched.skipped().startswith("Nothing changed")
        live.ddl("set track_counts = off", "create table unheard (id integer)")
        assert watched.skipped().startswith("Nothing changed")
        later(monkeypatch, minutes=5)
        assert watched.obey(watched.requested())
        assert watched.store.find(2).rows("tables") == 1


def test_what_is_remembered_never_asks_for_a_refresh(fresh_database: str) -> None:
    live = postgresql(fresh_database)
    with dg.DagsterInstance.ephemeral() as instance:
        watched = Watched(configured(fresh_database), instance, MemoryObjects())
        by_hand = watched.requested()
        assert watched.obey(by_hand)
        assert watched.skipped().startswith("Nothing changed")
        # HEAD's probe moves on, and the counters that would tell the sensor so do not.
        live.ddl("set track_counts = off", "create table unheard (id integer)")
        assert watched.obey(by_hand)
        assert watched.skipped() == "Nothing changed since version 2."

        cursor = json.loads(watched.cursor or "")
        cursor["probes"][live.database]["probe"] = "somebody's own"
        watched.cursor = json.dumps(cursor)
        assert watched.skipped() == "Nothing changed since version 2."


def test_other_filters_are_a_change(watched: Watched) -> None:
    assert watched.obey(watched.requested())
    (shop,) = watched.config.connections
    narrowed = shop.model_copy(update={"exclude_tables": "listed"})
    watched.config = watched.config.model_copy(update={"connections": (narrowed,)})
    assert "filters" in watched.requested().tags["incremental/reason"]


def test_the_source_is_left_alone_while_a_refresh_is_going(watched: Watched, file: Path) -> None:
    going = watched.instance.create_run_for_job(
        watched.definitions.resolve_job_def(f"{NAME}_refresh"), tags={CONNECTION_TAG: NAME}
    )
    file.rename(file.with_name("away.db"))
    assert going.run_id in watched.skipped()


def test_a_run_that_was_killed_before_it_said_a_word_is_out_of_the_way_within_five_minutes(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = watched.instance.create_run_for_job(
        watched.definitions.resolve_job_def(f"{NAME}_refresh"),
        tags={CONNECTION_TAG: NAME},
        status=dg.DagsterRunStatus.STARTED,
    )
    assert killed.run_id in watched.skipped()
    every = timedelta(seconds=watched.config.connection(NAME).options.sensor_seconds)
    later(monkeypatch, minutes=5, of=lost, less=every)
    assert watched.requested()


def test_a_source_that_is_down_fails_the_tick_and_recovers(watched: Watched, file: Path) -> None:
    assert watched.obey(watched.requested())
    away = file.rename(file.with_name("away.db"))
    with pytest.raises(SourceUnavailable, match=r"shop \(SQLite.*shop\.db"):
        watched.tick()
    away.rename(file)
    assert watched.skipped() == "Nothing changed since version 1."


def test_a_failed_refresh_is_tried_again_after_a_pause(
    watched: Watched, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = watched.requested()
    away = file.rename(file.with_name("away.db"))
    file.write_text("no database")
    assert not watched.obey(first)
    file.unlink()
    away.rename(file)
    assert watched.skipped().startswith("Attempt 1 to refresh failed")
    later(monkeypatch, minutes=6)
    again = watched.requested()
    assert again.run_key != first.run_key
    assert watched.obey(again)


def test_suspicious_deletions_wait_for_a_person(watched: Watched, file: Path) -> None:
    assert watched.obey(watched.requested())
    change(file, "drop view listed", "drop table product")
    refused = watched.requested()
    assert not watched.obey(refused)
    assert "deletions_plausible" in watched.skipped()
    # The source has moved on since: that may be worth a try, after the pause of a failure.
    change(file, "create table product (id integer, name text)")
    assert watched.skipped().startswith("Attempt 1 to refresh failed")
    change(file, "drop table product")
    assert "deletions_plausible" in watched.skipped()
    accepted = dg.RunRequest(run_key="by hand")
    assert watched.obey(accepted, accept_deletions=True)
    assert watched.skipped() == "Nothing changed since version 2."


def with_options(watched: Watched, **options: Any) -> None:
    (shop,) = watched.config.connections
    changed = shop.options.model_copy(update=options)
    shop = shop.model_copy(update={"options": changed})
    watched.config = watched.config.model_copy(update={"connections": (shop,)})


def test_a_refusal_is_over_once_the_options_let_it_pass(watched: Watched, file: Path) -> None:
    change(file, *(f"create table t{number} (id integer)" for number in range(8)))
    assert watched.obey(watched.requested())
    change(file, *(f"drop table t{number}" for number in range(4)))
    assert not watched.obey(watched.requested())
    assert "deletions_plausible" in watched.skipped()
    for percent in (0, 39.9):
        with_options(watched, deletion_guard_percent=percent)
        assert "deletions_plausible" in watched.skipped()
    # What changed no verdict is no reason.
    with_options(watched, batch_columns=10)
    assert "deletions_plausible" in watched.skipped()
    with_options(watched, deletion_guard_percent=40)
    # At once: the refusal is no failure that has to be waited for.
    assert watched.obey(watched.requested())
    assert watched.store.find(2).rows("tables") == 6
    assert watched.skipped() == "Nothing changed since version 2."


def test_no_percentage_lets_an_empty_listing_pass(watched: Watched, file: Path) -> None:
    assert watched.obey(watched.requested())
    change(file, "drop view listed", "drop table product")
    assert not watched.obey(watched.requested())
    with_options(watched, deletion_guard_percent=100)
    assert "deletions_plausible" in watched.skipped()


def test_a_failure_after_the_options_were_changed_is_waited_for(
    watched: Watched, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(file, *(f"create table t{number} (id integer)" for number in range(8)))
    assert watched.obey(watched.requested())
    change(file, *(f"drop table t{number}" for number in range(4)))
    assert not watched.obey(watched.requested())
    with_options(watched, deletion_guard_percent=40)
    request = watched.requested()
    away = file.rename(file.with_name("away.db"))
    assert not watched.obey(request)
    away.rename(file)
    assert watched.skipped().startswith("Attempt 1 to refresh failed")
    later(monkeypatch, minutes=6)
    assert watched.obey(watched.requested())


def test_the_refusal_of_an_older_release_is_judged_again(watched: Watched, file: Path) -> None:
    assert watched.obey(watched.requested())
    change(file, "drop view listed")
    assert not watched.obey(watched.requested())
    (refused,) = (one for one in watched.store.extractions() if one.exists(REFUSED))
    folder = f"{NAME}/extractions/{refused.id}"
    watched.objects.delete(f"{folder}/{REFUSED}.json")
    assert not watched.obey(watched.requested())
    assert "deletions_plausible" in watched.skipped()


def test_a_state_that_was_removed_waits_for_a_person(watched: Watched) -> None:
    first = watched.requested()
    assert watched.obey(first)
    watched.objects.delete(NAME)
    again = watched.requested()
    assert again.run_key != first.run_key
    assert not watched.obey(again)
    assert watched.obey(again, accept_new_state=True)


@pytest.mark.parametrize("product", ["mariadb", "mysql"])
def test_it_and_the_guard_work_where_one_server_holds_many_databases(
    request: pytest.FixtureRequest, product: str
) -> None:
    live = mysql(request.getfixturevalue(f"{product}_database"))
    live.ddl(*CATALOGUE)
    url = live.url.render_as_string(hide_password=False)
    with dg.DagsterInstance.ephemeral() as instance:
        watched = Watched(configured(url, deletion_guard_percent=20), instance, MemoryObjects())
        assert watched.obey(watched.requested())
        live.ddl("insert into product (id) values (1)")
        watched.skipped()
        live.ddl("alter table product comment 'said'")
        assert watched.obey(watched.requested())
        watched.skipped()
        live.ddl("drop view offer")
        assert not watched.obey(watched.requested())
        assert "too much disappeared" in watched.skipped()
        assert watched.store.current().number == 2


@pytest.mark.parametrize("product", ["chdb", "clickhouse", "duckdb"])
def test_in_these_products_a_change_is_requested_and_a_loss_waits_for_a_person(
    product: str, request: pytest.FixtureRequest
) -> None:
    live = SOURCES[product](request)
    fillers = (f"create table filler_{number} (a integer)" for number in range(6))
    live.ddl(*catalogue(product), *fillers)
    with dg.DagsterInstance.ephemeral() as instance:
        url = live.url.render_as_string(hide_password=False)
        config = configured(url, deletion_guard_percent=20)
        watched = Watched(config, instance, MemoryObjects())
        assert watched.obey(watched.requested())
        assert watched.skipped() == "Nothing changed since version 1."
        live.ddl("alter table sale add column amount integer")
        assert watched.obey(watched.requested())
        assert watched.skipped() == "Nothing changed since version 2."
        live.ddl(*(f"drop table filler_{number}" for number in range(6)))
        assert not watched.obey(watched.requested())
        assert "deletions_plausible" in watched.skipped()
        live.ddl(*(f"create table filler_{number} (a integer)" for number in range(6)))
        # As it was, but for the ids of ClickHouse's tables.
        told = watched.tick()
        assert isinstance(told, dg.SkipReason) or watched.obey(told)
        version = watched.store.current()
        assert version is not None
        assert version.diff("tables").filter(change="DELETED").is_empty()

"""Law 10: nothing is delivered out of order, nothing is lost, a sink that is down is alone with it.

What a sink received is folded by ``tests.folding`` and compared with the state.
"""

import json
import multiprocessing
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from random import Random

import dagster as dg
import pytest
from hypothesis import note

from incremental_assets.cli.running import Refresher
from incremental_assets.core.entities import COLUMNS
from incremental_assets.steps.due import WHOLE, kept_for_sinks
from incremental_assets.steps.failures import message_of_check
from incremental_assets.steps.publishing import publish_all, standing
from incremental_assets.steps.rolling_back import roll_back
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.errors import SinkRefused, SinkUnavailable
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.state_store.cursors import Cursors
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.store import StateStore
from tests.ddl import play, settle
from tests.ddl_sqlite import play_in_file, sqlite_player
from tests.folding import Fold, in_order, objects_of
from tests.games import play_games, player
from tests.live import NAME, attempt, current, refresh, refresh_as_a_person, refreshing
from tests.live import configured as configured_live
from tests.states import overwrite


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    ddl(path, "create table item (id integer primary key, label text)")
    return path


def ddl(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(";".join(statements))


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def down(_delivery: Delivery) -> None:
    raise SinkUnavailable("The catalog does not answer.")


def configured(sink: Fold) -> ConfiguredSink:
    return ConfiguredSink(sink.name, "fold", lambda: sink)


def publish(refresher: Refresher, sink: Fold, again: int | str | None = None) -> None:
    (done,) = publish_all(
        refresher.store(NAME),
        refresher.config.connection(NAME).dialect(),
        [configured(sink)],
        again,
    )
    assert done.failed is None
    assert not done.behind


def equals_state(refresher: Refresher, sink: Fold) -> bool:
    return sink.objects == objects_of(current(refresher))


def test_a_fold_of_what_was_received_equals_the_state_of_a_live_postgresql(
    fresh_database: str, games: int
) -> None:
    def game(random: Random) -> None:
        received, flaky = Fold("whole"), Fold("flaky")

        def at_times(_delivery: Delivery) -> None:
            if random.random() < 0.3:
                raise SinkUnavailable("The catalog does not answer.")

        flaky.before = flaky.after = at_times
        options = {"sinks": [received, flaky], "retry_seconds": 0, "retain_versions": 2}
        settle(connection)
        with refreshing(fresh_database, **options) as refresher:
            refresh(refresher)
            for _ in range(4):
                note(";\n".join(play(connection, random)))
                refresh_as_a_person(refresher)
                assert equals_state(refresher, received)
            flaky.before = flaky.after = lambda _one: None
            publish(refresher, flaky)
            assert equals_state(refresher, flaky)
        assert in_order(received.versions)
        assert in_order(flaky.versions)

    with player(fresh_database) as connection:
        play_games(game, games=games)


def test_a_fold_of_what_was_received_equals_the_state_of_a_file(tmp_path: Path, games: int) -> None:
    path = tmp_path / "played.db"

    def game(random: Random) -> None:
        received = Fold()
        path.unlink(missing_ok=True)
        with (
            sqlite_player(path) as connection,
            refreshing(url(path), sinks=[received]) as refresher,
        ):
            refresh(refresher)
            for _ in range(4):
                note(";\n".join(play_in_file(connection, random)))
                refresh_as_a_person(refresher)
                assert equals_state(refresher, received)
        assert in_order(received.versions)

    play_games(game, games=games)


def test_a_sink_that_is_down_for_ten_versions_holds_back_only_itself(file: Path) -> None:
    well, ill = Fold("well"), Fold("ill")
    with refreshing(url(file), sinks=[well, ill], retry_seconds=0, retain_versions=2) as refresher:
        refresh(refresher)
        ill.before = down
        for number in range(10):
            ddl(file, f"alter table item add c{number} integer")
            outcome = refresh(refresher)
            assert any("does not answer" in warning for warning in outcome.warnings)
            assert equals_state(refresher, well)
        assert ill.versions == [1]
        ill.before = lambda _one: None
        assert refresh(refresher).changed is False
        assert ill.versions == list(range(1, 12))
        assert ill.wholes == [1]
        assert equals_state(refresher, ill)
        # Now that nobody needs them, old versions go.
        ddl(file, "alter table item add more integer")
        refresh(refresher)
        assert len(list(refresher.store(NAME).history())) == 2


def test_a_rollback_in_between_is_delivered(file: Path) -> None:
    received = Fold()
    with refreshing(url(file), sinks=[received]) as refresher:
        refresh(refresher)
        ddl(file, "drop table item", "create table other (id integer)")
        refresh_as_a_person(refresher)
        store = refresher.store(NAME)
        assert roll_back(store, refresher.config.connection(NAME).dialect(), 1)
        publish(refresher, received)
        assert equals_state(refresher, received)
        refresh_as_a_person(refresher)
        assert equals_state(refresher, received)
    assert received.versions == [1, 2, 3, 4]
    assert received.wholes == [1]


def test_a_rollback_out_of_damage_brings_the_whole_state(file: Path) -> None:
    received = Fold()
    objects = MemoryObjects()
    with refreshing(url(file), objects, sinks=[received]) as refresher:
        refresh(refresher)
        ddl(file, "create table other (id integer)")
        refresh(refresher)
        version = current(refresher)
        (entry,) = version.files("tables")
        overwrite(objects, f"{NAME}/{version.folder}/{entry.path}", b"damaged")
        done = roll_back(refresher.store(NAME), refresher.config.connection(NAME).dialect(), 1)
        assert done
        assert done.recovered
        publish(refresher, received)
        assert received.wholes == [1, 3]
        assert equals_state(refresher, received)
        refresh(refresher)
        assert received.versions == [1, 2, 3, 4]
        assert equals_state(refresher, received)


def test_a_damaged_diff_on_the_way_is_passed_by_with_the_whole_state(file: Path) -> None:
    late, objects = Fold(), MemoryObjects()
    with refreshing(url(file), objects, sinks=[late], retry_seconds=0) as refresher:
        refresh(refresher)
        late.before = down
        ddl(file, "create table other (id integer)")
        refresh(refresher)
        version = current(refresher)
        (entry,) = version.files("diff/tables")
        ddl(file, "create table another (id integer)")
        refresh(refresher)
        overwrite(objects, f"{NAME}/{version.folder}/{entry.path}", b"damaged")
        late.before = lambda _one: None
        publish(refresher, late)
    assert late.wholes == [1, 3]


def test_an_entity_left_out_for_a_version_comes_and_goes(file: Path) -> None:
    received, objects = Fold(), MemoryObjects()
    without = ("databases", "schemas", "tables")
    with refreshing(url(file), objects, sinks=[received]) as refresher:
        refresh(refresher)
        assert received.objects[COLUMNS.name]
    with refreshing(url(file), objects, sinks=[received], entities=without) as refresher:
        refresh_as_a_person(refresher)
        assert not received.objects[COLUMNS.name]
        assert equals_state(refresher, received)
    with refreshing(url(file), objects, sinks=[received]) as refresher:
        refresh(refresher)
        assert received.objects[COLUMNS.name]
        assert equals_state(refresher, received)
    assert received.wholes == [1]


def versions(file: Path, refresher: Refresher, count: int) -> None:
    for number in range(count):
        ddl(file, f"alter table item add v{number} integer")
        refresh(refresher)


def test_a_sink_added_after_the_first_versions_went_gets_the_current_one_whole(
    file: Path,
) -> None:
    objects, new = MemoryObjects(), Fold()
    with refreshing(url(file), objects, retain_versions=2) as refresher:
        refresh(refresher)
        versions(file, refresher, 4)
    with refreshing(url(file), objects, sinks=[new], retain_versions=2) as refresher:
        refresh(refresher)
        assert new.versions == new.wholes == [5]
        assert equals_state(refresher, new)


def test_a_sink_further_behind_than_is_kept_for_it_gets_the_current_version_whole(
    file: Path,
) -> None:
    late = Fold()
    options = {"retain_versions": 2, "retain_unpublished": 3, "retry_seconds": 0}
    with refreshing(url(file), sinks=[late], **options) as refresher:
        refresh(refresher)
        late.before = down
        versions(file, refresher, 5)
        late.before = lambda _one: None
        refresh(refresher)
        assert late.versions == late.wholes == [1, 6]
        assert equals_state(refresher, late)


def test_what_went_meanwhile_is_told_with_a_whole_state(file: Path) -> None:
    gone: list[str] = []
    late = Fold(after=lambda one: gone.extend(one.removals["tables"].collect()["table"]))
    options = {"retain_versions": 2, "retain_unpublished": 2, "retry_seconds": 0}
    ddl(file, "create table other (id integer)")
    with refreshing(url(file), sinks=[late], **options) as refresher:
        refresh(refresher)
        late.before = down
        versions(file, refresher, 3)
        ddl(file, "drop table other")
        refresh_as_a_person(refresher)
        late.before = lambda _one: None
        refresh(refresher)
    assert late.wholes == [1, 5]
    assert gone == ["other"]


def test_a_state_that_began_anew_is_delivered_though_its_numbers_begin_again(file: Path) -> None:
    received, objects = Fold(), MemoryObjects()
    with refreshing(url(file), objects, sinks=[received]) as refresher:
        refresh(refresher)
        versions(file, refresher, 2)
    for path in objects.list(NAME):
        if not path.startswith(f"{NAME}/sinks/"):
            objects.delete(path)
    ddl(file, "create table other (id integer)")
    with refreshing(url(file), objects, sinks=[received]) as refresher:
        versions(file, refresher, 0)
        refresh(refresher)
        assert received.versions == [1, 2, 3, 1]
        assert received.wholes == [1, 1]
        assert equals_state(refresher, received)


def test_two_publishers_at_once_deliver_each_version_once(file: Path) -> None:
    received, inside = Fold(), threading.Event()
    with refreshing(url(file), sinks=[]) as refresher:
        refresh(refresher)
        store, dialect = refresher.store(NAME), refresher.config.connection(NAME).dialect()
        go_on = threading.Event()

        def wait(_delivery: Delivery) -> None:
            inside.set()
            assert go_on.wait(60)

        received.before = wait
        first = threading.Thread(
            target=publish_all, args=(store, dialect, [configured(received)]), daemon=True
        )
        first.start()
        assert inside.wait(60)
        (second,) = publish_all(store, dialect, [configured(received)])
        assert second.busy
        assert second.versions == []
        # What was committed meanwhile, whose own publisher found the lease taken.
        ddl(file, "alter table item add more integer")
        refresh(refresher)
        go_on.set()
        first.join(60)
        assert received.versions == [1, 2]
        assert equals_state(refresher, received)
        assert not standing(store, "fold", "fold").behind


def test_a_version_is_delivered_again_when_asked_for(file: Path) -> None:
    received = Fold()
    with refreshing(url(file), sinks=[received]) as refresher:
        refresh(refresher)
        versions(file, refresher, 3)
        publish(refresher, received, again=2)
        assert received.versions == [1, 2, 3, 4, 2, 3, 4]
        publish(refresher, received, again=1)
        assert received.versions[7:] == [1, 2, 3, 4]
        assert received.wholes == [1, 1]
        publish(refresher, received, again=WHOLE)
        assert received.wholes == [1, 1, 4]
        assert equals_state(refresher, received)


def test_a_sink_that_refuses_or_breaks_fails_nothing_else(file: Path) -> None:
    def refuse(_delivery: Delivery) -> None:
        raise SinkRefused("The token is not valid: set another one.")

    def break_down(_delivery: Delivery) -> None:
        raise ZeroDivisionError("division by zero")

    well = Fold("well")
    sinks = [Fold("refusing", refuse), Fold("broken", break_down), well]
    with refreshing(url(file), sinks=sinks) as refresher:
        outcome = refresh(refresher)
        assert equals_state(refresher, well)
        store = refresher.store(NAME)
        cursors = Cursors(store.objects, NAME)
        failed = {name: cursors.read(name) for name in ("refusing", "broken", "well")}
    assert {name: one and one.failed and one.failed.message for name, one in failed.items()} == {
        "refusing": "Sink refusing: The token is not valid: set another one.",
        "broken": "Sink broken: ZeroDivisionError: division by zero",
        "well": None,
    }
    assert sum("Sink" in warning for warning in outcome.warnings) == 2


def test_a_refresh_that_is_refused_delivers_nothing(file: Path) -> None:
    received = Fold()
    ddl(file, "create table other (id integer)")
    with refreshing(url(file), sinks=[received], deletion_guard_percent=10) as refresher:
        refresh(refresher)
        ddl(file, "drop table other")
        assert not attempt(refresher).ok
    assert received.versions == [1]


def test_a_lease_of_a_process_that_is_gone_is_taken_over(file: Path) -> None:
    received = Fold()
    with refreshing(url(file)) as refresher:
        refresh(refresher)
        store = refresher.store(NAME)
        cursors = Cursors(store.objects, NAME)
        leased = cursors.lease("fold", "fold")
        assert leased
        assert cursors.lease("fold", "fold") is None
        lease = leased.cursor.lease
        assert lease
        # Of this number there was another process once.
        dead = leased.cursor.model_copy(update={"lease": lease.model_copy(update={"start": "1"})})
        cursors.swap("fold", dead, store.objects.read(f"{NAME}/sinks/fold.json").tag)
        publish(refresher, received)
        assert equals_state(refresher, received)


def test_retention_keeps_what_a_sink_had_last_apart_from_the_line(file: Path) -> None:
    received = Fold()
    with refreshing(url(file), sinks=[received], retain_versions=2) as refresher:
        refresh(refresher)
        received.before = down
        versions(file, refresher, 4)
        connection = refresher.config.connection(NAME)
        oldest, apart = kept_for_sinks(connection, refresher.store(NAME))
    assert (oldest, apart) == (1, ())


def test_the_check_of_a_sink_tells_why_and_passes_again(file: Path) -> None:
    sink = Fold("catalog", before=down)

    def told() -> tuple[bool, str]:
        key = dg.AssetCheckKey(dg.AssetKey([NAME, "publish"]), "sink_catalog")
        (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        assert record.event
        data = record.event.get_dagster_event().asset_check_evaluation_data
        return data.passed, message_of_check(data) if not data.passed else ""

    with (
        dg.DagsterInstance.ephemeral() as instance,
        refreshing(url(file), instance=instance, sinks=[sink], retry_seconds=0) as refresher,
    ):
        refresh(refresher)
        passed, message = told()
        assert not passed
        assert message.startswith(
            "Sink catalog: The catalog does not answer.\nIt has no version yet."
        )
        assert "3 attempts" in message
        assert "by the next refresh, the publish sensor, or:\n  the job shop_publish" in message
        # Known to be down, it is not waited for again.
        refresh(refresher)
        assert "4 attempts" in told()[1]
        sink.before = lambda _one: None
        refresh(refresher)
        assert told() == (True, "")


def publisher(file: Path, catalog: Path, told: Path) -> None:
    """Deliver to a file, line by line, as slowly as a catalog would."""
    objects = LocalObjects(catalog)
    store = StateStore(objects, NAME)
    dialect = configured_live(url(file)).connection(NAME).dialect()

    class Slow:
        name = "slow"

        def publish(self, delivery: Delivery) -> None:
            keys = delivery.upserts["tables"].select("table").collect()["table"].to_list()
            for word in ("begin", "end"):
                with told.open("a") as lines:
                    lines.write(json.dumps([word, delivery.version, delivery.is_snapshot, keys]))
                    lines.write("\n")
                time.sleep(0.05)

    publish_all(store, dialect, [ConfiguredSink("slow", "slow", Slow)])


def test_a_publisher_that_is_killed_anywhere_loses_nothing(file: Path, tmp_path: Path) -> None:
    catalog, told = tmp_path / "catalog", tmp_path / "told"
    with refreshing(url(file), LocalObjects(catalog)) as refresher:
        refresh(refresher)
        publisher(file, catalog, told)
        for number in range(6):
            ddl(file, f"create table t{number} (id integer)")
            refresh(refresher)
    for seconds in (0.0, 0.02, 0.06, 0.11, 0.18, 60.0):
        process = multiprocessing.get_context("spawn").Process(
            target=publisher, args=(file, catalog, told)
        )
        before = told.stat().st_size
        process.start()
        deadline = time.monotonic() + 120
        while process.is_alive() and told.stat().st_size == before:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.join(seconds)
        process.kill()
        process.join()
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    ended = [version for word, version, _, _ in lines if word == "end"]
    assert sorted(set(ended)) == list(range(1, 8))
    assert ended == sorted(ended)
    begun = [version for word, version, _, _ in lines if word == "begin"]
    assert begun == sorted(begun)
    assert sum(whole for word, _, whole, _ in lines if word == "end") == 1

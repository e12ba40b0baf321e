"""A rollback is a version like any other: its diff is true, the next refresh ends at the source."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from hypothesis import note

from incremental_assets.cli.running import Refresher
from incremental_assets.core.apply import apply
from incremental_assets.core.diff import summary
from incremental_assets.core.equality import unequal
from incremental_assets.core.errors import VersionUnfit
from incremental_assets.steps.rolling_back import RolledBack, roll_back
from incremental_resources.source.dialect import dialects
from incremental_resources.state_store.errors import StateConflict, StateCorrupt, VersionMissing
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.version import Version
from tests.ddl import play, settle
from tests.games import play_games, player
from tests.live import (
    NAME,
    current,
    differences,
    forget,
    full,
    refresh,
    refresh_as_a_person,
    refreshing,
    state,
)
from tests.oracle import differing
from tests.postgres_server import running_server
from tests.sources import postgresql, sqlite


def back(refresher: Refresher, number: int) -> RolledBack:
    """Go back to a version; another one is there afterwards."""
    dialect = refresher.config.connection(NAME).dialect()
    done = roll_back(refresher.store(NAME), dialect, number)
    assert done is not None
    return done


def same(one: Version, other: Version) -> bool:
    """Whether two versions hold the very same rows, bookkeeping included."""
    return one.entities == other.entities and all(
        one.scan(name).collect().equals(other.scan(name).collect()) for name in one.entities
    )


def assert_diff_is_true(version: Version, parent: Version) -> None:
    changes = {entity: version.diff(entity) for entity in version.entities}
    applied = {name: rows.lazy() for name, rows in apply(state(parent), changes).items()}
    assert unequal(applied, state(version)) == {}, differences(applied, state(version))
    assert version.manifest.changes == summary(changes) == version.summary()


def assert_at_the_source(refresher: Refresher, afresh: Refresher, url: str) -> None:
    assert differing(url, state(current(refresher)), partitions=False) == {}
    reached, whole = state(current(refresher)), full(afresh)
    assert unequal(reached, whole) == {}, differences(reached, whole)


def test_after_any_ddl_a_rollback_is_exact_and_the_next_refresh_undoes_it(
    fresh_database: str, games: int
) -> None:
    def game(random: Random) -> None:
        settle(connection)
        forget(refresher)
        refresh(refresher)
        for _ in range(3):
            note(";\n".join(play(connection, random)))
            refresh_as_a_person(refresher)
        versions = list(refresher.store(NAME).history())
        target = random.choice(versions[1:] or versions)
        if target is not versions[0]:
            done = back(refresher, target.number)
            assert same(done.version, target)
            assert_diff_is_true(done.version, versions[0])
            assert done.head.head.marker == target.manifest.marker
        note(";\n".join(play(connection, random)))
        outcome = refresh_as_a_person(refresher)
        assert outcome.mode in ("incremental", "unchanged")
        assert_at_the_source(refresher, afresh, fresh_database)

    with (
        refreshing(fresh_database) as refresher,
        refreshing(fresh_database) as afresh,
        player(fresh_database) as connection,
    ):
        play_games(game, games=games)


def test_a_rollback_over_renames_and_deletions(fresh_database: str) -> None:
    live = postgresql(fresh_database)
    live.ddl("create table stays (a integer)", "create table was (a integer, b text)")
    with refreshing(fresh_database) as refresher, refreshing(fresh_database) as afresh:
        refresh(refresher)
        live.ddl("alter table was rename to became", "alter table became rename a to c")
        refresh(refresher)
        live.ddl("drop table stays", "create table fresh (x date)")
        refresh(refresher)
        third, first = current(refresher), refresher.store(NAME).find(1)
        done = back(refresher, 1)
        assert done.version.number == 4
        assert same(done.version, first)
        assert_diff_is_true(done.version, third)
        changes = {"CREATED": 1, "RENAMED": 1, "DELETED": 1}
        assert done.version.manifest.changes["tables"] == changes
        assert done.version.manifest.changes["columns"]["RENAMED"] == 1
        outcome = refresh(refresher)
        assert (outcome.mode, outcome.version) == ("incremental", 5)
        assert outcome.changes["tables"] == changes
        assert_at_the_source(refresher, afresh, fresh_database)
        assert [one.number for one in refresher.store(NAME).history()] == [5, 4, 3, 2, 1]


def test_a_rollback_without_a_change_at_the_source_is_undone_too(fresh_database: str) -> None:
    live = postgresql(fresh_database)
    live.ddl("create table item (a integer)")
    with refreshing(fresh_database) as refresher:
        refresh(refresher)
        live.ddl("comment on column item.a is 'the number'")
        refresh(refresher)
        second = current(refresher)
        back(refresher, 1)
        assert refresh(refresher).changes["columns"] == {"UPDATED": 1}
        assert unequal(state(current(refresher)), state(second)) == {}
        # Nothing is left of the rollback: the probe is trusted again.
        assert refresh(refresher).mode == "unchanged"


def test_ids_of_another_server_are_not_trusted_after_a_rollback() -> None:
    """The second server gives the ids of the first one's tables to others."""
    with running_server() as first, running_server() as second:
        postgresql(first).ddl("create table one (id integer)", "create table two (id integer)")
        postgresql(second).ddl("create table two (id integer)", "create table one (id text)")
        objects = None
        with refreshing(first) as refresher:
            refresh(refresher)
            objects = refresher.store(NAME).objects
        with refreshing(second, objects) as refresher, refreshing(second) as afresh:
            assert refresh(refresher).mode == "full"
            done = back(refresher, 1)
            assert not done.trusted
            assert_diff_is_true(done.version, refresher.store(NAME).find(2))
            outcome = refresh(refresher)
            assert outcome.mode == "full"
            assert "may have been read from another server" in str(outcome.why)
            assert outcome.changes["tables"] == {"UPDATED": 2}
            assert_at_the_source(refresher, afresh, second)


def test_who_comes_later_than_a_rollback_is_refused(fresh_database: str) -> None:
    live = postgresql(fresh_database)
    live.ddl("create table one (id integer)")
    with refreshing(fresh_database) as refresher:
        refresh(refresher)
        live.ddl("create table two (id integer)")
        refresh(refresher)
        store = refresher.store(NAME)
        head = store.head()
        assert head is not None
        done = back(refresher, 1)
        late = head.head.model_copy(update={"extraction": "late"})
        with pytest.raises(StateConflict):
            store.move_head(late, head)
        assert store.head() == done.head
        with pytest.raises(VersionMissing, match="There is: 1, 2, 3"):
            back(refresher, 9)
        assert roll_back(store, dialects()["postgresql"], 3) is None
        assert store.head() == done.head


class Careless(MemoryObjects):
    """A store whose copies of ``victim`` are not what was copied."""

    victim = ""

    def copy(self, source: str, target: str) -> None:
        if self.victim and target.endswith(self.victim):
            self.create(target, self.read(source).data[:-1])
        else:
            super().copy(source, target)


@pytest.mark.parametrize("victim", ["databases.parquet", "tables.parquet", "part-00000.parquet"])
def test_a_copy_that_is_damaged_is_not_committed(tmp_path: Path, victim: str) -> None:
    live, objects = sqlite(tmp_path / "shop.db"), Careless()
    live.ddl("create table one (id integer)")
    with refreshing(f"sqlite:///{tmp_path / 'shop.db'}", objects) as refresher:
        refresh(refresher)
        live.ddl("create table two (id integer)")
        refresh(refresher)
        head = refresher.store(NAME).head()
        objects.victim = victim
        with pytest.raises(VersionUnfit, match=rf"version 1 is not committed: .*{victim}"):
            back(refresher, 1)
        assert refresher.store(NAME).head() == head
        objects.victim = ""
        assert same(back(refresher, 1).version, refresher.store(NAME).find(1))


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    return tmp_path / "catalog"


@pytest.mark.parametrize(
    ("file", "lost"), [("tables.parquet", False), ("manifest.json", False), ("manifest.json", True)]
)
def test_a_damaged_current_version_is_recovered_from(
    tmp_path: Path, damaged: Path, file: str, lost: bool
) -> None:
    database = tmp_path / "shop.db"
    url = f"sqlite:///{database}"
    live = sqlite(database)
    live.ddl("create table one (id integer)")
    with refreshing(url, LocalObjects(damaged)) as refresher, refreshing(url) as afresh:
        for name in ("two", "three"):
            refresh(refresher)
            live.ddl(f"create table {name} (id integer)")
        refresh(refresher)
        second = refresher.store(NAME).find(2)
        victim = damaged / NAME / current(refresher).folder / file
        victim.unlink()
        if not lost:
            victim.write_bytes(b"damaged")
        head = refresher.store(NAME).head()
        with pytest.raises((StateCorrupt, VersionMissing)):
            back(refresher, 4)
        assert refresher.store(NAME).head() == head
        done = back(refresher, 2)
        assert (done.version.number, done.recovered) == (4, True)
        assert same(done.version, second)
        assert_diff_is_true(done.version, second)
        assert done.version.manifest.changes == {name: {} for name in second.entities}
        live.ddl("create table four (id integer)")
        outcome = refresh(refresher)
        # Without the manifest it is not known whose the ids in between were.
        assert outcome.mode == ("full" if file == "manifest.json" else "incremental")
        assert outcome.changes["tables"] == {"CREATED": 2}
        assert unequal(state(current(refresher)), full(afresh)) == {}
        assert [one.number for one in refresher.store(NAME).history()] == [5, 4, 2, 1]
        # Retention has taken the damaged one away.
        folders = sorted(at.name[:8] for at in (damaged / NAME / "versions").iterdir())
        assert folders == ["00000001", "00000002", "00000004", "00000005"]


@contextmanager
def at_version_two(folder: Path, damaged: Path) -> Iterator[Refresher]:
    """Two versions in ``damaged``, of one table and of two; a third table waits to be seen."""
    database = folder / "shop.db"
    live = sqlite(database)
    live.ddl("create table one (id integer)")
    with refreshing(f"sqlite:///{database}", LocalObjects(damaged)) as refresher:
        for name in ("two", "three"):
            refresh(refresher)
            live.ddl(f"create table {name} (id integer)")
        yield refresher


def test_a_damaged_manifest_on_the_way_back_is_stepped_over(tmp_path: Path, damaged: Path) -> None:
    with at_version_two(tmp_path, damaged) as refresher:
        refresh(refresher)
        store = refresher.store(NAME)
        first, folder = store.find(1), store.find(2).folder
        (damaged / NAME / folder / "manifest.json").write_text("{")
        done = back(refresher, 1)
        assert done.recovered
        assert same(done.version, first)
        assert [one.number for one in store.history()] == [4, 1]
        refresh(refresher)
        assert current(refresher).rows("tables") == 3


def test_damage_to_an_older_version_does_not_fail_a_refresh(tmp_path: Path, damaged: Path) -> None:
    with at_version_two(tmp_path, damaged) as refresher:
        store = refresher.store(NAME)
        first = damaged / NAME / store.find(1).folder
        (first / "manifest.json").write_text("{")
        assert refresh(refresher).version == 3
        assert current(refresher).rows("tables") == 3
        # Nothing is removed while it is not known what has to stay.
        assert len(store.extractions()) == 3
        with pytest.raises(StateCorrupt, match=f"remove {NAME}/versions/{first.name}: history"):
            list(store.history())
        shutil.rmtree(first)
        assert [one.number for one in store.history()] == [3, 2]
        refresh(refresher)
        assert len(store.extractions()) == 2


def test_a_damaged_target_is_refused(tmp_path: Path, damaged: Path) -> None:
    database = tmp_path / "shop.db"
    live = sqlite(database)
    live.ddl("create table one (id integer)")
    with refreshing(f"sqlite:///{database}", LocalObjects(damaged)) as refresher:
        refresh(refresher)
        live.ddl("create table two (id integer)")
        refresh(refresher)
        store = refresher.store(NAME)
        head = store.head()
        (damaged / NAME / store.find(1).folder / "columns" / "part-00000.parquet").unlink()
        with pytest.raises(StateCorrupt, match=r"columns/part-00000.parquet is missing"):
            back(refresher, 1)
        assert store.head() == head

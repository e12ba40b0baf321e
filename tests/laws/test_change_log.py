"""The change log tells of versions that are not kept any more, and can be read by others."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner

from incremental_assets.cli.app import main
from incremental_assets.cli.running import Refresher
from incremental_assets.steps.change_log import append_missing, tidy_up
from incremental_assets.steps.logged import steps_of
from incremental_assets.steps.publishing import standing
from incremental_assets.steps.rolling_back import roll_back
from incremental_resources.sinks.parquet.change_log import ChangeLog
from incremental_resources.sinks.parquet.files import ChangeFiles
from incremental_resources.state_store.cursors import Cursors
from incremental_resources.state_store.local import LocalObjects
from tests.live import NAME, refresh, refresh_as_a_person, refreshing, written_config
from tests.sinks.made import made_delivery


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    ddl(path, "create table item (id integer primary key, label text)")
    return path


def ddl(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(";".join(statements))


def log(config: Path, path: str) -> list[dict[str, object]]:
    done = CliRunner().invoke(main, ["--config", str(config), "log", NAME, path, "--json"])
    assert done.exit_code == 0, done.output
    found: list[dict[str, object]] = json.loads(done.output)["changes"]
    return found


def test_log_tells_when_a_column_appeared_long_after_its_version_went(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    objects = LocalObjects(tmp_path / "catalog")
    config = written_config(tmp_path / "connections.yaml", f"sqlite:///{file}")
    with refreshing(f"sqlite:///{file}", objects, retain_versions=2) as refresher:
        refresh(refresher)
        ddl(file, "alter table item add price integer")
        then = refresh(refresher)
        for number in range(3):
            ddl(file, f"alter table item add c{number} integer")
            refresh(refresher)
        store = refresher.store(NAME)
        versions = list(store.history())
        assert [one.number for one in versions] == [5, 4]
        assert [step.version for step in steps_of(store, versions, [])] == [5, 4, 3, 2, 1]
    (found,) = log(config, "main.item.price")
    assert found["version"] == 2
    assert found["change"] == "CREATED"
    assert datetime.fromisoformat(str(found["until"])) == datetime.fromisoformat(str(then.marker))
    # What was there when the log began did not change since.
    assert log(config, "main.item.label") == []


def test_anybody_can_read_it(file: Path, tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "catalog")
    with refreshing(f"sqlite:///{file}", objects) as refresher:
        refresh(refresher)
        ddl(file, "alter table item add price integer", "create table sale (id integer)")
        refresh(refresher)
    pattern = f"{tmp_path}/catalog/{NAME}/changes/*.parquet"
    query = (
        f'select version, entity, "table", "column", change from read_parquet(\'{pattern}\') '
        "where entity is not null and attribute is null order by all"
    )
    expected = [
        (2, "columns", "item", "price", "CREATED"),
        (2, "columns", "sale", "id", "CREATED"),
        (2, "tables", "sale", None, "CREATED"),
    ]
    assert duckdb.sql(query).fetchall() == expected
    plain = pl.scan_parquet(pattern).filter(
        pl.col("entity").is_not_null(), pl.col("attribute").is_null()
    )
    names = ["version", "entity", "table", "column", "change"]
    assert sorted(plain.select(names).collect().rows(), key=str) == sorted(expected, key=str)


def test_after_a_rollback_out_of_damage_the_log_goes_on_from_the_version_it_went_back_to(
    file: Path, tmp_path: Path
) -> None:
    objects = LocalObjects(tmp_path / "catalog")
    with refreshing(f"sqlite:///{file}", objects) as refresher:
        refresh(refresher)
        ddl(file, "create table sale (id integer)")
        refresh(refresher)
        store = refresher.store(NAME)
        current = store.current()
        assert current
        (manifest,) = [current.ref.manifest]
        damaged = tmp_path / "catalog" / NAME / manifest
        content = json.loads(damaged.read_text())
        assert content["version"] == 2
        # Only a manifest between the two makes the rollback follow its target instead.
        damaged.write_text("{}")
        done = roll_back(store, refresher.config.connection(NAME).dialect(), 1)
        assert done
        assert done.recovered
        refresh_as_a_person(refresher)
        logged = ChangeFiles(objects, NAME).versions()
    named = {one.version: one for one in logged.values()}
    followed = {
        number: logged[one.previous].version if one.previous else None
        for number, one in named.items()
    }
    assert followed == {1: None, 2: 1, 3: 1, 4: 3}
    assert [number for number, one in named.items() if one.whole] == [1]


def test_versions_after_a_rollback_out_of_damage_stay_until_they_are_logged(
    file: Path, tmp_path: Path
) -> None:
    objects, folder = LocalObjects(tmp_path / "catalog"), tmp_path / "catalog" / NAME / "changes"
    with refreshing(f"sqlite:///{file}", objects, retain_versions=2) as refresher:
        columns_added(file, refresher, range(2))
        store = refresher.store(NAME)
        current = store.current()
        assert current
        (tmp_path / "catalog" / NAME / current.ref.manifest).write_text("{}")
        assert roll_back(store, refresher.config.connection(NAME).dialect(), 1)
        # Nothing can be written there for a while.
        folder.rename(tmp_path / "changes")
        folder.write_text("")
        columns_added(file, refresher, range(2, 5))
        assert [one.number for one in store.history()] == [6, 5, 4, 3, 1]
        folder.unlink()
        (tmp_path / "changes").rename(folder)
        columns_added(file, refresher, [5])
    assert logged(objects) == [1, 2, 3, 4, 5, 6, 7]


def test_it_forgets_what_is_older_than_asked_for(file: Path, tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "catalog")
    with refreshing(f"sqlite:///{file}", objects) as refresher:
        refresh(refresher)
        files = ChangeFiles(objects, NAME)
        assert files.forget(datetime.now(UTC) - timedelta(days=1)) == []
        assert [one.version for one in files.forget(datetime.now(UTC))] == [1]
        assert files.versions() == {}


def test_a_version_stays_until_it_is_logged(file: Path, tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "catalog")
    with refreshing(f"sqlite:///{file}", objects, retain_versions=2) as refresher:
        refresh(refresher)
        folder = tmp_path / "catalog" / NAME / "changes"
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        # Nothing can be written there.
        folder.write_text("")
        for number in range(4):
            ddl(file, f"alter table item add c{number} integer")
            assert refresh(refresher).ok
        assert len(list(refresher.store(NAME).history())) == 5
        folder.unlink()
        refresh(refresher)
        numbers = sorted(one.version for one in ChangeFiles(objects, NAME).versions().values())
        assert numbers == [2, 3, 4, 5]


def columns_added(file: Path, refresher: Refresher, numbers: Iterable[int]) -> None:
    for number in numbers:
        ddl(file, f"alter table item add v{number} integer")
        refresh(refresher)


def logged(objects: LocalObjects) -> list[int]:
    return sorted(one.version for one in ChangeFiles(objects, NAME).versions().values())


def without_log(objects: LocalObjects) -> None:
    """The state as an earlier release left it."""
    objects.delete(f"{NAME}/changes")
    objects.delete(f"{NAME}/sinks")


def test_versions_of_an_earlier_release_stay_until_they_are_logged(
    file: Path, tmp_path: Path
) -> None:
    objects = LocalObjects(tmp_path / "catalog")
    with refreshing(f"sqlite:///{file}", objects, retain_versions=6) as refresher:
        columns_added(file, refresher, range(5))
    without_log(objects)
    with refreshing(f"sqlite:///{file}", objects, retain_versions=2) as refresher:
        columns_added(file, refresher, [5])
        assert logged(objects) == [1, 2, 3, 4, 5, 6]
        columns_added(file, refresher, [6])
        assert [one.number for one in refresher.store(NAME).history()] == [7, 6]
    assert logged(objects) == [1, 2, 3, 4, 5, 6, 7]


def test_a_log_that_begins_later_says_so(file: Path, tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "catalog")
    with refreshing(f"sqlite:///{file}", objects, retain_versions=2) as refresher:
        columns_added(file, refresher, range(4))
        without_log(objects)
        columns_added(file, refresher, [4])
        found = ChangeFiles(objects, NAME).versions()
        oldest = min(found.values(), key=lambda one: one.version)
        # The oldest one that was kept has its own changes, and what it follows is not known.
        assert (oldest.version, oldest.whole) == (3, False)
        assert oldest.previous not in found
        columns_added(file, refresher, [5, 6])
        store = refresher.store(NAME)
        steps = steps_of(store, list(store.history()), ["item"])
        assert [(step.version, step.first) for step in steps] == [
            *((number, False) for number in (7, 6, 5, 4, 3)),
        ]
        assert all(step.diffs for step in steps)


def test_a_cursor_that_was_lost_changes_nothing(file: Path, tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "catalog")
    with refreshing(f"sqlite:///{file}", objects) as refresher:
        columns_added(file, refresher, range(3))
        before = objects.list(f"{NAME}/changes")
        objects.delete(f"{NAME}/sinks")
        assert refresh(refresher).changed is False
        assert objects.list(f"{NAME}/changes") == before
        assert not standing(refresher.store(NAME), ChangeLog.name, "change_log").behind


def test_a_refresh_merges_what_has_become_many_files(file: Path, tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "catalog")
    with refreshing(f"sqlite:///{file}", objects, retain_changes_days=36_500) as refresher:
        refresh(refresher)
        files, empty = ChangeFiles(objects, NAME), made_delivery({}, {})
        for number in range(2, 258):
            files.append(replace(empty, version=number, identity=f"{number:064x}"))
        store, connection = refresher.store(NAME), refresher.config.connection(NAME)
        # Not while somebody else is at it.
        leased = Cursors(objects, NAME).lease(ChangeLog.name, "change_log")
        assert leased
        tidy_up(connection, store)
        assert len(files.pieces()) == 257
        leased.end(None)
        columns_added(file, refresher, [1])
        assert len(files.pieces()) < 70
        assert len(files.versions()) == 258
        cursor = Cursors(objects, NAME).read(ChangeLog.name)
        assert cursor
        assert cursor.lease is None


def test_with_nothing_to_log_nothing_is_written(file: Path, tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "catalog")
    with refreshing(f"sqlite:///{file}", objects) as refresher:
        refresh(refresher)
        before = {path: objects.read(path).tag for path in objects.list(NAME)}
        assert (
            append_missing(refresher.config.connection(NAME), refresher.store(NAME)).versions == []
        )
        assert {path: objects.read(path).tag for path in objects.list(NAME)} == before

"""The change log tells of versions that are not kept any more, and can be read by others."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner

from incremental_assets.cli.app import main
from incremental_assets.steps.logged import steps_of
from incremental_assets.steps.rolling_back import roll_back
from incremental_resources.sinks.parquet.files import ChangeFiles
from incremental_resources.state_store.local import LocalObjects
from tests.live import NAME, refresh, refresh_as_a_person, refreshing, written_config


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
        for number in range(8):
            ddl(file, f"alter table item add c{number} integer")
            refresh(refresher)
        store = refresher.store(NAME)
        versions = list(store.history())
        assert [one.number for one in versions] == [10, 9]
        assert [step.version for step in steps_of(store, versions, [])] == list(range(10, 0, -1))
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

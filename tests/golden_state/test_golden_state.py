"""Today's program goes on with a state that was written by an earlier release, or refuses it."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner, Result

from incremental_assets.cli.app import main
from incremental_assets.cli.running import Refresher
from incremental_assets.config.loading import load_config
from incremental_assets.core.apply import apply
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.equality import unequal
from incremental_assets.steps.refresh import of_id, why_closed
from incremental_assets.steps.stored import frames_of
from incremental_resources.state_store.documents import FORMAT
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version
from tests.golden_state.make import HERE, make, play
from tests.golden_state.older import MISSING, OLDER, make_older
from tests.live import NAME, attempt, current, differences, full, refresh, refreshing

PRESENT = f"format_{FORMAT}"
RELEASED = sorted(at.name for at in HERE.glob("format_*"))
EARLIER = [name for name in RELEASED if name != PRESENT]
# Its markers lie in the past, which is no reason to read everything again here.
OPTIONS = {"reconcile_every_days": 3650, "deletion_guard_percent": 100}


@dataclass(frozen=True)
class Place:
    """A directory with the state, the database it was read from, and a configuration."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "shop.db"

    @property
    def connection(self) -> Path:
        return self.root / "catalog" / NAME

    @property
    def store(self) -> StateStore:
        return StateStore(LocalObjects(self.root / "catalog"), NAME)

    def run(self, *arguments: str) -> Result:
        """A command, as a user would run it there."""
        result = CliRunner().invoke(main, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def read(self, *arguments: str) -> Any:
        """What a command that must succeed says as JSON."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def files(self) -> dict[str, bytes]:
        """Every file of the state."""
        there = self.connection.rglob("*")
        return {at.as_posix(): at.read_bytes() for at in there if at.is_file()}


@pytest.fixture(params=RELEASED)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("INCREMENTAL_ASSETS_CONFIG", raising=False)
    shutil.copytree(HERE / request.param / NAME, tmp_path / "catalog" / NAME)
    play(tmp_path / "shop.db")
    connection = {"name": NAME, "url": "sqlite:///shop.db", "options": OPTIONS}
    (tmp_path / "connections.yaml").write_text(json.dumps({"connections": [connection]}))
    return Place(tmp_path)


@pytest.fixture
def older(place: Place) -> Place:
    make_older(place.connection)
    return place


@pytest.fixture
def refresher(place: Place) -> Iterator[Refresher]:
    objects = LocalObjects(place.root / "catalog")
    with refreshing(f"sqlite:///{place.database}", objects, reconcile_every_days=3650) as refresher:
        yield refresher


def assert_diff_leads_here(parent: Version, version: Version) -> None:
    changes = {name: version.diff(name) for name in version.entities}
    applied = {name: rows.lazy() for name, rows in apply(frames_of(parent), changes).items()}
    there = frames_of(version)
    assert unequal(applied, there) == {}, differences(applied, there)


def assert_equals_a_full_extraction(refresher: Refresher, place: Place) -> None:
    with refreshing(f"sqlite:///{place.database}") as afresh:
        assert unequal(frames_of(current(refresher)), full(afresh)) == {}


# A state of the present format, of whatever release


def test_there_is_a_state_of_every_format_up_to_the_present_one() -> None:
    assert [f"format_{number}" for number in range(1, FORMAT + 1)] == RELEASED


def test_it_is_whole_and_its_diffs_are_true(place: Place) -> None:
    versions = list(place.store.history())
    assert [version.number for version in versions] == [3, 2, 1]
    for version in versions:
        version.verify()
    for version, parent in pairwise(versions):
        assert_diff_leads_here(parent, version)


def test_it_can_be_looked_at(place: Place) -> None:
    (status,) = place.read("status", "--json")["connections"]
    assert (status["version"], status["marker"]) == (3, "2024-01-31T14:00:00.123456Z")
    assert status["counts"] == {"databases": 1, "schemas": 1, "tables": 2, "columns": 5}
    assert status["last_error"] is None
    versions = place.read("history", NAME, "--json")["versions"]
    assert [one["version"] for one in versions] == [3, 2, 1]
    assert versions[1]["changes"] == {
        "tables": {"CREATED": 1, "UPDATED": 1},
        "columns": {"CREATED": 3},
    }
    rows = place.read("diff", NAME, "--format", "json")["rows"]
    told = [(row["entity"], row["change"], row["table"], row["attribute"]) for row in rows]
    assert ("tables", "DELETED", "offer", None) in told
    assert {row["column"] for row in rows if row["entity"] == "columns"} >= {"item", "product"}
    first = place.read("diff", NAME, "--version", "1", "--format", "json")["rows"]
    assert {row["change"] for row in first} == {"CREATED"}


def test_it_can_be_exported(place: Place) -> None:
    for entity in ("databases", "schemas", "tables", "columns"):
        arguments = ("--entity", entity, "--format", "parquet", "--output", "out.parquet")
        assert place.run("export", NAME, *arguments).exit_code == 0
        exported = pl.read_parquet("out.parquet")
        assert exported.schema == ENTITIES[entity].schema
        assert exported.height == place.store.find(3).rows(entity)


@pytest.mark.parametrize("place", [PRESENT], indirect=True)
def test_a_refresh_finds_it_unchanged(place: Place, refresher: Refresher) -> None:
    before = place.files()
    outcome = refresh(refresher)
    assert (outcome.mode, outcome.version) == ("unchanged", 3)
    after = place.files()
    versions = {path: content for path, content in before.items() if "/versions/" in path}
    assert {path: after[path] for path in versions} == versions


@pytest.mark.parametrize("place", [PRESENT], indirect=True)
def test_a_refresh_goes_on_from_it(place: Place, refresher: Refresher) -> None:
    play(place.database, [["create table late (id integer)"]])
    outcome = refresh(refresher)
    assert (outcome.mode, outcome.version, outcome.tables_read) == ("incremental", 4, 1)
    assert outcome.changes["tables"] == {"CREATED": 1}
    assert_diff_leads_here(place.store.find(3), current(refresher))
    assert_equals_a_full_extraction(refresher, place)


@pytest.mark.parametrize("place", EARLIER, indirect=True)
def test_a_refresh_brings_it_to_the_present_format(place: Place, refresher: Refresher) -> None:
    outcome = refresh(refresher)
    assert (outcome.mode, outcome.version, outcome.tables_read) == ("incremental", 4, 2)
    assert current(refresher).manifest.format == FORMAT
    assert_diff_leads_here(place.store.find(3), current(refresher))
    assert_equals_a_full_extraction(refresher, place)
    assert refresh(refresher).mode == "unchanged"


def test_it_can_be_rolled_back(place: Place, refresher: Refresher) -> None:
    facts = place.read("rollback", NAME, "1", "--json")
    assert (facts["version"], facts["parent"], facts["recovered"]) == (4, 3, False)
    assert_diff_leads_here(place.store.find(3), place.store.find(4))
    assert refresh(refresher).mode == "incremental"
    assert_equals_a_full_extraction(refresher, place)


def test_it_can_be_pruned(place: Place) -> None:
    facts = place.read("prune", NAME, "--keep-versions", "1", "--json")
    assert [one["kind"] for one in facts["removed"]] == ["version", "version"]
    assert [version.number for version in place.store.history()] == [3]
    place.store.find(3).verify()


def test_a_refresh_logs_all_versions_that_it_finds(place: Place, refresher: Refresher) -> None:
    refresh(refresher)
    pattern = str(place.connection / "changes" / "*.parquet")
    numbers = duckdb.execute("select distinct version from read_parquet($1)", [pattern])
    assert {1, 2, 3} <= {number for (number,) in numbers.fetchall()}


def test_what_was_pruned_is_told_by_the_log(place: Place) -> None:
    def told() -> Any:
        changes = place.read("log", NAME, "main.product.price", "--json")["changes"]
        return [(one["version"], one["change"], one["until"]) for one in changes]

    assert place.read("log", NAME, "main.product.price", "--json")["exists"]
    before = told()
    assert before == [(2, "CREATED", "2024-01-31T13:00:00.123456Z")]
    place.run("prune", NAME, "--keep-versions", "1")
    assert told() == before


def test_what_is_written_today_looks_as_what_was_released(place: Place, tmp_path: Path) -> None:
    """A format that changes needs a number and a directory of its own."""
    make(tmp_path / "today")
    for path in ("HEAD", *(f"versions/{number:08}-*/manifest.json" for number in (1, 2, 3))):
        (now,) = (tmp_path / "today" / NAME).glob(path)
        (then,) = (HERE / PRESENT / NAME).glob(path)
        assert _kinds(json.loads(now.read_text())) == _kinds(json.loads(then.read_text()))
    for version in StateStore(LocalObjects(tmp_path / "today"), NAME).history():
        released = StateStore(LocalObjects(HERE / PRESENT), NAME).find(version.number)
        assert version.entities == released.entities
        for entity in version.entities:
            assert version.scan(entity).collect().equals(released.scan(entity).collect())


def _kinds(content: Any) -> Any:
    """The keys of a document, and of which kind their values are; of a list, its length."""
    if isinstance(content, dict):
        return {key: _kinds(value) for key, value in content.items()}
    return len(content) if isinstance(content, list) else type(content).__name__


# A newer format

COMMANDS = [
    *(["status"], ["history", NAME], ["diff", NAME], ["check", NAME], ["refresh", NAME]),
    *(["refresh", NAME, "--full"], ["rollback", NAME, "1"], ["prune", NAME]),
    ["export", NAME, "--entity", "tables", "--format", "csv", "--output", "-"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_newer_format_is_refused_and_nothing_is_written(place: Place, command: list[str]) -> None:
    head = place.connection / "HEAD"
    head.write_text(json.dumps({**json.loads(head.read_text()), "format": FORMAT + 1}))
    before = place.files()
    result = place.run(*command)
    assert result.exit_code == 1
    assert "StateTooNew" in result.output
    assert f"has format {FORMAT + 1}" in result.output
    assert "Upgrade incremental-assets" in result.output
    assert place.files() == before


# An older format, which lacks some columns


def test_an_older_format_can_be_looked_at(older: Place) -> None:
    assert older.read("status", "--json")["connections"][0]["version"] == 3
    versions = older.read("history", NAME, "--json")["versions"]
    assert [one["version"] for one in versions] == [3, 2, 1]
    first = older.read("diff", NAME, "--version", "1", "--format", "json")["rows"]
    assert {row["change"] for row in first} == {"CREATED"}
    for entity, missing in MISSING.items():
        arguments = ("--entity", entity, "--format", "parquet", "--output", "out.parquet")
        assert older.run("export", NAME, *arguments).exit_code == 0
        exported = pl.read_parquet("out.parquet")
        assert exported.schema == ENTITIES[entity].schema
        assert all(exported[name].null_count() == exported.height for name in missing)


def test_an_older_format_is_migrated_by_reading_everything_again(
    older: Place, refresher: Refresher
) -> None:
    before, third = older.files(), older.store.find(3)
    outcome = refresh(refresher)
    # Not even the probe differs; what the older format lacks is missing all the same.
    assert (outcome.mode, outcome.version, outcome.tables_read) == ("incremental", 4, 2)
    assert_equals_a_full_extraction(refresher, older)
    assert_diff_leads_here(third, current(refresher))
    assert (third.manifest.format, current(refresher).manifest.format) == (OLDER, FORMAT)
    plan = refresher.store(NAME).extraction(current(refresher).manifest.extraction).read("plan")
    assert plan.collect()["change"].to_list() == ["BACKFILL", "BACKFILL"]
    after = older.files()
    versions = {path: content for path, content in before.items() if "/versions/" in path}
    assert {path: after[path] for path in versions} == versions
    assert refresh(refresher).mode == "unchanged"


def test_an_older_format_without_a_table_is_migrated_too(
    older: Place, refresher: Refresher
) -> None:
    """Nothing is there to be read again, and still a version of the present format is written."""
    play(older.database, [["drop table sale", "drop table product"]])
    assert not attempt(refresher).ok
    refresh(refresher, accept_deletions=True)
    make_older(older.connection)
    assert refresh(refresher).version == 5
    assert current(refresher).manifest.format == FORMAT
    assert current(refresher).scan("columns").collect_schema() == ENTITIES["columns"].schema


def test_going_back_to_an_older_format_is_migrated_by_the_next_refresh(
    older: Place, refresher: Refresher
) -> None:
    refresh(refresher)
    facts = older.read("rollback", NAME, "2", "--json")
    assert facts["version"] == 5
    fifth = older.store.find(5)
    assert fifth.manifest.format == OLDER
    assert_diff_leads_here(older.store.find(4), fifth)
    outcome = refresh(refresher)
    assert outcome.tables_read == 2
    assert current(refresher).manifest.format == FORMAT
    assert_equals_a_full_extraction(refresher, older)


def test_an_extraction_of_another_release_is_not_continued(older: Place) -> None:
    (path,) = older.connection.glob("extractions/*/extraction.json")
    record = json.loads(path.read_text())
    connection = load_config(older.root / "connections.yaml").connection(NAME)
    path.write_text(json.dumps({**record, "state": "open"}))
    step = of_id(record["id"], connection, older.store)
    assert why_closed(step) == "another release of incremental-assets opened it"

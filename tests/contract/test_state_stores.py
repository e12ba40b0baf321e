"""HEAD, versions and their making, over every kind of store."""

import json
from pathlib import Path

import polars as pl
import pytest

from incremental_resources.state_store.errors import (
    ObjectMissing,
    StateCorrupt,
    VersionMissing,
)
from incremental_resources.state_store.head import HeadRef
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.store import StateStore
from tests.states import (
    MARKER,
    SOURCE,
    STORES,
    listed,
    opened,
    overwrite,
    refresh,
    staged,
    tables,
)


@pytest.fixture(params=STORES)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(objects: ObjectStore) -> StateStore:
    return StateStore(objects, "shop")


def test_there_is_no_state_before_the_first_commit(store):
    assert store.head() is None
    assert store.current() is None
    assert list(store.history()) == []
    staged(store, opened(store, "e1"), tables("a"))
    assert store.head() is None


def test_a_commit_shows_the_version_whole(store):
    refresh(store, "e1", "a", "b")
    version = store.current()
    assert version.number == 1
    assert version.entities == ("tables",)
    assert listed(version) == ["a", "b"]
    assert version.rows("tables") == 2
    assert version.manifest.counts == {"tables": 2}
    assert version.summary() == {"tables": {"CREATED": 2}}
    version.verify()
    assert version.disagreements() == []


def test_head_is_stored_as_documented(store, objects):
    ref = refresh(store, "e1", "a")
    content = json.loads(objects.read("shop/HEAD").data)
    assert list(content) == [
        "format",
        "revision",
        "version",
        "manifest",
        "sha256",
        "marker",
        "probe",
        "extraction",
        "source",
        "check",
    ]
    assert content == {
        "format": 2,
        "revision": 1,
        "version": 1,
        "manifest": "versions/00000001-e1-1/manifest.json",
        "sha256": ref.head.sha256,
        "marker": "2026-01-31T12:00:00.123456Z",
        "probe": "p",
        "extraction": "e1",
        "source": SOURCE,
        "check": content["check"],
    }
    assert store.head() == ref


def test_the_manifest_is_stored_as_documented(store, objects):
    first = refresh(store, "e1", "a")
    second = refresh(store, "e2", "a", "b")
    content = json.loads(objects.read(f"shop/{second.head.manifest}").data)
    assert list(content) == [
        "format",
        "version",
        "parent",
        "created_at",
        "marker",
        "probe",
        "extraction",
        "dialect",
        "scope",
        "counts",
        "changes",
        "source",
        "rolled_back_to",
        "replaces",
        "files",
    ]
    assert content["parent"] == {
        "version": 1,
        "manifest": first.head.manifest,
        "sha256": first.head.sha256,
    }
    assert list(content["files"][0]) == ["path", "entity", "rows", "bytes", "sha256"]
    assert [entry["path"] for entry in content["files"]] == [
        "tables.parquet",
        "diff/tables.parquet",
        "diff/summary.json",
    ]


def test_a_head_survives_its_way_through_json(store):
    ref = refresh(store, "e1", "a")
    assert HeadRef.model_validate(json.loads(json.dumps(ref.model_dump(mode="json")))) == ref


def test_versions_are_found_by_number_through_their_parents(store):
    for number, id in enumerate(["e1", "e2", "e3"], start=1):
        refresh(store, id, *(f"t{n}" for n in range(number)))
    assert [version.number for version in store.history()] == [3, 2, 1]
    assert [version.number for version in store.ancestors(store.find(3))] == [2, 1]
    assert listed(store.find(2)) == ["t0", "t1"]
    with pytest.raises(VersionMissing, match=r"no version 7. There is: 1, 2, 3"):
        store.find(7)


def test_nothing_is_found_where_there_is_no_state(store):
    with pytest.raises(VersionMissing, match="none yet"):
        store.find(1)


def test_what_a_version_does_not_have_is_named(store):
    refresh(store, "e1", "a")
    version = store.current()
    assert not version.has("diff/tables")
    with pytest.raises(ObjectMissing, match="Version 1 of shop has no procedures; it has tables"):
        version.scan("procedures")
    with pytest.raises(ObjectMissing, match="no diff/tables"):
        version.diff("tables")
    refresh(store, "e2", "b")
    with pytest.raises(ObjectMissing, match=r"has no procedures; it has tables\.$"):
        store.current().scan("procedures")


def test_a_version_has_its_diff(store):
    refresh(store, "e1", "a")
    refresh(store, "e2", "b", "c")
    assert store.current().diff("tables")["table"].to_list() == ["b"]


def test_connections_do_not_meet(objects):
    shop, bank = StateStore(objects, "shop"), StateStore(objects, "bank")
    refresh(shop, "e1", "a")
    assert bank.head() is None
    assert bank.extractions() == []
    refresh(bank, "e1", "b")
    assert listed(shop.current()) == ["a"]


def test_every_attempt_has_a_directory_of_its_own(store):
    extraction = opened(store, "e1")
    folders = [staged(store, extraction, tables("a")).folder for _ in range(3)]
    assert folders == [f"versions/00000001-e1-{attempt}" for attempt in (1, 2, 3)]


def test_an_attempt_that_wrote_a_file_and_died_is_passed_over(store):
    extraction = opened(store, "e1")
    store.stage_version(extraction, parent=None).write("tables", tables("half"))
    assert staged(store, extraction, tables("a")).folder == "versions/00000001-e1-2"


def test_files_of_the_parent_are_taken_over(store, objects):
    refresh(store, "e1", "a", "b")
    base, parent = store.head(), store.current()
    stage = store.stage_version(opened(store, "e2", base), parent=parent)
    assert stage.number == 2
    (entry,) = stage.adopt_from_parent("tables")
    version = stage.finish(
        created_at=MARKER, marker=MARKER, probe=None, dialect="d", scope={}, changes={}
    )
    assert listed(version) == ["a", "b"]
    assert entry == parent.files("tables")[0]
    assert objects.digest(f"shop/{version.folder}/{entry.path}").sha256 == entry.sha256


def test_a_damaged_file_of_the_parent_is_not_taken_over(store, objects):
    refresh(store, "e1", "a")
    parent = store.current()
    overwrite(objects, f"shop/{parent.folder}/tables.parquet", b"damaged")
    stage = store.stage_version(opened(store, "e2", store.head()), parent=parent)
    with pytest.raises(StateCorrupt, match=r"tables.parquet"):
        stage.adopt_from_parent("tables")


def test_the_first_version_has_no_parent_to_take_from(store):
    stage = store.stage_version(opened(store, "e1"), parent=None)
    with pytest.raises(ObjectMissing, match="no parent to take tables from"):
        stage.adopt_from_parent("tables")


def test_working_files_are_taken_over(store):
    extraction = opened(store, "e1")
    extraction.write("state/columns", tables("a", "b"))
    extraction.write("diff/columns", tables("a"))
    stage = store.stage_version(extraction, parent=None)
    stage.adopt_from_extraction("columns", "state/columns")
    stage.adopt_from_extraction("diff/columns")
    version = stage.finish(
        created_at=MARKER, marker=MARKER, probe=None, dialect="d", scope={}, changes={}
    )
    assert [entry.path for entry in version.manifest.files] == [
        "columns/part-00000.parquet",
        "diff/columns.parquet",
    ]
    assert version.scan("columns").collect()["table"].to_list() == ["a", "b"]
    assert version.entities == ("columns",)
    version.verify()


def test_many_columns_are_rolled_into_parts(store, monkeypatch):
    monkeypatch.setattr("incremental_resources.state_store.parquet.ROWS_PER_FILE", 1000)
    frame = pl.DataFrame({"column": [f"c{n:05}" for n in range(2500)]})
    extraction = opened(store, "e1")
    assert extraction.write("state/columns", frame.lazy()).rows == 2500
    for fill in (
        lambda stage: stage.write("columns", frame),
        lambda stage: stage.write("columns", frame.lazy()),
        lambda stage: stage.adopt_from_extraction("columns", "state/columns"),
    ):
        stage = store.stage_version(extraction, parent=None)
        fill(stage)
        version = stage.finish(
            created_at=MARKER, marker=MARKER, probe=None, dialect="d", scope={}, changes={}
        )
        assert [(entry.path, entry.rows) for entry in version.files("columns")] == [
            ("columns/part-00000.parquet", 1000),
            ("columns/part-00001.parquet", 1000),
            ("columns/part-00002.parquet", 500),
        ]
        assert version.scan("columns").collect().equals(frame)

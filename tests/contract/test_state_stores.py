"""The state of a connection over every kind of store: versions, commits, extractions, retention."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from resources.state_store.errors import (
    CommitUnknown,
    ExtractionMissing,
    ObjectExists,
    ObjectMissing,
    StateConflict,
    StateCorrupt,
    StateTooNew,
    StoreUnavailable,
    VersionMissing,
)
from resources.state_store.head import HeadRef
from resources.state_store.objects import ObjectStore
from resources.state_store.store import StateStore
from tests.states import MARKER, SOURCE, STORES, head_at, listed, opened, refresh, staged, tables


@pytest.fixture(params=STORES)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(objects: ObjectStore) -> StateStore:
    return StateStore(objects, "shop")


class Faulty:
    """A store that fails where a test says so; everything else it passes on."""

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects
        self.swap_is_lost = False
        self.answer_is_lost = False
        self.reads_fail = False

    def __getattr__(self, name: str) -> object:
        return getattr(self.objects, name)

    def read(self, path: str) -> object:
        if self.reads_fail:
            raise StoreUnavailable(f"{path}: timed out")
        return self.objects.read(path)

    def swap(self, path: str, data: bytes, expect: str | None) -> str:
        if self.swap_is_lost:
            raise StoreUnavailable(f"{path}: timed out")
        tag = self.objects.swap(path, data, expect)
        if self.answer_is_lost:
            raise StoreUnavailable(f"{path}: timed out")
        return tag


# HEAD and versions


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
    ]
    assert content == {
        "format": 1,
        "revision": 1,
        "version": 1,
        "manifest": "versions/00000001-e1-1/manifest.json",
        "sha256": ref.head.sha256,
        "marker": "2026-01-31T12:00:00.123456Z",
        "probe": "p",
        "extraction": "e1",
        "source": SOURCE,
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


# Staging


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
    monkeypatch.setattr("resources.state_store.parquet.ROWS_PER_FILE", 1000)
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


# The commit


def test_the_revision_counts_every_move(store):
    first = refresh(store, "e1", "a")
    again = store.move_head(head_at(store.current(), "e2"), first)
    assert (again.head.revision, again.head.version) == (2, 1)
    assert refresh(store, "e3", "b").head.revision == 3


def test_of_two_refreshes_at_once_one_commits(store, objects):
    refresh(store, "e0", "a")
    base, parent = store.head(), store.current()
    versions = {
        id: staged(store, opened(store, id, base), tables(id), parent) for id in ("e1", "e2")
    }

    def commit(id: str) -> bool:
        try:
            StateStore(objects, "shop").move_head(head_at(versions[id], id), base)
        except StateConflict as error:
            return f"extraction {id} began" not in str(error)
        return True

    with ThreadPoolExecutor(2) as pool:
        won = dict(zip(versions, pool.map(commit, versions), strict=True))
    (winner,) = [id for id, success in won.items() if success]
    assert listed(store.current()) == [winner]
    assert store.head().head.revision == 2


def test_of_two_first_refreshes_one_commits(store):
    versions = [staged(store, opened(store, id), tables(id)) for id in ("e1", "e2")]
    store.move_head(head_at(versions[0], "e1"), None)
    with pytest.raises(StateConflict, match="began at no state, but HEAD is at revision 1"):
        store.move_head(head_at(versions[1], "e2"), None)
    assert listed(store.current()) == ["e1"]


def test_a_commit_that_is_repeated_has_succeeded(store):
    extraction = opened(store, "e1")
    head = head_at(staged(store, extraction, tables("a")), "e1")
    first = store.move_head(head, None)
    assert store.move_head(head, None) == first


def test_a_commit_that_others_have_built_upon_has_succeeded(store):
    head = head_at(staged(store, opened(store, "e1"), tables("a")), "e1")
    store.move_head(head, None)
    refresh(store, "e2", "b")
    now = refresh(store, "e3", "c")
    assert store.move_head(head, None) == now


def test_a_commit_whose_answer_is_lost_has_succeeded(objects):
    faulty = Faulty(objects)
    store = StateStore(faulty, "shop")
    head = head_at(staged(store, opened(store, "e1"), tables("a")), "e1")
    faulty.answer_is_lost = True
    assert store.move_head(head, None) == store.head()
    assert listed(store.current()) == ["a"]


def test_a_swap_that_never_arrived_can_be_tried_again(objects):
    faulty = Faulty(objects)
    store = StateStore(faulty, "shop")
    base = refresh(store, "e1", "a")
    version = staged(store, opened(store, "e2", base), tables("b"), store.current())
    faulty.swap_is_lost = True
    with pytest.raises(StoreUnavailable) as caught:
        store.move_head(head_at(version, "e2"), base)
    assert caught.value.transient
    assert store.head() == base
    faulty.swap_is_lost = False
    assert store.move_head(head_at(version, "e2"), base).head.revision == 2


def test_a_swap_that_was_lost_behind_another_commit_is_a_conflict(objects):
    faulty = Faulty(objects)
    store = StateStore(faulty, "shop")
    base = refresh(store, "e1", "a")
    version = staged(store, opened(store, "e2", base), tables("b"), store.current())
    refresh(StateStore(objects, "shop"), "e3", "c")
    faulty.swap_is_lost = True
    with pytest.raises(StateConflict, match="extraction e3"):
        store.move_head(head_at(version, "e2"), base)


@pytest.mark.parametrize("fault", ["swap_is_lost", "answer_is_lost"])
def test_an_outcome_that_cannot_be_found_out_is_said_to_be_unknown(objects, fault):
    faulty = Faulty(objects)
    store = StateStore(faulty, "shop")
    base = refresh(store, "e1", "a")
    setattr(faulty, fault, True)

    def lose(path: str, data: bytes, expect: str | None) -> str:
        faulty.reads_fail = True
        return Faulty.swap(faulty, path, data, expect)

    faulty.swap = lose
    with pytest.raises(CommitUnknown, match="Look at HEAD") as caught:
        store.move_head(head_at(store.current(), "e2"), base)
    assert not caught.value.transient


def test_a_version_made_from_another_base_is_not_committed(store):
    refresh(store, "e1", "a")
    orphan = staged(store, opened(store, "e2", store.head()), tables("b"), store.current())
    now = refresh(store, "e3", "c")
    with pytest.raises(StateConflict, match="not made from the head"):
        store.move_head(head_at(orphan, "e2"), now)
    with pytest.raises(StateConflict, match="not made from the head"):
        store.move_head(head_at(orphan, "e2"), None)
    assert store.head() == now


def test_a_version_that_was_removed_is_not_committed(store, objects):
    base = refresh(store, "e1", "a")
    version = staged(store, opened(store, "e2", base), tables("b"), store.current())
    objects.delete(f"shop/{version.folder}")
    with pytest.raises(StateConflict, match="is not there"):
        store.move_head(head_at(version, "e2"), base)


# What is damaged, newer, or not answered


def overwrite(objects: ObjectStore, path: str, data: bytes) -> None:
    objects.delete(path)
    objects.create(path, data)


def test_a_damaged_file_is_named_with_the_last_good_version(store, objects):
    for id in ("e1", "e2", "e3"):
        refresh(store, id, id)
    for version in list(store.history())[:2]:
        overwrite(objects, f"shop/{version.folder}/tables.parquet", b"damaged")
    version = store.current()
    with pytest.raises(StateCorrupt, match=r"00000003-e3-1/tables.parquet is not") as caught:
        version.scan("tables")
    assert "The last good version is 1" in str(caught.value)
    with pytest.raises(StateCorrupt):
        version.verify()
    assert len(version.disagreements()) == 1
    assert listed(store.find(1)) == ["e1"]


def test_a_lost_file_is_damage_too(store, objects):
    refresh(store, "e1", "a")
    objects.delete(f"shop/{store.current().folder}/tables.parquet")
    with pytest.raises(StateCorrupt, match=r"tables.parquet is missing.*no earlier version"):
        store.current().scan("tables")


def test_a_damaged_summary_is_found(store, objects):
    refresh(store, "e1", "a")
    overwrite(objects, f"shop/{store.current().folder}/diff/summary.json", b"{}")
    with pytest.raises(StateCorrupt, match=r"summary.json"):
        store.current().summary()


def test_a_damaged_manifest_is_named_with_what_is_whole(store, objects):
    refresh(store, "e1", "a")
    path = f"shop/{refresh(store, 'e2', 'b').head.manifest}"
    for content in (b"{", b"{}", objects.read(path).data.replace(b'"p"', b'"q"')):
        overwrite(objects, path, content)
        with pytest.raises(StateCorrupt, match="e2-1/manifest.json") as caught:
            store.current()
        assert "The newest version that is whole is 1" in str(caught.value)


def test_a_lost_manifest_is_damage_and_not_a_first_run(store, objects):
    refresh(store, "e1", "a")
    objects.delete(f"shop/{refresh(store, 'e2', 'b').head.manifest}")
    with pytest.raises(StateCorrupt, match=r"which is missing.*whole is 1"):
        store.current()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'{"format":1}',
        b'{"format":1,"revision":"1"}',
    ],
)
def test_an_unreadable_head_is_damage_and_not_a_first_run(store, objects, content):
    refresh(store, "e1", "a")
    overwrite(objects, "shop/HEAD", content)
    with pytest.raises(StateCorrupt, match=r"shop/HEAD cannot be read.*whole is 1"):
        store.head()


def test_a_head_that_points_outside_is_damage(store, objects):
    refresh(store, "e1", "a")
    head = json.loads(objects.read("shop/HEAD").data)
    overwrite(objects, "shop/HEAD", json.dumps({**head, "manifest": "../../etc"}).encode())
    with pytest.raises(StateCorrupt, match="manifest"):
        store.head()


def test_newer_state_is_refused_and_left_alone(store, objects):
    ref = refresh(store, "e1", "a")
    for path in (f"shop/{ref.head.manifest}", "shop/HEAD", "shop/extractions/e1/extraction.json"):
        content = json.loads(objects.read(path).data)
        overwrite(objects, path, json.dumps({**content, "format": 2, "new": []}).encode())
    with pytest.raises(StateTooNew, match=r"shop/HEAD has format 2.*Upgrade"):
        store.head()
    with pytest.raises(StateTooNew, match="manifest.json has format 2"):
        store.version(ref.head.ref)
    with pytest.raises(StateTooNew, match="extraction.json has format 2"):
        store.extraction("e1")
    with pytest.raises(StateTooNew):
        store.prune(1, 0)


def test_keys_of_the_same_format_that_are_unknown_are_passed_over(store, objects):
    ref = refresh(store, "e1", "a")
    content = json.loads(objects.read("shop/HEAD").data)
    overwrite(objects, "shop/HEAD", json.dumps({**content, "note": "x"}).encode())
    assert store.head().head == ref.head


def test_a_store_that_does_not_answer_is_never_a_first_run(objects):
    faulty = Faulty(objects)
    store = StateStore(faulty, "shop")
    refresh(store, "e1", "a")
    faulty.reads_fail = True
    for ask in (
        store.head,
        store.current,
        lambda: list(store.history()),
        lambda: store.find(1),
        lambda: store.extraction("e1"),
        lambda: store.prune(1, 0),
    ):
        with pytest.raises(StoreUnavailable):
            ask()
    faulty.reads_fail = False
    assert listed(store.current()) == ["a"]


# Extractions


def test_an_extraction_is_recorded_and_found(store):
    extraction = store.open_extraction(
        "20260131T120000Z-abcdef12",
        {"base": None, "mode": "full", "marker": datetime(2026, 1, 31, tzinfo=UTC)},
    )
    assert extraction.state == "open"
    found = store.extraction("20260131T120000Z-abcdef12")
    assert found.record == extraction.record
    assert found.record["connection"] == "shop"
    assert found.record["marker"] == "2026-01-31T00:00:00.000000Z"
    assert found.base is None


def test_an_extraction_remembers_its_base(store):
    base = refresh(store, "e1", "a")
    opened(store, "e2", base)
    assert store.extraction("e2").base == base


def test_extractions_are_listed_oldest_first(store):
    for id in ("20260201T000000Z-b", "20260131T000000Z-c", "20260301T000000Z-a"):
        opened(store, id)
    assert store.extractions() == [
        "20260131T000000Z-c",
        "20260201T000000Z-b",
        "20260301T000000Z-a",
    ]


def test_an_extraction_is_opened_once(store):
    opened(store, "e1")
    assert opened(store, "e1").id == "e1"  # the very same record: a repeated call
    with pytest.raises(ObjectExists):
        store.open_extraction("e1", {"base": None, "mode": "full"})
    with pytest.raises(ValueError, match="based"):
        store.open_extraction("e2", {})


def test_an_extraction_that_is_not_there_says_what_to_do(store):
    with pytest.raises(ExtractionMissing, match=r"no extraction e9 of shop.*Run shop_refresh"):
        store.extraction("e9")


def test_a_working_file_is_written_once(store):
    extraction = opened(store, "e1")
    assert not extraction.exists("batches/0001")
    first = extraction.write("batches/0001", tables("a", "b"))
    assert extraction.exists("batches/0001")
    assert first.rows == 2
    assert first.bytes > 0
    assert extraction.write("batches/0001", tables("other")) == first
    assert extraction.read("batches/0001").collect()["table"].to_list() == ["a", "b"]


def test_a_frame_that_is_not_needed_is_not_computed(store):
    extraction = opened(store, "e1")
    extraction.write("plan", tables("a"))

    def explode(frame: pl.DataFrame) -> pl.DataFrame:
        raise AssertionError("computed")

    extraction.write("plan", tables("b").lazy().map_batches(explode))


def test_of_two_steps_that_write_at_once_the_first_counts(store):
    def write(name: str) -> list[str]:
        extraction = store.extraction("e1")
        extraction.write("plan", tables(name))
        return extraction.read("plan").collect()["table"].to_list()

    opened(store, "e1")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(write, "abcdefgh"))
    assert all(one == found[0] for one in found)


def test_an_empty_frame_keeps_its_columns(store, monkeypatch):
    extraction = opened(store, "e1")
    extraction.write("plan", tables())
    extraction.write("lazy", tables().lazy())
    for name in ("plan", "lazy"):
        assert extraction.read(name).collect().schema == tables().schema


def test_working_files_in_parts_count_once_they_are_complete(store, objects, monkeypatch):
    monkeypatch.setattr("resources.state_store.parquet.ROWS_PER_FILE", 2)
    extraction = opened(store, "e1")
    extraction.write("state/columns", tables("a", "b", "c").lazy())
    assert extraction.exists("state/columns")
    assert extraction.names() == ["state/columns"]
    objects.delete("shop/extractions/e1/state/columns.parts.json")
    assert not extraction.exists("state/columns")
    assert extraction.names("state") == []
    assert extraction.write("state/columns", tables("d", "e", "f")).rows == 3
    assert extraction.read("state/columns").collect()["table"].to_list() == ["d", "e", "f"]


def test_finished_names_are_listed(store):
    extraction = opened(store, "e1")
    extraction.write("batches/0002", tables())
    extraction.write("batches/0001", tables())
    extraction.write("plan", tables())
    extraction.write_json("refused", {})
    assert extraction.names("batches") == ["batches/0001", "batches/0002"]
    assert extraction.names() == ["batches/0001", "batches/0002", "plan"]


def test_what_was_not_written_is_missing(store):
    extraction = opened(store, "e1")
    with pytest.raises(ObjectMissing, match="plan"):
        extraction.read("plan")
    with pytest.raises(ObjectMissing, match="refused"):
        extraction.read_json("refused")


def test_json_is_written_once(store):
    extraction = opened(store, "e1")
    assert not extraction.exists_json("refused")
    assert extraction.write_json("refused", {"tables": ["ä", "😀"]}) == {"tables": ["ä", "😀"]}
    assert extraction.write_json("refused", {"tables": []}) == {"tables": ["ä", "😀"]}
    assert extraction.read_json("refused") == {"tables": ["ä", "😀"]}
    assert extraction.exists_json("refused")


@pytest.mark.parametrize("name", ["extraction", "columns.parts"])
def test_the_names_an_extraction_needs_itself_are_kept(store, name):
    with pytest.raises(ValueError, match="keeps for itself"):
        opened(store, "e1").write_json(name, {})


def test_an_extraction_is_closed_for_good_once_it_is_committed(store):
    extraction = opened(store, "e1")
    assert extraction.close("abandoned") == "abandoned"
    assert store.extraction("e1").close("committed") == "committed"  # HEAD says so
    assert extraction.close("abandoned") == "committed"
    assert store.extraction("e1").state == extraction.state == "committed"


def test_closing_at_once_ends_in_one_state(store):
    opened(store, "e1")
    states = ["abandoned", "committed"] * 4
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda state: store.extraction("e1").close(state), states))
    assert store.extraction("e1").state == "committed"


# Retention


def folders(objects: ObjectStore, below: str) -> list[str]:
    return sorted({path.split("/")[2] for path in objects.list(f"shop/{below}")})


def test_old_versions_are_removed_and_history_ends_cleanly(store, objects):
    for number in range(1, 6):
        refresh(store, f"e{number}", f"t{number}")
    removed = store.prune(keep_versions=2, keep_extractions=9)
    assert removed.versions == tuple(f"versions/0000000{n}-e{n}-1" for n in (1, 2, 3))
    assert removed.extractions == ()
    assert folders(objects, "versions") == ["00000004-e4-1", "00000005-e5-1"]
    assert [version.number for version in store.history()] == [5, 4]
    assert listed(store.find(4)) == ["t4"]
    with pytest.raises(VersionMissing, match="There is: 4, 5"):
        store.find(3)
    refresh(store, "e6", "t6")
    assert store.prune(1, 9).versions == ("versions/00000004-e4-1", "versions/00000005-e5-1")


def test_a_removal_that_was_cut_short_is_finished_later(store, objects):
    for number in range(1, 4):
        refresh(store, f"e{number}", "a")
    objects.delete("shop/versions/00000001-e1-1/manifest.json")
    assert [version.number for version in store.history()] == [3, 2]
    assert store.prune(9, 9).versions == ("versions/00000001-e1-1",)


def test_the_current_version_always_stays(store):
    refresh(store, "e1", "a")
    assert store.prune(1, 0).versions == ()
    with pytest.raises(ValueError, match="current version is kept"):
        store.prune(0, 0)


def test_files_taken_over_outlive_their_first_version(store):
    refresh(store, "e1", "a")
    base = store.head()
    stage = store.stage_version(opened(store, "e2", base), parent=store.current())
    stage.adopt_from_parent("tables")
    version = stage.finish(
        created_at=MARKER, marker=MARKER, probe=None, dialect="d", scope={}, changes={}
    )
    store.move_head(head_at(version, "e2"), base)
    store.prune(1, 0)
    store.current().verify()
    assert listed(store.current()) == ["a"]


def test_an_orphan_goes_once_it_can_never_be_committed(store, objects):
    base = refresh(store, "e1", "a")
    whole = staged(store, opened(store, "e2", base), tables("b"), store.current())
    store.stage_version(opened(store, "e3", base), parent=store.current()).write("tables", tables())
    assert store.prune(9, 9).versions == ()
    refresh(store, "e4", "c")
    assert store.prune(9, 9).versions == (whole.folder, "versions/00000002-e3-1")
    assert [version.number for version in store.history()] == [2, 1]


def test_orphans_of_a_first_refresh_stay_until_there_is_a_head(store):
    staged(store, opened(store, "e1"), tables("a"))
    assert store.prune(1, 0).versions == ()
    refresh(store, "e2", "b")
    assert store.prune(1, 0).versions == ("versions/00000001-e1-1",)


def test_a_no_change_commit_keeps_candidates_of_the_same_version(store):
    base = refresh(store, "e1", "a")
    staged(store, opened(store, "e2", base), tables("b"), store.current())
    store.move_head(head_at(store.current(), "e3"), base)
    assert store.prune(1, 9).versions == ()


def test_finished_working_files_are_removed_but_for_the_newest(store, objects):
    for number in range(1, 5):
        refresh(store, f"e{number}", "a")
    assert store.prune(9, 2).extractions == ("e1", "e2")
    assert store.extractions() == ["e3", "e4"]
    assert folders(objects, "extractions") == ["e3", "e4"]


def test_an_open_extraction_stays_while_its_base_is_head(store):
    base = refresh(store, "e1", "a")
    opened(store, "e2", base)
    assert store.prune(1, 0).extractions == ("e1",)
    refresh(store, "e3", "b")
    assert store.prune(1, 0).extractions == ("e2", "e3")


def test_a_refused_extraction_stays_until_a_later_one_is_closed(store):
    refresh(store, "e1", "a")
    refused = opened(store, "e2", store.head())
    refused.write_json("refused", {"tables": ["a"]})
    refused.close("abandoned")
    assert store.prune(1, 0).extractions == ("e1",)
    following = opened(store, "e3", store.head())
    assert store.prune(1, 0).extractions == ()
    following.close("abandoned")
    assert store.prune(1, 0).extractions == ("e2", "e3")


def test_a_refusal_recorded_as_rows_counts_too(store):
    refused = opened(store, "e1")
    refused.write("refused", tables("a"))
    refused.close("abandoned")
    assert store.prune(1, 0).extractions == ()


def test_working_files_without_a_record_are_removed(store, objects):
    refresh(store, "e1", "a")
    objects.delete("shop/extractions/e1/extraction.json")
    assert store.prune(1, 9).extractions == ("e1",)
    assert folders(objects, "extractions") == []


def test_nothing_is_removed_where_history_cannot_be_read(store, objects):
    for number in range(1, 4):
        refresh(store, f"e{number}", "a")
    before = objects.list("")
    overwrite(objects, "shop/versions/00000002-e2-1/manifest.json", b"damaged")
    with pytest.raises(StateCorrupt):
        store.prune(9, 0)
    assert objects.list("") == before

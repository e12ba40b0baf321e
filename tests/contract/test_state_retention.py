"""What retention deletes and what it never touches, over every kind of store."""

from pathlib import Path

import pytest

from incremental_resources.state_store.errors import (
    StateCorrupt,
    VersionMissing,
)
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.store import StateStore
from tests.states import MARKER, STORES, head_at, listed, opened, overwrite, refresh, staged, tables


@pytest.fixture(params=STORES)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(objects: ObjectStore) -> StateStore:
    return StateStore(objects, "shop")


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


def test_versions_that_somebody_still_needs_stay_beyond_the_number_to_keep(store):
    for number in range(1, 6):
        refresh(store, f"e{number}", "a")
    planned = store.dispensable(1, 9, keep_from=3)
    assert planned.versions == ("versions/00000001-e1-1", "versions/00000002-e2-1")
    assert [version.number for version in store.history()] == [5, 4, 3, 2, 1]
    assert store.prune(1, 9, keep_from=3) == planned
    assert [version.number for version in store.history()] == [5, 4, 3]
    # What nobody needs any more than the rest goes with it.
    assert store.prune(1, 9, keep_from=9).versions == (
        "versions/00000003-e3-1",
        "versions/00000004-e4-1",
    )


def test_a_rollback_that_may_still_be_committed_stays(store):
    refresh(store, "e1", "a")
    refresh(store, "e2", "b")
    head, first = store.head(), store.find(1)
    stage = store.stage_version("back", parent=first, number=3)
    stage.adopt_from(first, "tables")
    version = stage.finish(
        created_at=MARKER,
        marker=MARKER,
        probe=None,
        dialect="d",
        scope={},
        changes={},
        rolled_back_to=first,
        replaces=head.head.ref,
    )
    assert store.prune(9, 9).versions == ()
    store.move_head(head_at(version, "back"), head)
    assert store.prune(9, 9).versions == ("versions/00000002-e2-1",)
    assert [one.number for one in store.history()] == [3, 1]
    assert listed(store.current()) == ["a"]


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
    assert [one.id for one in store.extractions()] == ["e3", "e4"]
    assert folders(objects, "extractions") == ["e3", "e4"]


def test_the_extraction_that_committed_outlives_others_that_began_later(store):
    base = refresh(store, "e1", "a")
    for id in ("e2", "e3", "e4", "e5"):
        opened(store, id, base)
    winner = store.extraction("e2")
    version = staged(store, winner, tables("b"), store.current())
    store.move_head(head_at(version, "e2"), base)
    assert store.prune(1, 1).extractions == ("e1", "e3", "e4")
    assert store.prune(1, 0).extractions == ("e5",)
    for id in ("e6", "e7"):
        opened(store, id, base)
    winner.close("committed")
    assert store.prune(1, 2).extractions == ("e6",)
    assert store.prune(1, 0).extractions == ("e2", "e7")


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

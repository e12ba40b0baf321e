"""Moving HEAD over every kind of store: conflicts, lost answers, unknown outcomes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from incremental_resources.state_store.errors import (
    CommitUnknown,
    StateConflict,
    StoreUnavailable,
)
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.store import StateStore
from tests.states import STORES, Faulty, head_at, listed, opened, refresh, staged, tables


@pytest.fixture(params=STORES)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return STORES[request.param](tmp_path)


@pytest.fixture
def store(objects: ObjectStore) -> StateStore:
    return StateStore(objects, "shop")


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

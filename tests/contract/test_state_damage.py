"""State that is damaged, newer or not answered for: over every kind of store."""

import json
import re
from pathlib import Path

import pytest

from incremental_resources.state_store.documents import FORMAT
from incremental_resources.state_store.errors import (
    StateCorrupt,
    StateTooNew,
    StoreUnavailable,
)
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.s3 import S3Objects
from incremental_resources.state_store.store import StateStore
from tests.states import (
    STORES,
    Faulty,
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


def test_no_byte_of_head_can_change_unseen(store, objects):
    refresh(store, "e1", "a")
    found = refresh(store, "e2", "b").head
    whole = objects.read("shop/HEAD").data
    # Whose bytes they are makes no difference to reading them: on S3, where it takes long, some.
    stride = 16 if isinstance(objects, S3Objects) else 1
    damaged = [
        whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
        for at in range(0, len(whole), stride)
        for flip in (1, 0x20)
    ]
    seen = []
    cut = [whole[:end] for end in range(0, len(whole) - 1, 7 * stride)]
    for content in [*damaged, *cut]:
        overwrite(objects, "shop/HEAD", content)
        try:
            read = store.head().head
        except (StateCorrupt, StateTooNew) as error:
            seen.append(str(error))
        else:
            # What makes no difference, as a blank for the line's end, may pass.
            assert read == found
    assert len(seen) > len(damaged)
    told = re.compile("shop/HEAD (cannot be read.*whole is 2|has format)")
    assert [one for one in seen if not told.match(one)] == []


@pytest.mark.parametrize("versions", [1, 2])
@pytest.mark.parametrize("kept_extractions", [0, 2])
def test_a_lost_head_is_not_a_first_run(store, objects, versions, kept_extractions):
    for number in range(versions):
        refresh(store, f"e{number}", "a")
    store.prune(1, kept_extractions)
    objects.delete("shop/HEAD")
    told = rf"shop/HEAD is missing, but versions/0.*whole is {versions}"
    with pytest.raises(StateCorrupt, match=told):
        store.head()
    objects.delete("shop")
    assert store.head() is None


def test_what_a_killed_first_refresh_left_is_a_first_run(store):
    staged(store, opened(store, "e1"), tables("a"))
    assert store.head() is None


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
        overwrite(objects, path, json.dumps({**content, "format": FORMAT + 1, "new": []}).encode())
    with pytest.raises(StateTooNew, match=rf"shop/HEAD has format {FORMAT + 1}.*Upgrade"):
        store.head()
    with pytest.raises(StateTooNew, match=f"manifest.json has format {FORMAT + 1}"):
        store.version(ref.head.ref)
    with pytest.raises(StateTooNew, match=f"extraction.json has format {FORMAT + 1}"):
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

"""What every store of objects must do, whatever it keeps them in."""

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from incremental_resources.state_store.errors import (
    ObjectExists,
    ObjectMissing,
    StoreUnavailable,
    SwapRefused,
)
from incremental_resources.state_store.objects import CHECKS, ObjectStore, Stored, prove
from incremental_resources.state_store.scratch import STALE_SECONDS, owner
from tests.states import STORES


@pytest.fixture(params=STORES)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return STORES[request.param](tmp_path)


def test_an_object_reads_back_as_it_was_created(objects):
    objects.create("shop/HEAD", b"\x00content\xff")
    assert objects.read("shop/HEAD").data == b"\x00content\xff"
    assert objects.exists("shop/HEAD")


def test_nothing_is_missing_only_where_nothing_is(objects):
    objects.create("shop/HEAD", b"x")
    assert not objects.exists("shop/versions")
    assert not objects.exists("shop")
    for absent in ("other", "shop/other", "shop/versions/1/manifest.json"):
        assert not objects.exists(absent)
        with pytest.raises(ObjectMissing, match=absent):
            objects.read(absent)
        with pytest.raises(ObjectMissing, match=absent):
            objects.digest(absent)
        with pytest.raises(ObjectMissing, match=absent):
            objects.scan(absent)
        with pytest.raises(ObjectMissing, match=absent):
            objects.copy(absent, "target")


def test_an_object_is_created_once(objects):
    objects.create("a", b"first")
    with pytest.raises(ObjectExists, match="a"):
        objects.create("a", b"second")
    assert objects.read("a").data == b"first"


def test_a_digest_is_of_the_stored_bytes(objects):
    objects.create("a", b"content")
    digest = objects.digest("a")
    assert (digest.bytes, digest.sha256) == (7, hashlib.sha256(b"content").hexdigest())


def test_a_local_file_is_handed_over(objects):
    local = objects.scratch() / "finished"
    local.write_bytes(b"content")
    objects.create_file("folder/a", local)
    assert not local.exists()
    assert objects.read("folder/a").data == b"content"


def test_a_file_that_is_refused_stays_with_its_owner(objects):
    objects.create("a", b"first")
    local = objects.scratch() / "finished"
    local.write_bytes(b"second")
    with pytest.raises(ObjectExists):
        objects.create_file("a", local)
    assert local.read_bytes() == b"second"
    assert objects.read("a").data == b"first"


def test_a_copy_outlives_its_source(objects):
    objects.create("a", b"content")
    objects.copy("a", "folder/b")
    objects.delete("a")
    assert objects.read("folder/b").data == b"content"


def test_a_copy_never_replaces(objects):
    objects.create("a", b"first")
    objects.create("b", b"second")
    with pytest.raises(ObjectExists):
        objects.copy("a", "b")
    assert objects.read("b").data == b"second"


def test_a_swap_replaces_what_was_read(objects):
    objects.create("HEAD", b"1")
    tag = objects.swap("HEAD", b"2", objects.read("HEAD").tag)
    assert objects.read("HEAD") == Stored(b"2", tag)


def test_a_swap_on_what_has_changed_is_refused(objects):
    objects.create("HEAD", b"1")
    old = objects.read("HEAD").tag
    objects.swap("HEAD", b"2", old)
    with pytest.raises(SwapRefused, match="HEAD"):
        objects.swap("HEAD", b"3", old)
    assert objects.read("HEAD").data == b"2"


def test_a_swap_that_expects_nothing_creates(objects):
    tag = objects.swap("shop/HEAD", b"1", None)
    assert objects.read("shop/HEAD") == Stored(b"1", tag)
    with pytest.raises(SwapRefused):
        objects.swap("shop/HEAD", b"2", None)


def test_a_swap_of_what_is_gone_is_refused(objects):
    objects.create("HEAD", b"1")
    tag = objects.read("HEAD").tag
    objects.delete("HEAD")
    with pytest.raises(SwapRefused):
        objects.swap("HEAD", b"2", tag)
    assert not objects.exists("HEAD")


def test_of_many_swaps_at_once_one_succeeds(objects):
    objects.create("HEAD", b"base")
    tag = objects.read("HEAD").tag

    def attempt(number: int) -> bool:
        try:
            objects.swap("HEAD", b"%d" % number, tag)
        except SwapRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, range(16)))
    assert won.count(True) == 1
    assert objects.read("HEAD").data == b"%d" % won.index(True)


def test_of_many_creations_at_once_one_succeeds(objects):
    def attempt(number: int) -> bool:
        try:
            objects.create("deep/folder/a", b"%d" % number)
        except ObjectExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(attempt, range(16)))
    assert won.count(True) == 1
    assert objects.read("deep/folder/a").data == b"%d" % won.index(True)


def test_a_listing_is_recursive_and_sorted_and_of_files_only(objects):
    for path in ("shop/b", "shop/a/2", "shop/a/1", "shopping/a"):
        objects.create(path, b"")
    objects.swap("shop/HEAD", b"1", None)
    assert objects.list("shop") == ["shop/HEAD", "shop/a/1", "shop/a/2", "shop/b"]
    assert objects.list("") == ["shop/HEAD", "shop/a/1", "shop/a/2", "shop/b", "shopping/a"]
    assert objects.list("other") == []


def test_unfinished_files_are_never_listed(objects):
    (objects.scratch() / "half").write_bytes(b"half")
    objects.create("a", b"whole")
    assert objects.list("") == ["a"]


def test_a_folder_is_deleted_with_everything_below(objects):
    for path in ("shop/a/b/c", "shop/a/d", "shop/ab"):
        objects.create(path, b"")
    objects.delete("shop/a")
    assert objects.list("") == ["shop/ab"]


def test_deleting_what_is_absent_is_fine(objects):
    objects.delete("shop/a")
    objects.create("shop/b", b"")
    objects.delete("shop/a")
    assert objects.list("") == ["shop/b"]


def test_a_deleted_path_can_be_used_again(objects):
    objects.create("shop/a", b"1")
    objects.delete("shop")
    objects.create("shop/a", b"2")
    assert objects.read("shop/a").data == b"2"


def test_a_check_removes_what_killed_ones_left(objects):
    mine, now = owner(os.getpid()), int(time.time())
    # A process of the same id that was started at another time has ended.
    ended = f"{mine.rpartition('-')[0]}-1"
    for name in (f"{ended}.{now}.x", f"other-1-1.{now - 2 * STALE_SECONDS}.x"):
        objects.create(f"{CHECKS}/{name}/object", b"first")
    going_on = [f"{CHECKS}/{name}.{now}.x/object" for name in (mine, "other-1-1")]
    for path in going_on:
        objects.create(path, b"first")
    objects.check()
    assert objects.list("") == sorted(going_on)


def test_a_parquet_object_is_scanned(objects):
    frame = pl.DataFrame({"table": ["a", "b"], "rows": [1, 2]})
    local = objects.scratch() / "finished"
    frame.write_parquet(local)
    objects.create_file("shop/tables.parquet", local)
    found = objects.scan("shop/tables.parquet").filter(pl.col("rows") > 1).collect()
    assert found.rows() == [("b", 2)]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../outside",
        "shop/../../outside",
        "shop/..",
        ".hidden",
        "shop/.lock",
        "",
        "shop//a",
        "shop/",
        "a:b",
        "50%",
        "a b",
        "a\\b",
        "a\n",
        "größe",
        "a\x00",
    ],
)
def test_a_path_that_is_not_ours_is_refused(objects, path, tmp_path):
    with pytest.raises(ValueError, match="no path of a store"):
        objects.create(path, b"x")
    with pytest.raises(ValueError, match="no path of a store"):
        objects.read(path)
    with pytest.raises(ValueError, match="no path of a store"):
        objects.delete(path)
    assert objects.list("") == []


def test_a_check_leaves_nothing_behind(objects, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    objects.check()
    assert objects.list("") == []
    assert sorted(tmp_path.rglob("*")) == before


def test_a_check_leaves_what_is_there(objects):
    objects.create("shop/HEAD", b"1")
    objects.check()
    assert objects.list("") == ["shop/HEAD"]


def test_a_store_says_where_it_is(objects):
    assert objects.uri


class Careless:
    """A store that does not know conditions; everything else it passes on."""

    def __init__(self, objects: ObjectStore, **replaced: object) -> None:
        self.__dict__.update(objects=objects, **replaced)

    def __getattr__(self, name: str) -> object:
        return getattr(self.objects, name)


def test_a_store_that_ignores_conditions_is_refused(objects):
    def overwrite(path: str, data: bytes) -> None:
        objects.delete(path)
        objects.create(path, data)

    def swap_always(path: str, data: bytes, expect: str | None) -> str:
        overwrite(path, data)
        return objects.read(path).tag

    for careless in (Careless(objects, create=overwrite), Careless(objects, swap=swap_always)):
        with pytest.raises(StoreUnavailable, match="ignores conditional writes") as caught:
            prove(careless)
        assert not caught.value.transient
        assert objects.list("") == []

"""The local store's own affairs: the file system's refusals, locks, left-over files."""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from incremental_resources.state_store import local
from incremental_resources.state_store.errors import ObjectMissing, StoreUnavailable
from incremental_resources.state_store.files import explained
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.scratch import owner
from incremental_resources.state_store.store import StateStore
from tests.states import listed, refresh


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjects:
    return LocalObjects(tmp_path / "catalog")


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Be somebody who may not look into ``folder``."""
    folder.chmod(0)
    if os.geteuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(os.getuid())
        folder.chmod(0o700)


def test_what_may_not_be_read_is_not_missing(objects):
    objects.create("shop/HEAD", b"1")
    store = StateStore(objects, "shop")
    with without_rights(objects.root / "shop"):
        for ask in (
            store.head,
            store.current,
            store.extractions,
            lambda: objects.read("shop/other"),
            lambda: objects.exists("shop/other"),
            lambda: objects.list("shop"),
            lambda: objects.scan("shop/other"),
            lambda: objects.delete("shop/HEAD"),
            lambda: objects.create("shop/other", b""),
            lambda: objects.swap("shop/HEAD", b"", "x"),
        ):
            with pytest.raises(StoreUnavailable, match=r"Permission denied.*access") as found:
                ask()
            assert not found.value.transient
    assert objects.read("shop/HEAD").data == b"1"


def test_a_store_that_may_not_be_written_is_found_by_the_check(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    with without_rights(folder), pytest.raises(StoreUnavailable, match="Permission denied"):
        LocalObjects(folder / "catalog").check()


def test_a_file_where_a_directory_should_be_is_not_absence(objects):
    objects.create("shop", b"a file")
    for ask in (
        lambda: objects.read("shop/HEAD"),
        lambda: objects.create("shop/HEAD", b""),
        lambda: objects.create("shop/deep/HEAD", b""),
        lambda: objects.swap("shop/HEAD", b"", None),
        lambda: objects.list("shop"),
    ):
        with pytest.raises(StoreUnavailable, match="move it away"):
            ask()


def test_a_directory_where_a_file_should_be_is_not_absence(objects):
    objects.create("shop/HEAD/file", b"")
    with pytest.raises(StoreUnavailable, match="directory"):
        StateStore(objects, "shop").head()


@pytest.mark.parametrize(
    ("number", "transient", "remedy"),
    [
        (errno.ENOSPC, False, "free some space"),
        (errno.EDQUOT, False, "quota"),
        (errno.EROFS, False, "writable"),
        (errno.EACCES, False, "access"),
        (errno.ENOTSUP, False, "hard links"),
        (errno.ETIMEDOUT, True, "again"),
        (errno.ESTALE, True, "again"),
        (errno.ENAMETOOLONG, False, "again"),
    ],
)
def test_the_file_systems_refusals_say_what_next(number, transient, remedy):
    error = explained(OSError(number, "x"), "/catalog/shop/HEAD")
    assert error.transient is transient
    assert "/catalog/shop/HEAD" in str(error)
    assert os.strerror(number) in str(error)
    assert remedy in str(error)


def test_a_full_disk_leaves_neither_object_nor_scratch(objects, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        objects.create("shop/a", b"x")
    assert not [at for at in objects.root.rglob("*") if at.is_file()]


def test_a_swap_that_fails_after_the_fact_is_unanswered(objects, monkeypatch):
    objects.create("HEAD", b"1")
    tag, sync = objects.read("HEAD").tag, local.sync

    def fail(path: Path) -> None:
        raise OSError(errno.EIO, "gone")

    monkeypatch.setattr(local, "sync", fail)
    with pytest.raises(StoreUnavailable):
        objects.swap("HEAD", b"2", tag)
    monkeypatch.setattr(local, "sync", sync)
    assert objects.read("HEAD").data == b"2"


def test_a_file_system_without_hard_links_is_named(objects, monkeypatch):
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.ENOTSUP, "no")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with pytest.raises(StoreUnavailable, match="hard links") as caught:
        objects.check()
    assert not caught.value.transient
    assert not objects.root.exists()


def test_a_lock_that_stays_held_is_named(objects, monkeypatch):
    monkeypatch.setattr(local, "LOCK_SECONDS", 0.05)
    objects.swap("HEAD", b"1", None)
    with (objects.root / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreUnavailable, match=r"\.lock has been held") as caught:
            objects.swap("HEAD", b"2", objects.read("HEAD").tag)
    assert caught.value.transient
    objects.swap("HEAD", b"2", objects.read("HEAD").tag)


def test_a_lock_whose_file_was_removed_is_taken_anew(objects):
    objects.swap("HEAD", b"1", None)
    tag, lock = objects.read("HEAD").tag, objects.root / ".lock"
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = threading.Thread(target=objects.swap, args=("HEAD", b"2", tag))
        waiting.start()
        time.sleep(0.1)
        lock.unlink()
    waiting.join()
    assert objects.read("HEAD").data == b"2"


def test_creating_while_others_delete_the_empty_folder_succeeds(objects):
    stop = threading.Event()

    def prune() -> None:
        while not stop.is_set():
            objects.create("shop/other", b"")
            objects.delete("shop/other")

    pruning = threading.Thread(target=prune)
    pruning.start()
    try:
        for number in range(50):
            objects.create(f"shop/folder{number}/a", b"")
            assert objects.exists(f"shop/folder{number}/a")
            objects.delete(f"shop/folder{number}")
    finally:
        stop.set()
        pruning.join()


def test_emptied_folders_go_and_the_root_stays(objects):
    objects.create("shop/a/b/c", b"")
    objects.delete("shop/a/b/c")
    assert objects.root.is_dir()
    assert not (objects.root / "shop").exists()


def test_a_link_to_elsewhere_is_removed_and_not_followed(objects, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"")
    objects.create("shop/a", b"")
    (objects.root / "shop" / "link").symlink_to(outside)
    objects.delete("shop")
    assert (outside / "kept").exists()
    assert not (objects.root / "shop").exists()


def test_the_first_check_leaves_not_even_the_directories(tmp_path):
    LocalObjects(tmp_path / "a" / "b").check()
    assert list(tmp_path.iterdir()) == []


def test_the_file_of_a_finished_process_goes_at_once(objects):
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    mine = objects.scratch()
    host = mine.name.split("-")[0]
    gone = mine.with_name(f"{host}-{child}-1")
    gone.mkdir()
    (gone / "half").write_bytes(b"")
    mine.rmdir()
    objects.create("a", b"")
    assert not gone.exists()
    assert objects.list("") == ["a"]


def test_the_file_of_a_living_process_stays(objects):
    mine = objects.scratch()
    theirs = mine.with_name(owner(os.getppid()))
    theirs.mkdir()
    (theirs / "half").write_bytes(b"")
    mine.rmdir()
    objects.create("a", b"")
    assert (theirs / "half").exists()
    objects.delete("a")


def test_the_file_of_another_machine_goes_after_a_day(objects):
    mine = objects.scratch()
    mine.rmdir()
    young, old = (mine.with_name(f"otherhost-1-{age}") for age in ("1", "2"))
    for folder in (young, old):
        folder.mkdir(parents=True)
        (folder / "half").write_bytes(b"")
    past = time.time() - 25 * 60 * 60
    for at in (old / "half", old):
        os.utime(at, (past, past))
    objects.scratch()
    assert young.exists()
    assert not old.exists()


@pytest.mark.parametrize("name", ["a b", "50%25", "a:b", "[x]*?", "größe😀", "#1", "a=b", "a\nb"])
def test_the_directory_of_the_store_may_have_any_name(tmp_path, name, monkeypatch):
    monkeypatch.setattr("incremental_resources.state_store.parquet.ROWS_PER_FILE", 1)
    store = StateStore(LocalObjects(tmp_path / name), "shop")
    refresh(store, "e1", "a", "b")
    assert listed(store.current()) == ["a", "b"]
    assert store.current().files("tables")[1].path == "tables/part-00001.parquet"


def test_names_of_tables_never_reach_a_path(tmp_path):
    store = StateStore(LocalObjects(tmp_path), "shop")
    names = ["a/b", "50%", "c:d", "../../etc", "e\\f", "g\nh", "😀", "A", "a", ""]
    refresh(store, "e1", *names)
    assert listed(store.current()) == names
    paths = "".join(store.objects.list(""))
    assert set(paths) <= set("abcdefghijklmnopqrstuvwxyzHEAD0123456789/.-_")


def test_a_relative_directory_is_meant_from_where_the_store_was_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    objects = LocalObjects(Path("catalog"))
    monkeypatch.chdir("/")
    objects.create("a", b"")
    assert (tmp_path / "catalog" / "a").exists()
    assert objects.uri == (tmp_path / "catalog").as_uri()


def test_a_scan_reads_the_file_and_nothing_beside_it(objects):
    for name in ("a", "b"):
        file = objects.scratch() / "file"
        pl.DataFrame({"x": [name]}).write_parquet(file)
        objects.create_file(f"k=1/{name}.parquet".replace("=", "_"), file)
    assert objects.scan("k_1/a.parquet").collect().to_dict(as_series=False) == {"x": ["a"]}
    with pytest.raises(ObjectMissing):
        objects.scan("k_1")

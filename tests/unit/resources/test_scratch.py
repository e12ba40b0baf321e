"""Scratch where others can write too: nothing of theirs is followed, used or removed."""

import io
import os
import tempfile
import time
from pathlib import Path

import polars as pl
import pytest

from incremental_assets.cli import exporting
from incremental_resources.state_store.errors import StoreUnavailable
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.s3 import S3Objects
from tests.s3_server import s3_objects

LONG_AGO = time.time() - 100 * 60 * 60
NOBODY = 65534


def aged(at: Path) -> Path:
    os.utime(at, (LONG_AGO, LONG_AGO), follow_symlinks=False)
    return at


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Somebody's directory with an old directory in it whose name looks like one of ours."""
    theirs = tmp_path / "theirs"
    (theirs / "otherhost-1-1").mkdir(parents=True)
    (theirs / "otherhost-1-1" / "work").write_text("years of it")
    aged(theirs / "otherhost-1-1" / "work")
    aged(theirs / "otherhost-1-1")
    return theirs


def whole(theirs: Path) -> bool:
    return [at.name for at in theirs.rglob("*")] == ["otherhost-1-1", "work"]


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[S3Objects, Path]:
    """A store that needs scratch in a temporary directory for everybody, and that place."""
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    objects = s3_objects("http://127.0.0.1:1", "bucket", "state")
    return objects, shared / f"incremental-assets-{os.geteuid()}"


def test_a_link_in_the_place_of_the_scratch_directory_is_not_followed(
    remote: tuple[S3Objects, Path], theirs: Path
) -> None:
    objects, place = remote
    place.symlink_to(theirs)
    with pytest.raises(StoreUnavailable, match="belongs to us alone. Remove it"):
        objects.scratch()
    assert whole(theirs)


@pytest.mark.parametrize("mode", [0o777, 0o750, 0o701])
def test_a_directory_that_others_may_use_is_refused(
    remote: tuple[S3Objects, Path], mode: int
) -> None:
    objects, place = remote
    place.mkdir()
    place.chmod(mode)
    with pytest.raises(StoreUnavailable, match="belongs to us alone"):
        objects.scratch()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give directories away")
def test_a_directory_of_somebody_else_is_refused(remote: tuple[S3Objects, Path]) -> None:
    objects, place = remote
    place.mkdir(mode=0o700)
    os.chown(place, NOBODY, NOBODY)
    with pytest.raises(StoreUnavailable, match="belongs to us alone") as caught:
        objects.scratch()
    assert not caught.value.transient


def test_a_link_in_the_place_of_a_local_states_scratch_is_not_followed(
    tmp_path: Path, theirs: Path
) -> None:
    objects = LocalObjects(tmp_path / "state")
    objects.root.mkdir()
    (objects.root / ".scratch").symlink_to(theirs)
    with pytest.raises(StoreUnavailable, match="a link is where a directory should be"):
        objects.create("a", b"1")
    assert whole(theirs)


def test_a_link_in_the_place_of_this_processes_directory_is_not_followed(
    tmp_path: Path, theirs: Path
) -> None:
    objects = LocalObjects(tmp_path / "state")
    mine = objects.scratch()
    mine.rmdir()
    mine.symlink_to(theirs)
    with pytest.raises(StoreUnavailable, match="a link is where a directory should be"):
        objects.create("a", b"1")
    assert whole(theirs)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    objects = LocalObjects(tmp_path / "state")
    objects.scratch()
    (objects.root / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnavailable, match="a link is where a file should be"):
        objects.swap("HEAD", b"1", None)
    assert not (tmp_path / "elsewhere").exists()


def test_leftovers_are_swept_and_links_among_them_are_not_followed(
    tmp_path: Path, theirs: Path
) -> None:
    objects = LocalObjects(tmp_path / "state")
    objects.scratch().rmdir()
    scratch = objects.root / ".scratch"
    leftover = scratch / "otherhost-2-2"
    leftover.mkdir()
    aged_links = [scratch / "otherhost-3-3", leftover / "inside"]
    for link in aged_links:
        link.symlink_to(theirs)
        aged(link)
    os.mkfifo(scratch / "otherhost-4-4")
    aged(scratch / "otherhost-4-4")
    aged(leftover)

    mine = objects.scratch()

    assert not leftover.exists()
    assert whole(theirs)
    assert mine.stat().st_mode & 0o777 == 0o700


def written_by(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Path]]:
    """The directories, with their modes, in which exports are written."""
    seen: list[tuple[int, Path]] = []

    def write(frame: pl.LazyFrame, scratch: Path) -> None:
        seen.append((scratch.parent.stat().st_mode & 0o777, scratch.parent.parent))
        exporting.write_csv(frame, scratch)

    monkeypatch.setitem(exporting.WRITERS, "csv", write)
    return seen


@pytest.mark.parametrize("ask", ["file", "stream"])
def test_nobody_else_can_read_or_replace_an_export_in_the_making(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen, rows = written_by(monkeypatch), pl.LazyFrame({"a": ["secret"]})
    if ask == "file":
        exporting.to_file(lambda path: exporting.WRITERS["csv"](rows, path), tmp_path / "out.csv")
        told = (tmp_path / "out.csv").read_bytes()
        (tmp_path / "out.csv").unlink()
    else:
        exporting.to_stream(
            lambda path: exporting.WRITERS["csv"](rows, path), stream := io.BytesIO()
        )
        told = stream.getvalue()
    assert seen == [(0o700, tmp_path)]
    assert b"secret" in told
    assert list(tmp_path.iterdir()) == []

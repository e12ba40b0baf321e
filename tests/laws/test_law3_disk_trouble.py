"""Law 3 on a disk that is really full, or not to be written: a plain message, and HEAD stays."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from tests.changes import alter
from tests.live import NAME, state, written_config
from tests.oracle import differing
from tests.watched import run_module

DISK_KB = 4096
# From nothing to almost enough; a file takes pages of 4 KB.
FREE_KB = (0, 48, 112)
FULL = "No space left on device. What next: free some space"
READ_ONLY = "Read-only file system. What next: mount the file system writable"
NOT_MINE = "Permission denied. What next: give the user who runs this read and write access"
TOO_LARGE = "File too large. What next: raise the limit on the size of files"


@pytest.fixture
def config(fresh_database: str) -> Iterator[Path]:
    """In a folder that everybody can read, which ``tmp_path`` is not."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "catalog").mkdir()
        folder.chmod(0o755)
        yield written_config(folder / "connections.yaml", fresh_database)


@pytest.fixture
def disk(config: Path) -> Iterator[Path]:
    """The state's directory as a small file system of its own."""
    catalog = config.parent / "catalog"
    size = ("-o", f"size={DISK_KB}k")
    told = subprocess.run(
        ["mount", "-t", "tmpfs", *size, "tmpfs", catalog],
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        pytest.skip(f"NOT TRIED on a real file system, which only root may mount: {told.stderr}")
    yield catalog
    subprocess.run(["umount", catalog], check=True)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One Dagster home for all: making it takes longer than a refresh."""
    return tmp_path_factory.mktemp("home")


def refresh(home: Path, config: Path) -> "subprocess.CompletedProcess[str]":
    return run_module(home, "incremental_assets", "--config", config, "refresh")


def assert_refused(home: Path, config: Path, reason: str) -> None:
    """The refresh fails with a plain message."""
    failed = refresh(home, config)
    assert failed.returncode == 1
    catalog = config.parent / "catalog"
    told = " ".join((failed.stdout + failed.stderr).split())
    assert_plain(told, catalog, reason)


def head(catalog: Path) -> bytes:
    return (catalog / NAME / "HEAD").read_bytes()


def assert_plain(told: str, catalog: Path, reason: str) -> None:
    """One message that names a path of the state, the reason and what to do."""
    named = rf"StoreUnavailable: The state store cannot use {catalog}\S*: {reason}"
    assert re.search(named, told), told
    assert told.count("StoreUnavailable") == 1
    assert "Traceback" not in told


def assert_next_succeeds(home: Path, config: Path, url: str, before: bytes) -> None:
    """HEAD is the old version, whole, and an ordinary refresh reaches the database's state."""
    catalog = config.parent / "catalog"
    assert head(catalog) == before
    store = StateStore(LocalObjects(catalog), NAME)
    version = store.current()
    assert version is not None
    version.verify()
    done = refresh(home, config)
    assert (done.returncode, done.stderr) == (0, "")
    now = store.current()
    assert now is not None
    assert now.number == version.number + 1
    now.verify()
    assert differing(url, state(now), partitions=False) == {}


def files(disk: Path) -> set[Path]:
    return {at for at in (disk / NAME).rglob("*") if at.is_file()}


def fill(disk: Path, *, but_kb: int) -> Path:
    """A file that leaves only so much of the disk."""
    ballast = disk.parent / "catalog" / ".ballast"
    free = shutil.disk_usage(disk).free
    ballast.write_bytes(bytes(max(0, free - but_kb * 1024)))
    return ballast


def test_a_disk_that_fills_up_or_becomes_read_only_is_told_and_survived(
    home: Path, config: Path, disk: Path, fresh_database: str
) -> None:
    alter(fresh_database, 0)
    assert refresh(home, config).returncode == 0
    alter(fresh_database, 1)
    before, written = head(disk), []
    for free_kb in FREE_KB:
        ballast, there = fill(disk, but_kb=free_kb), files(disk)
        assert_refused(home, config, FULL)
        written.append(len(files(disk) - there))
        ballast.unlink()
        assert head(disk) == before
    # Each came further than the one before it, the first nowhere.
    assert written[0] == 0
    assert written == sorted(set(written))
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert_refused(home, config, READ_ONLY)
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert_next_succeeds(home, config, fresh_database, before)


@pytest.mark.parametrize(("what", "reason"), [("size", TOO_LARGE), ("user", NOT_MINE)])
def test_who_may_not_write_is_told_and_changes_nothing(
    home: Path, config: Path, fresh_database: str, what: str, reason: str
) -> None:
    catalog = config.parent / "catalog"
    told = run_module(home, "tests.limited", config, fresh_database, what)
    assert told.returncode == 0, told.stderr
    ok, error = json.loads(told.stdout)
    before = head(catalog)
    for at in (catalog, *catalog.rglob("*")):
        if at.is_dir():
            at.chmod(0o755)
    assert not ok
    assert_plain(error, catalog, reason)
    assert_next_succeeds(home, config, fresh_database, before)

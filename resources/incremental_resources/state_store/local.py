"""Objects as files below a local directory (or a shared one that has hard links and locks).

A new object is written to a scratch file, brought to the disk and hard-linked to its name, which
fails if the name is taken. Names that begin with a dot are the store's own and never listed.
"""

import fcntl
import hashlib
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl

from incremental_resources.state_store.errors import (
    ObjectExists,
    ObjectMissing,
    StoreUnavailable,
    SwapRefused,
)
from incremental_resources.state_store.files import (
    digest_of,
    make_folder,
    refusals_explained,
    sync,
    write_durably,
)
from incremental_resources.state_store.objects import Digest, Stored, checked, prove
from incremental_resources.state_store.scratch import scratch_folder

LOCK_SECONDS = 60.0


class LocalObjects:
    """An ObjectStore on a file system; the directory is created with the first object."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def uri(self) -> str:
        return self.root.as_uri()

    def read(self, path: str) -> Stored:
        with self._reading(path) as at:
            data = at.read_bytes()
        return Stored(data, _tag(data))

    def exists(self, path: str) -> bool:
        at = self._at(path)
        with refusals_explained(at):
            try:
                at.stat()
            except FileNotFoundError:
                return False
            return at.is_file()

    def digest(self, path: str) -> Digest:
        with self._reading(path) as at:
            return digest_of(at)

    def create(self, path: str, data: bytes) -> None:
        with self._written(data) as scratch:
            self._link(scratch, path)

    def create_file(self, path: str, local: Path) -> None:
        with refusals_explained(local):
            sync(local)
        self._link(local, path)
        with refusals_explained(local):
            local.unlink()

    def replace_file(self, path: str, local: Path) -> None:
        at = self._at(path)
        with refusals_explained(at):
            sync(local)
            make_folder(at.parent)
            local.replace(at)
            sync(at.parent)

    def copy(self, source: str, target: str) -> None:
        if not self.exists(source):
            raise _missing(self._at(source))
        self._link(self._at(source), target)

    def swap(self, path: str, data: bytes, expect: str | None) -> str:
        at = self._at(path)
        with self._written(data) as scratch, self._locked():
            if self._tag_of(at) != expect:
                raise SwapRefused(
                    f"{at} was changed by someone else since it was read; nothing was written. "
                    "Read it again."
                )
            with refusals_explained(at):
                make_folder(at.parent)
                scratch.replace(at)
                sync(at.parent)
        return _tag(data)

    def list(self, folder: str) -> list[str]:
        below = self._at(folder) if folder else self.root
        return sorted(at.relative_to(self.root).as_posix() for at in self._files(below))

    def delete(self, path: str) -> None:
        at = self._at(path)
        with refusals_explained(at):
            if at.is_dir() and not at.is_symlink():
                _empty(at)
            else:
                try:
                    at.unlink()
                except FileNotFoundError:
                    return
        for parent in at.relative_to(self.root).parents[:-1]:
            _remove_if_empty(self.root / parent)

    def scan(self, path: str) -> pl.LazyFrame:
        if not self.exists(path):
            raise _missing(self._at(path))
        return pl.scan_parquet(self._at(path), glob=False, hive_partitioning=False)

    def scratch(self) -> Path:
        parent = self.root / ".scratch"
        with refusals_explained(parent):
            return scratch_folder(parent)

    def check(self) -> None:
        with refusals_explained(self.root):
            absent = [at for at in (self.root, *self.root.parents) if not at.exists()]
        try:
            prove(self)
        finally:
            if absent:
                self._vanish(absent)

    def _at(self, path: str) -> Path:
        return self.root / checked(path)

    def _tag_of(self, at: Path) -> str | None:
        with refusals_explained(at), suppress(FileNotFoundError):
            return _tag(at.read_bytes())
        return None

    @contextmanager
    def _reading(self, path: str) -> Iterator[Path]:
        at = self._at(path)
        with refusals_explained(at):
            try:
                yield at
            except FileNotFoundError as error:
                raise _missing(at) from error

    @contextmanager
    def _written(self, data: bytes) -> Iterator[Path]:
        """The data in a scratch file that is already on the disk."""
        scratch = self.scratch() / uuid.uuid4().hex
        try:
            with refusals_explained(scratch):
                write_durably(scratch, data)
            yield scratch
        finally:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)

    def _link(self, file: Path, path: str) -> None:
        at = self._at(path)
        with refusals_explained(at):
            try:
                _link_into_folder(file, at)
            except FileExistsError as error:
                raise ObjectExists(
                    f"{at} exists already; objects are created once and it was left as it is."
                ) from error
            sync(at.parent)

    def _files(self, below: Path) -> Iterator[Path]:
        with refusals_explained(below):
            for here, folders, files in os.walk(below, onerror=_raise_unless_missing):
                folders[:] = [name for name in folders if not name.startswith(".")]
                yield from (Path(here, name) for name in files if not name.startswith("."))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One swap at a time, across threads and processes; a crash frees the lock."""
        lock = self.root / ".lock"
        with refusals_explained(lock):
            descriptor = _open_and_lock(lock)
        try:
            yield
        finally:
            # A child forked meanwhile shares the lock; closing alone would leave it held.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def _vanish(self, absent: Sequence[Path]) -> None:
        """Take away again what the check had to make, unless somebody began to use it."""
        with suppress(OSError, StoreUnavailable):
            self.scratch().rmdir()
            (self.root / ".scratch").rmdir()
            if [at.name for at in self.root.iterdir()] == [".lock"]:
                (self.root / ".lock").unlink()
            for folder in absent:
                folder.rmdir()


def _link_into_folder(file: Path, at: Path) -> None:
    for pause in (0.0, 0.001, 0.01, 0.1, None):
        try:
            make_folder(at.parent)
            return at.hardlink_to(file)
        except FileNotFoundError:
            # Somebody's delete may take the still empty folder away in between.
            if pause is None:
                raise
            time.sleep(pause)
    return None


def _open_and_lock(lock: Path) -> int:
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        make_folder(lock.parent)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        if _lock(descriptor) and _is_still(lock, descriptor):
            return descriptor
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                f"{lock} has been held by another process for {LOCK_SECONDS:.0f} s. "
                "See which process that is, then run this again."
            )
        time.sleep(0.01)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_still(lock: Path, descriptor: int) -> bool:
    """Whether the file that was locked is the one that others will find."""
    try:
        return os.path.samestat(lock.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _empty(folder: Path) -> None:
    for here, folders, files in os.walk(folder, topdown=False, onerror=_raise_unless_missing):
        for name in files + [one for one in folders if Path(here, one).is_symlink()]:
            Path(here, name).unlink(missing_ok=True)
        _remove_if_empty(Path(here))


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _missing(at: Path) -> ObjectMissing:
    return ObjectMissing(f"{at} does not exist.")


def _tag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()

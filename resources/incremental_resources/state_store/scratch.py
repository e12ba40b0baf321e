"""Directories for files in the making, one per process, and the removal of what was left behind.

A directory's name says which process it belongs to, so that a killed one's files can go at once and
another machine's (on a shared disk) after a day.
"""

import errno
import fnmatch
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from incremental_resources.processes import Process, place, started
from incremental_resources.state_store.errors import StoreUnavailable

STALE_SECONDS = 24 * 60 * 60


def scratch_folder(parent: Path) -> Path:
    """This process's directory below ``parent``; those of finished processes are removed.

    Neither may be a link: what is removed, or written over, is never somebody's elsewhere.
    """
    mine = parent / _owned(os.getpid())
    if not _is_folder(mine):
        parent.mkdir(parents=True, exist_ok=True)
        sweep(parent)
        mine.mkdir(mode=0o700, exist_ok=True)
    for at in (parent, mine):
        if not _is_folder(at):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(at))
    return mine


def private_scratch() -> Path:
    """This process's directory where temporary files go, for us alone. Raises as private_folder."""
    parent = Path(tempfile.gettempdir()) / f"incremental-assets-{os.geteuid()}"
    private_folder(parent)
    return scratch_folder(parent)


def private_folder(folder: Path) -> None:
    """Create a directory for us alone, or see that it is one: others may write beside it.

    Raises:
        StoreUnavailable: something else is there, or others may use it.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not ours or found.st_mode & 0o077:
        raise StoreUnavailable(
            f"{folder} is not a directory that belongs to us alone. Remove it, or let TMPDIR name "
            "a directory of your own.",
            transient=False,
        )


def sweep(parent: Path) -> None:
    """Remove the directories whose process is gone or which nobody touched for a day."""
    folder = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        with os.scandir(folder) as entries:
            names = fnmatch.filter((entry.name for entry in entries), "*-*-*")
        for name in names:
            if _is_leftover(name, folder):
                shutil.rmtree(name, ignore_errors=True, dir_fd=folder)
    finally:
        os.close(folder)


def owner(pid: int) -> str:
    """A name that no other process has, now or later."""
    return f"{_place()}-{pid}-{started(pid) or 'gone'}"


def is_gone(name: str) -> bool:
    """Whether ``name`` is the ``owner`` of a process of this machine that has ended."""
    where, _, rest = name.partition("-")
    pid, _, start = rest.partition("-")
    return where == _place() and pid.isdigit() and Process(place(), int(pid), start).has_ended


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _is_leftover(name: str, parent: int) -> bool:
    try:
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        return stat.S_ISDIR(found.st_mode) and (is_gone(name) or _is_stale(name, parent))
    except FileNotFoundError:
        return False


def _is_stale(name: str, parent: int) -> bool:
    newest = max(_touched(name, parent), default=time.time())
    return time.time() - newest > STALE_SECONDS


def _touched(name: str, parent: int) -> Iterator[float]:
    """When it and everything in it was last changed."""
    for _, folders, files, at in os.fwalk(name, dir_fd=parent):
        yield os.fstat(at).st_mtime
        for one in (*folders, *files):
            yield os.stat(one, dir_fd=at, follow_symlinks=False).st_mtime


@cache
def _owned(pid: int) -> str:
    """The name of this process, which asks for it often."""
    return owner(pid)


@cache
def _place() -> str:
    """This machine since it was started, and this container on it: where a pid means something."""
    return hashlib.sha256("\n".join(place()).encode()).hexdigest()[:12]

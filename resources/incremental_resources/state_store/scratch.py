"""Directories for files in the making, one per process, and the removal of what was left behind.

A directory's name says which process it belongs to, so that a killed one's files can go at once and
another machine's (on a shared disk) after a day.
"""

import hashlib
import os
import shutil
import time
from functools import cache
from pathlib import Path

from incremental_resources.processes import Process, place, started

STALE_SECONDS = 24 * 60 * 60


def scratch_folder(parent: Path) -> Path:
    """This process's directory below ``parent``; those of finished processes are removed."""
    mine = parent / _owned(os.getpid())
    if not mine.is_dir():
        sweep(parent)
        mine.mkdir(parents=True, exist_ok=True)
    return mine


def sweep(parent: Path) -> None:
    """Remove the directories whose process is gone or which nobody touched for a day."""
    for folder in parent.glob("*-*-*"):
        if _is_leftover(folder):
            shutil.rmtree(folder, ignore_errors=True)


def owner(pid: int) -> str:
    """A name that no other process has, now or later."""
    return f"{_place()}-{pid}-{started(pid) or 'gone'}"


def is_gone(name: str) -> bool:
    """Whether ``name`` is the ``owner`` of a process of this machine that has ended."""
    where, _, rest = name.partition("-")
    pid, _, start = rest.partition("-")
    return where == _place() and pid.isdigit() and Process(place(), int(pid), start).has_ended


def _is_leftover(folder: Path) -> bool:
    return is_gone(folder.name) or _is_stale(folder)


def _is_stale(folder: Path) -> bool:
    try:
        newest = max(at.stat().st_mtime for at in (folder, *folder.rglob("*")))
    except FileNotFoundError:
        return False
    return time.time() - newest > STALE_SECONDS


@cache
def _owned(pid: int) -> str:
    """The name of this process, which asks for it often."""
    return owner(pid)


@cache
def _place() -> str:
    """This machine since it was started, and this container on it: where a pid means something."""
    return hashlib.sha256("\n".join(place()).encode()).hexdigest()[:12]

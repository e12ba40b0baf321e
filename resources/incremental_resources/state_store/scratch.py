"""Directories for files in the making, one per process, and the removal of what was left behind.

A directory's name says which process it belongs to, so that a killed one's files can go at once and
another machine's (on a shared disk) after a day.
"""

import hashlib
import os
import shutil
import socket
import time
from functools import cache
from pathlib import Path

from incremental_resources.processes import started

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
    return f"{_host()}-{pid}-{started(pid) or 'gone'}"


def is_gone(name: str) -> bool:
    """Whether ``name`` is the ``owner`` of a process of this machine that has ended."""
    host, _, rest = name.partition("-")
    pid = rest.partition("-")[0]
    return host == _host() and pid.isdigit() and name != owner(int(pid))


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
def _host() -> str:
    """This machine since it was started, and this container on it: where a pid means something."""
    facts = [socket.gethostname()]
    for path in (Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")):
        try:
            facts.append(str(path.readlink()) if path.is_symlink() else path.read_text())
        except OSError:
            facts.append("")
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]

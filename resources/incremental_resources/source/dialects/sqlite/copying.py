"""Copies an SQLite file and its write-ahead log as they are at one moment; a program of its own.

It runs in a process of its own, with the standard library alone: closing a file gives up all locks
of a process on it, those of SQLite connections too. Arguments: the file, the copy, the seconds.
"""

import fcntl
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

# How it ends: sysexits.h.
NO_MOMENT, CANNOT_WRITE, CANNOT_READ = 75, 73, 77
# Of -shm, where SQLite keeps its locks (https://www.sqlite.org/walformat.html). Whoever shares the
# first keeps the log from being written back into the file; the second, from being begun anew.
FIRST_LOCK, LOCKS = 123, 2
# File systems stamp changes with a clock that ticks every 10 ms or faster.
TICK_SECONDS = 0.03
HEADER_BYTES = 32
CHUNK_BYTES = 1024 * 1024


class State(NamedTuple):
    """What moves when the content does, appending to the log apart."""

    file: "tuple[int, ...]"
    # Magic, version, page size, checkpoint number, salts, checksum: new with every restart.
    log_header: bytes


def copy(main: str, target: str, seconds: float) -> int:
    """Make both copies; how the program is to end."""
    until = time.monotonic() + seconds
    while True:
        if _copied(main, target):
            return 0
        if time.monotonic() > until:
            return NO_MOMENT
        time.sleep(TICK_SECONDS / 3)


def _copied(main: str, target: str) -> bool:
    """Whether no checkpoint wrote to the file meanwhile: then the log only grew."""
    locks = _shared(f"{main}-shm")
    try:
        # Even so the last one to close the file may write to it, who asks for no lock there.
        time.sleep(_seconds_to_wait(Path(main).stat().st_mtime))
        before = state(main)
        _copy(main, target)
        Path(f"{target}-wal").unlink(missing_ok=True)
        if before.log_header:
            _copy(f"{main}-wal", f"{target}-wal")
        return state(main) == before
    except FileNotFoundError:
        # Closed meanwhile: without its log.
        return False
    finally:
        if locks is not None:
            os.close(locks)


def _shared(path: str) -> "int | None":
    """Take the locks; None where there are none to take, or somebody has one for himself."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, LOCKS, FIRST_LOCK)
    except OSError:
        os.close(file)
        return None
    return file


def _seconds_to_wait(changed: float) -> float:
    """Until another change would get another stamp."""
    age = time.time() - changed
    return TICK_SECONDS - age if 0 <= age < TICK_SECONDS else 0.0


def state(main: str) -> State:
    """Raises FileNotFoundError without the file, PermissionError where its log cannot be read."""
    found = Path(main).stat()
    try:
        with Path(f"{main}-wal").open("rb") as log:
            header = log.read(HEADER_BYTES)
    except FileNotFoundError:
        header = b""
    stamps = (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    return State((found.st_dev, found.st_ino, *stamps), header)


def _copy(source: str, target: str) -> None:
    with Path(source).open("rb") as given, Path(target).open("wb") as made:
        while chunk := given.read(CHUNK_BYTES):
            made.write(chunk)


if __name__ == "__main__":
    try:
        sys.exit(copy(sys.argv[1], sys.argv[2], float(sys.argv[3])))
    except OSError as error:
        sys.stderr.write(f"{error.filename or sys.argv[2]}: {error.strerror}")
        sys.exit(CANNOT_READ if isinstance(error, PermissionError) else CANNOT_WRITE)

"""How an SQLite file is opened so that it, its folder and its other users do not notice.

With a rollback journal SQLite itself reads without a trace. With a write-ahead log (WAL) it makes
or changes ``-wal`` and ``-shm``, which the application may then be unable to write: there the file
is read as one that does not change, or from a private copy. What is read is said elsewhere.
"""

import inspect
import shutil
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from incremental_resources.source.dialects.sqlite import copying
from incremental_resources.source.dialects.sqlite.copying import (
    CANNOT_READ,
    HEADER_BYTES,
    NO_MOMENT,
    TICK_SECONDS,
    state,
)
from incremental_resources.source.errors import AccessDenied, QueryFailed, SourceUnavailable
from incremental_resources.state_store.scratch import private_scratch

PROGRAM = inspect.getsource(copying)


@dataclass(frozen=True)
class Snapshot:
    """A URI to open, and whether what was read through it so far is of one moment."""

    uri: str
    is_whole: Callable[[], bool]
    # A private directory to be removed afterwards.
    folder: Path | None = None


def snapshot_of(path: str, seconds: float) -> Snapshot:
    """The file as it is now; waits ``seconds`` for a moment in which it can be had whole.

    Raises:
        sqlite3.Error: it cannot be opened.
        SourceUnavailable: it is written to all the time.
        AccessDenied, QueryFailed: it, or its log, cannot be copied.
    """
    if not _has_log(path):
        return Snapshot(_uri(path, "mode=ro"), _always)
    # The log is beside the file itself, wherever links to it are.
    real = Path(path).resolve()
    return _as_it_stands(real) or _copy_of(real, seconds)


def _has_log(path: str) -> bool:
    """Whether the file is in WAL mode.

    Never asked by opening it without SQLite: closing it would give up the locks that other
    connections of this process hold on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    with suppress(OSError):
        if Path(path).stat().st_size == 0:
            return False
    try:
        # Without locks, and so without shared memory, SQLite refuses a write-ahead log.
        _ask(_uri(path, "mode=ro&nolock=1"))
    except sqlite3.Error as error:
        if not _cannot_open(error):
            return False
    else:
        return False
    try:
        _ask(_uri(path, "mode=ro&immutable=1"))
    except sqlite3.Error as error:
        if _cannot_open(error):
            raise
    return True


def _cannot_open(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CANTOPEN


def _ask(uri: str) -> None:
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.execute("pragma schema_version").fetchone()


def _as_it_stands(real: Path) -> Snapshot | None:
    """The file alone, where it is all there is; None where its log holds something.

    Only a checkpoint changes it, and moves its stamp.
    """
    try:
        before = state(str(real))
    except PermissionError as error:
        raise _unreadable(str(error.filename)) from None
    changed = real.stat().st_mtime
    if len(before.log_header) == HEADER_BYTES or 0 <= time.time() - changed < TICK_SECONDS:
        return None

    def is_whole() -> bool:
        return state(str(real)).file == before.file

    return Snapshot(_uri(real, "mode=ro&immutable=1"), is_whole)


def _copy_of(real: Path, seconds: float) -> Snapshot:
    folder = _private_folder()
    copy = folder / real.name
    # -I and -S: nothing but the standard library, whatever the environment says.
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, str(real), str(copy), str(seconds)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _no_room(str(error)) from None
    if done.returncode == 0:
        return Snapshot(_uri(copy, "mode=ro"), _always, folder)
    shutil.rmtree(folder, ignore_errors=True)
    if done.returncode == NO_MOMENT:
        raise SourceUnavailable(
            f"the file {real} was written to again and again for {seconds:g} s, so that no moment "
            "of it could be read. Refresh again when less is written."
        )
    words = done.stderr.strip()[-500:]
    raise _unreadable(words) if done.returncode == CANNOT_READ else _no_room(words)


def _private_folder() -> Path:
    try:
        folder = private_scratch() / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise _no_room(str(error)) from None
    return folder


def _unreadable(words: str) -> AccessDenied:
    return AccessDenied(
        f"{words} cannot be read. A file with a write-ahead log is read with it: give this user "
        "read permission for both."
    )


def _no_room(words: str) -> QueryFailed:
    return QueryFailed(
        f"while its write-ahead log is in use the file is read from a private copy, and that could "
        f"not be made ({words}). Make room there, or let TMPDIR name another directory."
    )


def _uri(path: str | Path, options: str) -> str:
    return f"{Path(path).absolute().as_uri()}?{options}"


def _always() -> bool:
    return True

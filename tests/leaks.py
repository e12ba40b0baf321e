"""Looking for a secret wherever something could have been written down, decoded where it is packed.

A secret is looked for by its core, letters and digits that no quoting or escaping changes.
"""

import sqlite3
import subprocess
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pyarrow.parquet as pq

# What has to be quoted in a URL, in JSON, in SQL, in a shell, in a libpq string; not in ASCII.
AWKWARD = """ @/:?#%&=+"'`\\$ü€"""


def awkward(core: str) -> str:
    """A secret with this core."""
    return f"{core}{AWKWARD}{core}"


def in_text(where: str, text: str | bytes, cores: Iterable[str]) -> list[str]:
    """The cores that stand in a text, with the place."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return [f"{core} in {where}" for core in cores if core.encode() in raw]


def in_folder(root: Path, cores: Iterable[str]) -> list[str]:
    """The cores in any file below ``root``, as it stands or unpacked, or in any file's name."""
    files = [path for path in root.rglob("*") if path.is_file()]
    assert files, f"nothing to search in {root}"
    return [
        found
        for path in files
        for content in _contents(path)
        for found in in_text(str(path), content, cores)
    ]


def _contents(path: Path) -> Iterator[str | bytes]:
    yield str(path)
    # SQLite's own working files come and go while a daemon runs.
    with suppress(FileNotFoundError):
        yield path.read_bytes()
    if path.suffix == ".parquet":
        yield str(pq.ParquetFile(path).read().to_pydict())
        yield str(pq.ParquetFile(path).schema_arrow.metadata)
    elif path.suffix == ".db":
        with closing(sqlite3.connect(path)) as database:
            yield from _cells(database)


def _cells(database: sqlite3.Connection) -> Iterator[str | bytes]:
    """All that an instance keeps; snapshots of definitions are compressed."""
    tables = database.execute("select name from sqlite_schema where type = 'table'").fetchall()
    for (table,) in tables:
        for row in database.execute(f'select * from "{table}"'):
            for cell in row:
                if isinstance(cell, bytes):
                    try:
                        yield zlib.decompress(cell)
                    except zlib.error:
                        yield cell
                elif isinstance(cell, str):
                    yield cell


class Watch:
    """What the command lines of all processes held while it lasted."""

    def __init__(self, cores: Iterable[str]) -> None:
        self.cores = tuple(cores)
        self.found: set[str] = set()
        self.seen: set[str] = set()

    def look(self) -> None:
        for told in _command_lines():
            self.seen.add(told)
            self.found |= set(in_text(f"process {told[:200]}", told, self.cores))


def _command_lines() -> Iterator[str]:
    if not Path("/proc/self/cmdline").exists():
        shown = subprocess.run(
            ["ps", "-ewwo", "args"], capture_output=True, text=True, check=True, errors="replace"
        )
        yield from shown.stdout.splitlines()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        # The process may have ended meanwhile.
        with suppress(OSError):
            yield file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")


@contextmanager
def watched_processes(cores: Iterable[str]) -> Iterator[Watch]:
    """Look again and again at all processes' command lines."""
    watch, over = Watch(cores), threading.Event()

    def look_around() -> None:
        while not over.wait(0.1):
            watch.look()

    thread = threading.Thread(target=look_around)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()

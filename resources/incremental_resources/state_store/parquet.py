"""Frames as Parquet files: compressed, with statistics, in row groups that a scan can skip.

Files are written to the store's scratch directory first and handed over whole, rolled at so many
rows that each stays easy to move and to read.
"""

import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from incremental_resources.state_store.files import digest_of, explained
from incremental_resources.state_store.manifest import FileEntry
from incremental_resources.state_store.objects import ObjectStore

ROWS_PER_GROUP = 100_000
# Of a frame in memory: while Polars writes 50,000 tables in one group it takes 140 MB more.
ROWS_PER_GROUP_IN_MEMORY = 20_000
ROWS_PER_FILE = 5_000_000

Frame = pl.DataFrame | pl.LazyFrame


def store_frame(
    objects: ObjectStore,
    folder: str,
    entity: str,
    frame: Frame,
    paths: Callable[[int], Sequence[str]],
) -> list[FileEntry]:
    """Write the frame as one object or several, in the order of its rows. Raises ObjectExists.

    ``paths`` says, for a number of files, where below ``folder`` they are to be.
    """
    with _scratch_folder(objects) as scratch:
        with _failures_explained(scratch):
            files = _write(frame, scratch)
        return [
            _hand_over(objects, folder, path, entity, file)
            for path, file in zip(paths(len(files)), files, strict=True)
        ]


def part_names(count: int) -> list[str]:
    """The names of the files of rows that are kept in parts."""
    return [f"part-{number:05}.parquet" for number in range(count)]


def measure(objects: ObjectStore, folder: str, path: str, entity: str) -> FileEntry:
    """What a stored object holds. Raises ObjectMissing."""
    stored = f"{folder}/{path}"
    rows = _rows(objects.scan(stored))
    return FileEntry(path=path, entity=entity, rows=rows, **vars(objects.digest(stored)))


@contextmanager
def _scratch_folder(objects: ObjectStore) -> Iterator[Path]:
    folder = objects.scratch() / uuid.uuid4().hex
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise explained(error, folder) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(frame: Frame, scratch: Path) -> list[Path]:
    if isinstance(frame, pl.DataFrame) and frame.height <= ROWS_PER_FILE:
        frame.write_parquet(scratch / "whole.parquet", row_group_size=ROWS_PER_GROUP_IN_MEMORY)
        return [scratch / "whole.parquet"]
    target = pl.PartitionBy(
        scratch, max_rows_per_file=ROWS_PER_FILE, approximate_bytes_per_file=None
    )
    frame.lazy().sink_parquet(target, row_group_size=ROWS_PER_GROUP)
    # Nothing is written for a frame without rows.
    return sorted(scratch.iterdir()) or _write(frame.lazy().collect(), scratch)


def _hand_over(objects: ObjectStore, folder: str, path: str, entity: str, file: Path) -> FileEntry:
    rows = _rows(pl.scan_parquet(file, glob=False, hive_partitioning=False))
    entry = FileEntry(path=path, entity=entity, rows=rows, **vars(digest_of(file)))
    objects.create_file(f"{folder}/{path}", file)
    return entry


def _rows(frame: pl.LazyFrame) -> int:
    """Answered from the file's footer."""
    return int(frame.select(pl.len()).collect().item())


@contextmanager
def _failures_explained(path: Path) -> Iterator[None]:
    """Polars reports a full disk while writing as a ComputeError that ends in the errno."""
    try:
        yield
    except OSError as error:
        raise explained(error, path) from None
    except pl.exceptions.ComputeError as error:
        found = re.search(r"\(os error (\d+)\)", str(error))
        if found is None:
            raise
        raise explained(OSError(int(found[1]), str(error)), path) from None

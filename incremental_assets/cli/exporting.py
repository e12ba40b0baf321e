"""Writing one file for others: whole or not at all, with memory that does not grow with its rows.

Which rows a file gets is decided by the command; what a diff has, in ``changes``.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import polars as pl

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S%.6fZ"
# A spreadsheet takes a cell that begins like this for a formula, also where it is quoted.
FORMULA = r"^[=+\-@\t\r\n]"


def write_parquet(frame: pl.LazyFrame, target: Path) -> None:
    """Types, nulls and text as they are."""
    frame.sink_parquet(target)


def write_csv(frame: pl.LazyFrame, target: Path) -> None:
    """All text in quotes, as it is; a missing value is empty, without quotes."""
    frame.sink_csv(target, quote_style="non_numeric", datetime_format=TIME_FORMAT)


def without_formulas(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Text that a spreadsheet would run gets a ' in front; reading it back needs to know that."""
    text = pl.col(pl.String)
    guarded = pl.when(text.str.contains(FORMULA)).then(pl.lit("'") + text).otherwise(text)
    return frame.with_columns(guarded.name.keep())


def write_jsonl(frame: pl.LazyFrame, target: Path) -> None:
    """One JSON object per row; times as text in UTC."""
    frame.with_columns(pl.col(pl.Datetime).dt.strftime(TIME_FORMAT)).sink_ndjson(target)


WRITERS: Mapping[str, Callable[[pl.LazyFrame, Path], None]] = {
    "parquet": write_parquet,
    "csv": write_csv,
    "jsonl": write_jsonl,
}


def to_file(write: Callable[[Path], None], output: Path) -> None:
    """Write ``output``; until it is whole, what was there before stays. So does a file's mode.

    Raises:
        OSError: it cannot be written; nothing was changed.
    """
    # Through a link, so that the link stays one.
    target = output.resolve()
    with _scratch(target.parent) as scratch:
        if target.exists():
            mode = stat.S_IMODE(target.stat().st_mode)
        else:
            mode = stat.S_IMODE(scratch.stat().st_mode)
        write(scratch)
        with scratch.open("rb") as written:
            os.fsync(written.fileno())
        scratch.chmod(mode)
        scratch.replace(target)


def to_stream(write: Callable[[Path], None], stream: BinaryIO) -> None:
    """Write to ``stream`` what a file would hold, once all of it is known to be there."""
    with _scratch(None) as scratch:
        write(scratch)
        with scratch.open("rb") as written:
            shutil.copyfileobj(written, stream)
        stream.flush()


@contextmanager
def _scratch(beside: Path | None) -> Iterator[Path]:
    """An empty file in a directory that is ours alone, in ``beside`` or where temporary files go.

    Until it is moved out of there nobody else can read it, or put something in its place.
    """
    # Python says plainly why a folder cannot be written to; Polars does not.
    with tempfile.TemporaryDirectory(prefix=".incremental-assets-", dir=beside) as private:
        scratch = Path(private) / "export"
        scratch.open("xb").close()
        yield scratch

"""Rows of a driver's cursor as Polars frames with exactly the columns asked for.

Which statement is run, and where, is not decided here.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import polars as pl

from incremental_resources.source.errors import SchemaDrift

# Three batches at a time: frames of 50,000 rows would take 100 MB more.
FRAME_ROWS = 10_000
# Fewer new tuples at once than make the garbage collector run: larger slices take twice the time.
SLICE_ROWS = 500

NOT_CAST = (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError)


class Cursor(Protocol):
    """What is used of a DBAPI cursor."""

    def fetchmany(self, size: int, /) -> Sequence[Sequence[Any]]:
        """The next rows, none at the end."""


def check_columns(returned: Sequence[str], expected: Sequence[str]) -> None:
    """Refuse a result whose columns are not the expected ones; their order is free."""
    missing = [name for name in expected if name not in returned]
    extra = [name for name in returned if name not in expected]
    twice = sorted({name for name in returned if returned.count(name) > 1})
    wrong = {"misses": missing, "has unexpected": extra, "repeats": twice}
    told = "; ".join(f"it {what} {', '.join(names)}" for what, names in wrong.items() if names)
    if told:
        raise SchemaDrift(f"the query's columns are not the entity's: {told}. Fix the SQL file.")


def frames(
    cursor: Cursor, names: Sequence[str], schema: Mapping[str, pl.DataType], database: str | None
) -> Iterator[pl.DataFrame]:
    """Frames of at most ``FRAME_ROWS`` rows in the order of ``schema``; none for an empty result.

    ``names`` are the cursor's columns; with ``database`` that column is filled in.
    """
    while values := _columns(cursor, names):
        yield pl.DataFrame(
            [
                series(name, values[name], dtype)
                if name in values
                else pl.repeat(database, len(values[names[0]]), dtype=dtype, eager=True).alias(name)
                for name, dtype in schema.items()
            ]
        )


def _columns(cursor: Cursor, names: Sequence[str]) -> dict[str, list[Any]]:
    """The next rows, turned into columns; empty at the end."""
    columns: list[list[Any]] = [[] for _ in names]
    read = 0
    while read < FRAME_ROWS and (rows := cursor.fetchmany(SLICE_ROWS)):
        read += len(rows)
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
    return dict(zip(names, columns, strict=True)) if read else {}


def series(name: str, values: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    """``values`` as ``dtype``; what the driver returned otherwise (0 for false, say) is cast."""
    try:
        return pl.Series(name, values, dtype=dtype)
    except NOT_CAST:
        try:
            return pl.Series(name, values).cast(dtype)
        except NOT_CAST as error:
            reason = str(error).splitlines()[0]
    raise SchemaDrift(f"the query's column {name} cannot be read as {dtype}: {reason}")

"""Rows of a cursor as frames."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import polars as pl
import pytest

from incremental_resources.source import frames as module
from incremental_resources.source.errors import SchemaDrift
from incremental_resources.source.frames import check_columns, frames, series

SCHEMA = {"database": pl.String(), "name": pl.String(), "ordinal": pl.Int32()}


class Cursor:
    """A DBAPI cursor over given rows that counts the calls."""

    def __init__(self, rows: Sequence[tuple[object, ...]]) -> None:
        self._rows = list(rows)
        self.calls = 0

    def fetchmany(self, size: int, /) -> list[tuple[object, ...]]:
        self.calls += 1
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken


def test_no_rows_make_no_frame() -> None:
    assert list(frames(Cursor([]), ["name", "ordinal"], SCHEMA, "shop")) == []


def test_columns_are_put_in_order_and_the_database_is_filled_in() -> None:
    (frame,) = frames(Cursor([(1, "a"), (None, None)]), ["ordinal", "name"], SCHEMA, "shop")
    assert frame.schema == SCHEMA
    assert frame.rows() == [("shop", "a", 1), ("shop", None, None)]


@pytest.mark.parametrize("rows", [1, 499, 500, 501, 1000, 1001])
def test_no_row_is_lost_between_slices_and_frames(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRAME_ROWS", 1000)
    made = [("n", number) for number in range(rows)]
    found = list(frames(Cursor(made), ["name", "ordinal"], SCHEMA, "shop"))
    assert max(frame.height for frame in found) <= 1000
    assert pl.concat(found)["ordinal"].to_list() == list(range(rows))


def test_a_frame_is_made_before_the_next_rows_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRAME_ROWS", 500)
    cursor = Cursor([("n", 1)] * 5000)
    next(frames(cursor, ["name", "ordinal"], SCHEMA, "shop"))
    assert cursor.calls == 1


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        (["name"], "it misses ordinal"),
        (["name", "ordinal", "colour"], "it has unexpected colour"),
        (["nom"], "it misses name, ordinal; it has unexpected nom"),
        (["name", "ordinal", "name"], "it repeats name"),
    ],
)
def test_other_columns_are_drift_and_are_named(returned: list[str], told: str) -> None:
    with pytest.raises(SchemaDrift, match=told):
        check_columns(returned, ["name", "ordinal"])


def test_the_order_of_columns_is_free() -> None:
    check_columns(["ordinal", "name"], ["name", "ordinal"])


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([0, 1, None], pl.Boolean(), [False, True, None]),
        ([Decimal(7), None], pl.Int64(), [7, None]),
        ([None, None], pl.Int32(), [None, None]),
        ([2**40], pl.Int64(), [2**40]),
        (
            [datetime(2026, 1, 31, 12, tzinfo=UTC)],
            pl.Datetime("us", "UTC"),
            [datetime(2026, 1, 31, 12, tzinfo=UTC)],
        ),
    ],
)
def test_what_the_driver_returned_otherwise_is_cast(
    values: list[object], dtype: pl.DataType, expected: list[object]
) -> None:
    assert series("x", values, dtype).to_list() == expected


@pytest.mark.parametrize(
    ("values", "dtype"),
    [(["x"], pl.Int32()), ([2**40], pl.Int32()), ([object()], pl.String()), ([1, "x"], pl.Int64())],
)
def test_what_cannot_be_cast_is_drift_that_names_the_column(
    values: list[object], dtype: pl.DataType
) -> None:
    with pytest.raises(SchemaDrift, match="column x cannot be read as"):
        series("x", values, dtype)

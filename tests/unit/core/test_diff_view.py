"""What of a diff is listed for people, and how a line of it reads."""

import json
from typing import Any

import polars as pl
import pytest

from incremental_assets.core.change import Comparison
from incremental_assets.core.compare import diff_schema
from incremental_assets.core.diff import diff
from incremental_assets.core.diff_lines import line_of
from incremental_assets.core.diff_view import changes_by_schema, condensed
from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_assets.core.scope import Scope
from tests.builders import column, schema, state, table

SAME = Comparison(Scope(), base_scope=Scope(), durable_ids=True, durable_ordinals=True)
BEFORE = state(
    schemas=[schema()],
    tables=[table("kept", "1"), table("dropped", "2"), table("moved", "3")],
    columns=[
        column("kept", "a"),
        column("dropped", "x"),
        column("dropped", "y", 2),
        column("moved", "m"),
        column("moved", "gone", 2),
    ],
)


def views(now: dict[str, pl.DataFrame]) -> Any:
    changes = diff(BEFORE, now, SAME)
    return condensed({name: rows.lazy() for name, rows in changes.items()})


def lines(view: Any) -> list[tuple[str, str, str]]:
    rows = view.rows.collect()
    return [line_of(view.entity, row) for row in rows.iter_rows(named=True)]


def test_the_columns_of_a_table_that_came_or_went_are_counted_in_its_line() -> None:
    found = views(
        state(
            schemas=[schema()],
            tables=[table("kept", "1"), table("moved", "3"), table("new", "4")],
            columns=[
                column("kept", "a"),
                column("moved", "m"),
                column("moved", "gone", 2),
                column("new", "n"),
            ],
        )
    )

    assert ("DELETED", "shop.public.dropped", "TABLE, 2 columns") in lines(found["tables"])
    assert ("CREATED", "shop.public.new", "TABLE, 1 column") in lines(found["tables"])
    assert lines(found["columns"]) == []
    assert found["columns"].not_listed == "3 that came or went with their table"


def test_a_column_that_came_to_a_table_that_stays_has_a_line() -> None:
    now = {**BEFORE, "columns": pl.concat([BEFORE["columns"], _columns(column("kept", "b", 2))])}

    assert lines(views(now)["columns"]) == [("CREATED", "shop.public.kept.b", "integer")]


def test_what_a_server_keeps_for_itself_is_counted_not_listed() -> None:
    now = state(
        schemas=[schema()],
        tables=[table("kept", "9"), table("dropped", "2"), table("moved", "3")],
        columns=[
            column("kept", "a", 5, data_type="text"),
            column("dropped", "x"),
            column("dropped", "y", 2),
            column("moved", "m"),
            column("moved", "gone", 2),
        ],
    )
    changes = diff(BEFORE, now, Comparison(Scope(), base_scope=Scope()))
    found = condensed({name: rows.lazy() for name, rows in changes.items()})

    assert lines(found["tables"]) == []
    assert found["tables"].not_listed == "native_id of 1"
    assert lines(found["columns"]) == [
        ("UPDATED", "shop.public.kept.a", 'data_type: "integer" → "text"')
    ]
    assert found["columns"].not_listed == "ordinal of 1"


def test_where_another_table_took_the_name_no_two_lines_are_the_same() -> None:
    now = state(
        schemas=[schema()],
        # `dropped` is gone, and `moved` has its name now, without its second column.
        tables=[table("kept", "1"), table("dropped", "3")],
        columns=[column("kept", "a"), column("dropped", "m")],
    )

    found = views(now)
    told = [*lines(found["tables"]), *lines(found["columns"])]

    assert len(told) == len(set(told))
    assert ("RENAMED", "shop.public.dropped", "was shop.public.moved") in told
    assert ("DELETED", "shop.public.dropped.gone", "integer (was shop.public.moved.gone)") in told


def updated(before: str, after: str) -> str:
    row = dict.fromkeys(("previous_database", "previous_schema", "previous_table"))
    values = {"before": json.dumps(before), "after": json.dumps(after), "attribute": "definition"}
    key = {"database": "shop", "schema": "public", "table": "v", "change": "UPDATED"}
    return line_of(TABLES, row | key | values)[2]


def test_long_texts_are_shown_around_what_differs() -> None:
    same = "SELECT " + ", ".join(f"column_{number}" for number in range(100))

    told = updated(f"{same} FROM orders;", f"{same} FROM purchases;")

    before, after = told.split(" → ")
    assert "FROM orders" in before
    assert "FROM purchases" in after
    assert before != after
    assert max(len(before), len(after)) < 120


@pytest.mark.parametrize(("before", "after"), [("a" * 500, "a" * 501), ("a" * 500, ""), ("", "b")])
def test_the_two_sides_always_differ(before: str, after: str) -> None:
    left, right = updated(before, after).removeprefix("definition: ").split(" → ")

    assert left != right


def _columns(*rows: Any) -> pl.DataFrame:
    return state(columns=rows)[COLUMNS.name]


def test_names_with_dots_are_counted_apart() -> None:
    rows = [
        {**table("t"), "database": "a.b", "schema": "c", "change": "CREATED"},
        {**table("t"), "database": "a", "schema": "b.c", "change": "CREATED"},
        {**table("u"), "database": "a", "schema": "b.c", "change": "CREATED"},
    ]
    told = [{name: row.get(name) for name in diff_schema(TABLES)} for row in rows]
    diffs = {"tables": pl.LazyFrame(told, schema=diff_schema(TABLES))}
    counts = changes_by_schema(diffs).select("schema", "objects").rows()
    assert counts == [('a."b.c"', 2), ('"a.b".c', 1)]

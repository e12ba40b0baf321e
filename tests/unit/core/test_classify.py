"""What happened to each table since the base version, and which ones are read again."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from incremental_assets.core.change import Comparison
from incremental_assets.core.classify import CLASSIFIED_SCHEMA, classify_tables
from incremental_assets.core.scope import Scope, split_tables
from tests.builders import database, frame, table

MARKER = datetime(2026, 1, 31, 12, tzinfo=UTC)
OLDER, YOUNGER = MARKER - timedelta(days=1), MARKER + timedelta(minutes=1)


def classified(base, listing, *, ids=True, names=("shop", "shop"), **options):
    """Rows as (table, change, previous table, known, reread)."""
    facts = {
        name: options.pop(name)
        for name in ("scope", "base_scope", "marker", "creation_times", "left_out", "outdated")
        if name in options
    }
    comparison = Comparison(
        **({"scope": Scope(), "base_scope": Scope(), "durable_ids": ids} | facts)
    )
    plan = classify_tables(
        frame("tables", listing),
        frame("tables", base),
        comparison,
        databases=frame("databases", [database(names[1])]),
        base_databases=frame("databases", [database(names[0])]),
        **options,
    )
    assert plan.schema == CLASSIFIED_SCHEMA
    assert plan.equals(plan.sort("database", "schema", "table"))
    return plan.select("table", "change", "previous_table", "known", "reread").rows()


TOKENS = [
    # base token, token, change
    ("x", "x", "NO_CHANGE"),
    ("x", "y", "UPDATED"),
    (None, "x", "UPDATED"),  # cleared by the last refresh
    ("x", None, "UPDATED"),  # a view without token is read every time
    (None, None, "UPDATED"),
]


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize(("before", "after", "change"), TOKENS)
def test_equal_tokens_and_nothing_else_mean_no_change(before, after, change, ids):
    rows = classified([table("a", "1", before)], [table("a", "1", after)], ids=ids)
    assert rows == [("a", change, None, True, change == "UPDATED")]


def test_the_first_listing_is_created():
    assert classified([], [table("a", "1")], base_scope=None) == [
        ("a", "CREATED", None, False, True)
    ]


def test_a_table_that_is_gone_is_deleted_and_not_read():
    assert classified([table("a", "1")], []) == [("a", "DELETED", None, True, False)]


RENAMES = {
    # what: base {name: id}, now {name: id}, (name, change, previous name) ...
    "rename": ({"a": "1"}, {"b": "1"}, [("b", "RENAMED", "a")]),
    "swap": (
        {"a": "1", "b": "2"},
        {"a": "2", "b": "1"},
        [("a", "RENAMED", "b"), ("b", "RENAMED", "a")],
    ),
    "chain": (
        {"a": "1", "b": "2"},
        {"b": "1", "c": "2"},
        [("b", "RENAMED", "a"), ("c", "RENAMED", "b")],
    ),
    "its name was taken": (
        {"a": "1"},
        {"a": "2", "b": "1"},
        [("a", "CREATED", None), ("b", "RENAMED", "a")],
    ),
    "its new name was freed": (
        {"a": "1", "b": "2"},
        {"b": "1"},
        [("b", "DELETED", None), ("b", "RENAMED", "a")],
    ),
    "recreated": ({"a": "1"}, {"a": "2"}, [("a", "UPDATED", None)]),
    "id not known any more": ({"a": "1"}, {"a": None}, [("a", "NO_CHANGE", None)]),
    "no ids": ({"a": None}, {"b": None}, [("a", "DELETED", None), ("b", "CREATED", None)]),
    "id not unique": (
        {"a": "1", "b": "1"},
        {"b": "1", "c": "1"},
        [("a", "DELETED", None), ("b", "NO_CHANGE", None), ("c", "CREATED", None)],
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), RENAMES.values(), ids=RENAMES)
def test_renames_follow_the_native_id(before, after, expected):
    base = [table(*row) for row in before.items()]
    rows = classified(base, [table(*row) for row in after.items()])
    assert {row[:3] for row in rows} == set(expected)
    assert all(row[-1] == (row[1] not in ("DELETED", "NO_CHANGE")) for row in rows)


def test_a_renamed_table_is_known_and_the_new_holder_of_its_name_is_not():
    rows = classified([table("a", "1")], [table("a", "2"), table("b", "1")])
    assert [(name, known) for name, _, _, known, _ in rows] == [("a", False), ("b", True)]


def test_without_durable_ids_nothing_is_renamed():
    rows = classified([table("a", "1")], [table("b", "1")], ids=False)
    assert [row[:2] for row in rows] == [("a", "DELETED"), ("b", "CREATED")]


def test_the_same_native_id_in_another_database_is_another_table():
    comparison = Comparison(Scope(), Scope(), durable_ids=True)
    both = frame("databases", [database("shop", "d1"), database("crm", "d2")])
    plan = classify_tables(
        frame("tables", [table("b", "1", database="crm")]),
        frame("tables", [table("a", "1")]),
        comparison,
        databases=both,
        base_databases=both,
    )
    assert plan["change"].to_list() == ["CREATED", "DELETED"]


def test_a_renamed_database_or_schema_renames_its_tables():
    now = [table("a", "1", database="store", schema="sales")]
    assert classified([table("a", "1")], now, names=("shop", "store")) == [
        ("a", "RENAMED", "a", True, True)
    ]


def test_a_full_refresh_reads_everything_and_keeps_the_other_words():
    base = [table("a", "1"), table("b", "2"), table("d", "4")]
    now = [table("a", "1"), table("c", "2"), table("e", "5")]
    assert classified(base, now, full=True) == [
        ("a", "UPDATED", None, True, True),
        ("c", "RENAMED", "b", True, True),
        ("d", "DELETED", None, True, False),
        ("e", "CREATED", None, False, True),
    ]


@pytest.mark.parametrize(
    ("altered_at", "change"),
    [(MARKER, "UPDATED"), (YOUNGER, "UPDATED"), (OLDER, "NO_CHANGE"), (None, "NO_CHANGE")],
)
def test_tables_altered_within_the_overlap_are_read_again(altered_at, change):
    rows = [table("a", "1", altered_at=altered_at)]
    assert classified(rows, rows, reread_since=MARKER)[0][1] == change
    assert classified(rows, rows)[0][1] == "NO_CHANGE"


SALES, ALL = Scope(include={"shop": ("sales",)}), Scope()


def test_everything_is_read_again_where_the_base_version_has_an_older_format():
    rows = classified(
        [table("a", "1", "x"), table("b", "2", "x")],
        [table("a", "1", "x"), table("c", "2", "x")],
        outdated=True,
    )
    assert rows == [("a", "BACKFILL", None, True, True), ("c", "RENAMED", "b", True, True)]


BACKFILLS = [
    # base scope, creation times, created at, change
    (SALES, False, None, "BACKFILL"),  # the filters were widened
    (SALES, True, OLDER, "BACKFILL"),
    (SALES, True, None, "BACKFILL"),
    (SALES, True, YOUNGER, "CREATED"),  # widened, but it was not there before
    (ALL, False, OLDER, "CREATED"),  # the dialect's creation times mean nothing
    (ALL, True, OLDER, "BACKFILL"),  # it was there and was not seen
    (ALL, True, MARKER, "CREATED"),
    (ALL, True, None, "CREATED"),
    (Scope(exclude_tables="a"), False, None, "BACKFILL"),
    (Scope(exclude_empty_tables=True), False, None, "BACKFILL"),  # the row is an empty table
    (Scope(entities=("databases",)), False, None, "BACKFILL"),
]


@pytest.mark.parametrize(("base_scope", "times", "created_at", "change"), BACKFILLS)
def test_what_was_there_before_is_backfill(base_scope, times, created_at, change):
    now = [table("a", "1", created_at=created_at, row_count=0)]
    rows = classified([], now, base_scope=base_scope, marker=MARKER, creation_times=times)
    assert rows == [("a", change, None, False, True)]


def test_a_view_is_backfill_after_views_were_switched_on():
    rows = classified([], [table("v", kind="VIEW")], base_scope=Scope(exclude_views=True))
    assert rows[0][1] == "BACKFILL"


def test_a_table_with_fewer_stored_columns_than_counted_is_backfill():
    tables = [table(name, name, column_count=2) for name in ("few", "none", "right", "more")]
    stored = pl.DataFrame(
        {
            "database": "shop",
            "schema": "public",
            "table": ["few", "right", "more"],
            "stored": [1, 2, 3],
        }
    )
    rows = classified(tables, tables, stored_counts=stored)
    assert {name: change for name, change, *_ in rows} == {
        "few": "BACKFILL", "none": "BACKFILL", "right": "NO_CHANGE", "more": "NO_CHANGE"
    }  # fmt: skip
    assert all(known for *_, known, _ in rows)


def test_switching_columns_on_reads_every_table_and_off_none():
    rows = [table("a", "1")]
    without = Scope(entities=("databases", "schemas", "tables"))
    assert classified(rows, rows, base_scope=without) == [("a", "BACKFILL", None, True, True)]
    assert classified(rows, rows, base_scope=without, scope=without) == [
        ("a", "NO_CHANGE", None, True, False)
    ]
    assert classified(rows, [table("a", "1", "x")], scope=without) == [
        ("a", "UPDATED", None, True, False)
    ]


OUT_OF_SCOPE = [
    # scope, base row, change
    (Scope(include={"shop": ("sales",)}), {}, "OUT_OF_SCOPE"),
    (Scope(exclude={"shop": ("public",)}), {}, "OUT_OF_SCOPE"),
    (Scope(only_database="crm"), {}, "OUT_OF_SCOPE"),
    (Scope(exclude_tables="a"), {}, "OUT_OF_SCOPE"),
    (Scope(exclude_views=True), {"kind": "VIEW"}, "OUT_OF_SCOPE"),
    (Scope(exclude_views=True), {"kind": "TABLE"}, "DELETED"),
    (Scope(entities=("databases", "schemas")), {}, "OUT_OF_SCOPE"),
    (Scope(), {}, "DELETED"),
]


@pytest.mark.parametrize(("scope", "row", "change"), OUT_OF_SCOPE)
def test_what_the_filters_leave_is_out_of_scope_and_not_deleted(scope, row, change):
    assert classified([table("a", "1", **row)], [], scope=scope)[0][1] == change


LEFT_OUT = [
    # listed as, change of the base's table a with id 1
    (table("a", "1", row_count=0), "OUT_OF_SCOPE"),  # it became empty
    (table("z", "1", row_count=0), "OUT_OF_SCOPE"),  # and was renamed: found by its id
    (table("z", "2", row_count=0), "DELETED"),
    (table("z", None, row_count=0), "DELETED"),
]


@pytest.mark.parametrize(("row", "change"), LEFT_OUT)
def test_a_table_that_the_options_leave_out_of_the_listing_is_out_of_scope(row, change):
    scope = Scope(exclude_empty_tables=True)
    admitted, left_out = split_tables(frame("tables", [row]), scope)
    assert admitted.is_empty()
    rows = classified([table("a", "1", row_count=5)], [], scope=scope, left_out=left_out)
    assert rows[0][1] == change


def test_names_are_compared_whole():
    base = [table("b.c", schema="a"), table('"'), table("Orders")]
    now = [table("c", schema="a.b"), table("'"), table("orders")]
    words = {(row[0], row[1]) for row in classified(base, now, ids=False)}
    assert {word for name, word in words if name in ("b.c", '"', "Orders")} == {"DELETED"}
    assert {word for name, word in words if name in ("c", "'", "orders")} == {"CREATED"}


def test_gone_tables_keep_what_the_base_version_knew():
    plan = classify_tables(
        frame("tables"),
        frame("tables", [table("a", "1", column_count=3)]),
        Comparison(Scope(), Scope()),
    )
    assert plan.select("native_id", "column_count").row(0) == ("1", 3)

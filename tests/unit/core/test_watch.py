"""Which rows of a diff break a rule, and which are taken over."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from incremental_assets.core.breaks import Break
from incremental_assets.core.entities import TABLES
from incremental_assets.core.watch import about, judged
from tests.builders import frame, table
from tests.shop_versions import diff_of

KINDS = [kind.value for kind in Break]


def key(name: str) -> dict[str, str]:
    return {"database": "shop", "schema": "public", "table": name}


def was(name: str) -> dict[str, str]:
    return {f"previous_{part}": value for part, value in key(name).items()}


CURRENT = frame(TABLES, [table("a"), table("v", kind="VIEW"), table("new"), table("now")])
TABLES_DIFF = diff_of(
    "tables",
    {**key("a"), "change": "UPDATED", "attribute": "comment"},
    {**key("a"), "change": "UPDATED", "attribute": "definition"},
    {**key("a"), "change": "UPDATED", "attribute": "native_id"},
    {**key("v"), "change": "UPDATED", "attribute": "definition"},
    {**key("gone"), "change": "DELETED"},
    {**key("hidden"), "change": "OUT_OF_SCOPE"},
    {**key("new"), "change": "CREATED"},
    {**key("now"), **was("then"), "change": "RENAMED"},
)
COLUMNS_DIFF = diff_of(
    "columns",
    {**key("a"), "column": "x", "change": "UPDATED", "attribute": "data_type"},
    {**key("a"), "column": "x", "change": "UPDATED", "attribute": "default"},
    {**key("a"), "column": "y", "change": "UPDATED", "attribute": "nullable", "after": "false"},
    {**key("a"), "column": "z", "change": "UPDATED", "attribute": "nullable", "after": "true"},
    {**key("a"), "column": "o", "change": "UPDATED", "attribute": "ordinal"},
    {**key("a"), "column": "late", "change": "CREATED"},
    {**key("gone"), "column": "x", "change": "DELETED"},
    {**key("hidden"), "column": "x", "change": "OUT_OF_SCOPE"},
    {**key("new"), "column": "x", "change": "CREATED"},
    {**key("now"), **was("then"), "column": "d", "previous_column": "d", "change": "DELETED"},
)


def told(*kinds: str) -> set[tuple[str, str]]:
    found = judged(TABLES_DIFF, COLUMNS_DIFF, kinds or KINDS, CURRENT).findings
    return {(one.kind, one.object.removeprefix("shop.public.")) for one in found}


def test_every_row_is_of_the_kind_it_is() -> None:
    assert told() == {
        ("comment_changed", "a"),
        ("definition_changed", "v"),
        ("table_deleted", "gone"),
        ("table_created", "new"),
        ("table_renamed", "now"),
        ("type_changed", "a.x"),
        ("default_changed", "a.x"),
        ("not_null_set", "a.y"),
        ("not_null_dropped", "a.z"),
        ("column_added", "a.late"),
        ("column_deleted", "now.d"),
    }


def test_a_table_that_is_gone_is_told_by_its_columns_where_nobody_asks_for_tables() -> None:
    assert told("column_deleted") == {("column_deleted", "gone.x"), ("column_deleted", "now.d")}


def test_what_breaks_nothing_is_taken_over_and_nothing_else() -> None:
    kinds = ["table_deleted", "table_renamed", "type_changed", "not_null_set"]
    harmless = judged(TABLES_DIFF, COLUMNS_DIFF, kinds, CURRENT).harmless
    tables = harmless["tables"].select("table", "change").rows()
    columns = harmless["columns"].select("table", "column", "attribute").rows()
    assert {name for name, _ in tables} == {"a", "v", "hidden", "new"}
    assert set(columns) == {
        ("a", "x", "default"),
        ("a", "z", "nullable"),
        ("a", "o", "ordinal"),
        ("a", "late", None),
        ("hidden", "x", None),
        ("new", "x", None),
    }


@given(st.sets(st.sampled_from(KINDS)))
def test_no_row_is_both_told_and_taken_over(kinds: set[str]) -> None:
    found = judged(TABLES_DIFF, COLUMNS_DIFF, sorted(kinds), CURRENT)
    assert {one.kind for one in found.findings} <= kinds
    again = judged(found.harmless["tables"], found.harmless["columns"], sorted(kinds), CURRENT)
    assert again.findings == []


@pytest.mark.parametrize(
    ("pattern", "databases", "names"),
    [
        (r"public\.a", None, ["a"]),
        (r"public\..*", "shop", ["a", "v", "new", "now"]),
        (r"public\..*", "sho", []),
        (r"shop\..*", None, []),
        ("a", None, []),
    ],
)
def test_a_pattern_matches_schema_and_table(
    pattern: str, databases: str | None, names: list[str]
) -> None:
    assert set(about(CURRENT, pattern, databases)["table"]) == set(names)


def test_a_name_with_a_dot_stands_in_quotes() -> None:
    odd = frame(TABLES, [table("b.c", schema="a"), table("c", schema="a.b")])
    assert about(odd, r'a\."b\.c"')["table"].to_list() == ["b.c"]
    assert isinstance(about(odd, ".*"), pl.DataFrame)

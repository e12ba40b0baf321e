"""Which rows of a diff break a rule, and which are taken over."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from incremental_assets.core.apply import apply
from incremental_assets.core.breaks import Break
from incremental_assets.core.change import Comparison
from incremental_assets.core.diff import diff
from incremental_assets.core.entities import ENTITIES, TABLES
from incremental_assets.core.scope import Scope
from incremental_assets.core.watch import about, concerned, judged, of_tables
from tests.builders import column, database, frame, state, table
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


Frames = dict[str, pl.DataFrame]


def taken_over(
    baseline: Frames, current: Frames, *kinds: str, databases: str | None = None
) -> tuple[list[tuple[str, str]], Frames]:
    """What a rule of all tables tells of a state, and its baseline after that."""
    tables = concerned(
        current["tables"],
        about(current["tables"], ".*", databases),
        baseline["tables"],
        (baseline["databases"], current["databases"]),
    )
    now = {
        "databases": current["databases"],
        "tables": tables,
        "columns": of_tables(current["columns"].lazy(), tables),
    }
    lasting = Comparison(Scope(), base_scope=Scope(), durable_ids=True, durable_ordinals=True)
    changes = diff({name: baseline[name] for name in now}, now, lasting)
    found = judged(changes["tables"], changes["columns"], kinds, tables)
    told = [(one.kind, one.object.removeprefix("shop.public.")) for one in found.findings]
    after = apply({name: baseline[name] for name in now}, found.harmless)
    for name in ("tables", "columns"):
        assert not after[name].select(ENTITIES[name].key).is_duplicated().any()
    return told, after


def of_one(native_id: str, *columns: str, name: str = "t") -> Frames:
    """A table with columns."""
    return state(
        tables=[table(name, native_id)],
        columns=[column(name, one, ordinal) for ordinal, one in enumerate(columns, 1)],
    )


def together(*states: Frames) -> Frames:
    return {name: pl.concat([one[name] for one in states]).unique() for name in states[0]}


@pytest.mark.parametrize(
    ("before", "after", "kinds", "told"),
    [
        (
            of_one("5", "x"),
            together(of_one("5", "x", name="t2"), of_one("9", "x")),
            ["table_renamed"],
            [("table_renamed", "t2")],
        ),
        (
            together(of_one("5", "x"), of_one("6", "y", name="u")),
            together(of_one("6", "y"), of_one("7", "z", name="u")),
            ["table_deleted"],
            [("table_deleted", "t")],
        ),
        (of_one("5", "x"), of_one("5", "y", "x"), ["column_renamed"], [("column_renamed", "t.y")]),
        (
            of_one("5", "x", "y"),
            state(tables=[table("t", "5")], columns=[column("t", "x", 2), column("t", "y", 3)]),
            ["column_deleted"],
            [("column_deleted", "t.x")],
        ),
    ],
    ids=["table renamed, name taken", "table gone, chain", "column renamed, name taken", "columns"],
)
def test_no_name_is_in_a_baseline_twice_and_the_break_stands(
    before: Frames, after: Frames, kinds: list[str], told: list[tuple[str, str]]
) -> None:
    first, baseline = taken_over(before, after, *kinds)
    second, _ = taken_over(baseline, after, *kinds)
    assert first == second == told


def test_a_column_that_a_table_made_anew_lacks_is_missed_whatever_gets_its_ordinal() -> None:
    _, baseline = taken_over(of_one("5", "a", "x"), of_one("9", "a"), "column_deleted")
    told, _ = taken_over(baseline, of_one("9", "a", "y"), "column_deleted")
    assert told == [("column_deleted", "t.x")]


def test_ids_of_one_database_say_nothing_of_another() -> None:
    copied = [{**table("t", "5"), "database": "copy"}]
    both = state(databases=[database(), database("copy", "d2")], tables=[table("t", "5"), *copied])
    alone = state(databases=[database(), database("copy", "d2")], tables=[table("t", "5")])
    kinds = ("table_created", "table_deleted")
    told, baseline = taken_over(alone, both, *kinds, databases="shop")
    assert told == []
    assert baseline["tables"].height == 1


def test_a_table_that_a_baseline_followed_out_of_the_pattern_is_looked_for_by_name() -> None:
    baseline, current = of_one("5", "x"), of_one("5", "x")
    none = current["tables"].clear()
    found = concerned(current["tables"], none, baseline["tables"], None)
    assert found["table"].to_list() == ["t"]

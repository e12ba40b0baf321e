"""The merged columns are those of the base version and the batches, each table from one of them."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incremental_assets.core.change import GONE, Comparison
from incremental_assets.core.classify import classify_tables
from incremental_assets.core.entities import COLUMNS
from incremental_assets.core.merge import merge_columns
from incremental_assets.core.reconcile import count_columns
from incremental_assets.core.scope import Scope
from tests.builders import column, database, frame, table


def plan_of(base, listing, *, full=False):
    databases = frame("databases", [database()])
    return classify_tables(
        frame("tables", listing),
        frame("tables", base),
        Comparison(Scope(), Scope(), durable_ids=True),
        databases=databases,
        base_databases=databases,
        full=full,
    )


def merged(base, listing, base_columns, batches, *, engine="streaming", split=False):
    """The merged columns as {table: [column types]}."""
    read = frame("columns", batches)
    parts = [part.lazy() for part in read.partition_by("table", maintain_order=True)]
    result = merge_columns(
        frame("columns", base_columns).lazy(),
        plan_of(base, listing),
        parts if split else read.lazy(),
    ).collect(engine=engine)
    assert result.schema == COLUMNS.schema
    assert result.equals(result.sort(COLUMNS.key))
    found: dict[str, list[str]] = {}
    for name, kind in result.select("table", "data_type").iter_rows():
        found.setdefault(name, []).append(kind)
    return found


def old(name):
    return column(name, "c", data_type="old")


def new(name, more=()):
    return [column(name, other, data_type="new") for other in ("c", *more)]


ONE, NONE = {"column_count": 1}, {"column_count": 0}
CASES = [
    # what, base, listing, read, expected
    ("unchanged", [table("a", "1")], [table("a", "1")], [], {"a": ["old"]}),
    ("updated", [table("a", "1")], [table("a", "1", "u")], new("a"), {"a": ["new"]}),
    ("created", [], [table("a", "1")], new("a", "d"), {"a": ["new", "new"]}),
    ("deleted", [table("a", "1")], [], [], {}),
    ("renamed and read", [table("a", "1")], [table("b", "1")], new("b"), {"b": ["new"]}),
    ("renamed and empty", [table("a", "1")], [table("b", "1")], [], {"b": ["old"]}),
    ("empty though counted", [table("a", "1")], [table("a", "1", "u", **ONE)], [], {"a": ["old"]}),
    ("empty and not counted", [table("a", "1")], [table("a", "1", "u")], [], {"a": ["old"]}),
    ("empty and counted so", [table("a", "1")], [table("a", "1", "u", **NONE)], [], {}),
    ("created and empty", [], [table("a", "1", **ONE)], [], {}),
    ("not in the plan", [], [], new("a"), {}),
    ("not to be read", [table("a", "1")], [table("a", "1")], new("a"), {"a": ["old"]}),
    ("taken", [table("a", "1")], [table("a", "2", **ONE), table("b", "1")], [], {"b": ["old"]}),
    ("name freed", [table("a", "1"), table("b", "2")], [table("b", "1")], [], {"b": ["old"]}),
    ("first ever", [], [], [], {}),
]  # fmt: skip


@pytest.mark.parametrize("engine", ["streaming", "in-memory"])
@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize(
    ("base", "listing", "read", "expected"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_every_table_has_its_columns_from_one_side(base, listing, read, expected, engine, split):
    had = [old(row["table"]) for row in base]
    assert merged(base, listing, had, read, engine=engine, split=split) == expected


def naive(base_columns, plan, batches):
    """What merge_columns promises, row by row."""
    read: dict[tuple, list[dict]] = {}
    for row in batches.to_dicts():
        read.setdefault(tuple(row[name] for name in COLUMNS.key[:3]), []).append(row)
    had: dict[tuple, list[dict]] = {}
    for row in base_columns.to_dicts():
        had.setdefault(tuple(row[name] for name in COLUMNS.key[:3]), []).append(row)
    rows = []
    for item in plan.filter(~pl.col("change").is_in(GONE)).to_dicts():
        key = tuple(item[name] for name in COLUMNS.key[:3])
        moved = item["change"] == "RENAMED"
        source = tuple(item[f"previous_{name}" if moved else name] for name in COLUMNS.key[:3])
        fresh = read.get(key, []) if item["reread"] else []
        counted = item["column_count"] is None or item["column_count"] > 0
        keep = item["known"] and (not item["reread"] or (not fresh and counted))
        kept = had.get(source, []) if keep else []
        rows += [row | dict(zip(COLUMNS.key, key, strict=False)) for row in (*fresh, *kept)]
    return pl.DataFrame(rows, schema=COLUMNS.schema).sort(COLUMNS.key)


names = st.sampled_from(["a", "B", "b", "a.b", "ä", "😀", "", " a", 'a"'])
catalogs = st.dictionaries(
    st.tuples(names, names),
    st.tuples(st.sampled_from("123456789"), st.sampled_from("xy")),
    max_size=8,
)


def rows_of(catalog, kind):
    return [
        column(name, other, schema=place, data_type=kind)
        for place, name in catalog
        for other in "zaä"
    ]


def tables_of(catalog):
    return [
        table(name, native_id, token, schema=place, column_count=3)
        for (place, name), (native_id, token) in catalog.items()
    ]


@settings(max_examples=50, deadline=None)
@given(catalogs, catalogs, st.sets(st.tuples(names, names)), st.booleans())
def test_the_merge_is_what_a_loop_over_the_rows_would_give(before, after, unread, full):
    plan = plan_of(tables_of(before), tables_of(after), full=full)
    base = frame("columns", rows_of(before, "old"))
    read = frame("columns", rows_of({key: 0 for key in after if key not in unread}, "new"))
    expected = naive(base, plan, read)
    result = merge_columns(base.lazy(), plan, read.sample(fraction=1, shuffle=True, seed=1).lazy())
    assert result.collect(engine="streaming").equals(expected)
    again = merge_columns(base.lazy(), plan, read.lazy(), count_columns(read.lazy()))
    assert again.collect().equals(expected)

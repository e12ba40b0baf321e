"""Batches: balanced, within one database, in the order of the key."""

from math import ceil

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incremental_assets.core.change import Comparison
from incremental_assets.core.classify import classify_tables
from incremental_assets.core.plan import (
    batch_count,
    batch_key,
    batch_keys,
    plan_batches,
    split_batch_key,
    tables_of_batch,
)
from incremental_assets.core.scope import Scope
from tests.builders import frame, table


def planned(counts, *, columns=100, tables=50, base=()):
    """The plan of tables named by their place, given {database: [column counts]}."""
    listing = [
        table(f"t{n:04d}", database=database, column_count=count)
        for database, sizes in counts.items()
        for n, count in enumerate(sizes)
    ]
    classified = classify_tables(
        frame("tables", listing), frame("tables", base), Comparison(Scope(), Scope())
    )
    return plan_batches(classified, batch_columns=columns, batch_tables=tables)


def batches(plan):
    return (
        plan.filter("reread")
        .group_by("batch", maintain_order=True)
        .agg(
            pl.col("database").unique(), pl.len(), columns=pl.col("column_count").fill_null(0).sum()
        )
    )


sizes = st.lists(st.one_of(st.integers(0, 60), st.just(None), st.just(5000)), max_size=60)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), sizes), st.integers(1, 200), st.integers(1, 30))
def test_batches_cover_what_is_read_and_respect_the_limits(counts, columns, tables):
    plan = planned(counts, columns=columns, tables=tables)
    found = batches(plan)
    assert found["batch"].to_list() == list(range(batch_count(plan)))  # in order, none empty
    assert all(len(databases) == 1 for databases in found["database"])
    assert found["len"].max() in (None, *range(tables + 1))
    assert plan["batch"].null_count() == plan.filter(~pl.col("reread")).height
    assert plan.schema["batch"] == pl.Int32


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=60), st.integers(60, 300))
def test_batches_are_as_many_as_asked_for_and_even(counts, columns):
    found = batches(planned({"a": counts}, columns=columns, tables=1000))
    assert found.height == min(ceil(sum(counts) / columns), len(counts))
    assert found["columns"].max() - found["columns"].min() <= 2 * max(counts)


@pytest.mark.parametrize("sizes", [[1] * 60 + [100] * 40, [100] * 40 + [1] * 60])
def test_no_batch_has_more_tables_than_allowed_though_columns_would_be_even(sizes):
    assert batches(planned({"a": sizes}, columns=5000, tables=50))["len"].to_list() == [50, 50]


def test_a_table_of_unknown_size_counts_like_its_neighbours():
    assert batches(planned({"a": [100, None, 100, None]}))["len"].to_list() == [1, 1, 1, 1]


def test_tables_that_are_not_read_have_no_batch():
    kept = table("t0000", database="a", column_count=7)
    plan = planned({"a": [7, 7]}, base=[kept, table("z", database="a")])
    assert plan.select("table", "batch").rows() == [("t0000", None), ("t0001", 0), ("z", None)]


def test_a_plan_without_anything_to_read_has_no_batches():
    plan = planned({})
    assert batch_count(plan) == 0
    assert batch_keys("x", plan) == []
    assert plan.schema["batch"] == pl.Int32


def test_tables_of_a_batch_bring_what_a_query_is_bound_to():
    plan = planned({"a": [60, 60], "b": [10]})
    assert tables_of_batch(plan, 1).rows() == [("a", "public", "t0001", None, 60)]
    assert tables_of_batch(plan, 2).columns == [
        "database", "schema", "table", "native_id", "column_count"
    ]  # fmt: skip
    assert tables_of_batch(plan, 9).is_empty()


def test_keys_name_extraction_and_batch():
    extraction = "20260131T120000Z-0a1b2c3d"
    assert batch_keys(extraction, planned({"a": [100, 100]})) == [
        f"{extraction}-0000",
        f"{extraction}-0001",
    ]
    assert batch_key(extraction, 12345) == f"{extraction}-12345"
    assert split_batch_key(batch_key(extraction, 7)) == (extraction, 7)


@pytest.mark.parametrize(
    "key",
    [
        *("", "x", "-0001", "x-", "x-1a", "x-²", "by hand", "2026-01", "20260131T120000Z-0001"),
        *("20260131T120000Z-1f2e3d4c-²²²²", "20260131T120000Z-1f2e3d4c-001"),
        *("20260131T120000Z-1f2e3d4c-0001\n", " 20260131T120000Z-1f2e3d4c-0001"),
    ],
)
def test_a_key_that_somebody_added_by_hand_is_none_of_ours(key):
    assert split_batch_key(key) is None

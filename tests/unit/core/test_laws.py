"""The laws that need no source: what a diff says is enough, and an increment equals the whole."""

from datetime import UTC

import polars as pl
from hypothesis import event, given, settings
from hypothesis import strategies as st

from incremental_assets.core.apply import apply
from incremental_assets.core.change import GONE, Comparison
from incremental_assets.core.classify import classify_tables
from incremental_assets.core.diff import diff, is_same, summary
from incremental_assets.core.entities import ENTITIES, TABLES
from incremental_assets.core.merge import merge_columns
from incremental_assets.core.reconcile import count_columns, reconcile_tables
from incremental_assets.core.scope import Scope
from tests.builders import column, database, procedure, schema, state, table

# Few names and ids, so that objects meet: renames, swaps, chains and recreations all happen.
DATABASES = st.sampled_from(["shop", "crm"])
NAMES = st.sampled_from(["a", "b", "c", "a.b", "B", '"', "", "😀\n"])
PLACES = st.tuples(DATABASES, st.sampled_from(["public", "b", "a.b"]))
IDS = st.none() | st.sampled_from("123456")
TEXTS = st.none() | st.sampled_from(["", "x", 'say "hi"\n', "null", "{}", "😀"])
TIMES = st.none() | st.datetimes(timezones=st.just(UTC))

databases = st.dictionaries(DATABASES, st.tuples(st.sampled_from("12"), TEXTS))
schemas = st.dictionaries(PLACES, st.tuples(IDS, TEXTS), max_size=4)
columns = st.dictionaries(
    NAMES, st.tuples(st.integers(1, 5), TEXTS, st.none() | st.integers(-(2**40), 2**40)), max_size=4
)
tables = st.dictionaries(
    st.tuples(PLACES, NAMES), st.tuples(IDS, TEXTS, TIMES, columns), max_size=6
)
procedures = st.dictionaries(
    st.tuples(PLACES, NAMES, st.sampled_from(["", "int"])), st.tuples(IDS, TEXTS, TIMES), max_size=4
)


def in_place(place):
    return {"database": place[0], "schema": place[1]}


@st.composite
def states(draw):
    drawn = draw(tables)
    return state(
        databases=[database(name, row[0], comment=row[1]) for name, row in draw(databases).items()],
        schemas=[
            schema(place[1], row[0], comment=row[1]) | in_place(place)
            for place, row in draw(schemas).items()
        ],
        tables=[
            table(name, row[0], repr(sorted(row[3].items())), comment=row[1], created_at=row[2])
            | in_place(place)
            for (place, name), row in drawn.items()
        ],
        columns=[
            column(name, other, cell[0], comment=cell[1], max_length=cell[2]) | in_place(place)
            for (place, name), row in drawn.items()
            for other, cell in row[3].items()
        ],
        procedures=[
            procedure(name, row[0], signature=signature, comment=row[1], created_at=row[2])
            | in_place(place)
            for (place, name, signature), row in draw(procedures).items()
        ],
    )


scopes = st.builds(
    Scope,
    include=st.sampled_from([{}, {"shop": ()}, {".*": ("public",)}]),
    exclude_tables=st.none() | st.just("a"),
    entities=st.sampled_from([tuple(ENTITIES), ("databases", "schemas", "tables", "columns")]),
)
comparisons = st.builds(
    Comparison,
    scope=scopes,
    base_scope=scopes,
    durable_ids=st.booleans(),
    durable_ordinals=st.booleans(),
    creation_times=st.booleans(),
)


def compared(frames):
    """Keys and compared attributes: what the laws are about."""
    return {
        name: rows.lazy()
        .select(*ENTITIES[name].key, *ENTITIES[name].compared)
        .sort(ENTITIES[name].key)
        .collect()
        for name, rows in frames.items()
    }


def assert_equal(one, other):
    one, other = compared(one), compared(other)
    assert set(one) == set(other)
    for name, rows in one.items():
        assert rows.equals(other[name]), (name, rows.rows(), other[name].rows())


@settings(deadline=None, max_examples=50)
@given(states(), states(), comparisons)
def test_applying_a_diff_gives_the_current_state(previous, current, comparison):
    changes = diff(previous, current, comparison)
    assert_equal(apply(previous, changes), current)
    for name, rows in changes.items():
        key = ENTITIES[name].key
        assert rows.equals(rows.sort(*key, "change", "attribute", *(f"previous_{k}" for k in key)))
        objects = [*key, *(f"previous_{k}" for k in key), "change", "attribute"]
        assert rows.select(objects).is_unique().all()
        for word in summary(changes)[name]:
            event(f"{name} {word}")


@settings(deadline=None, max_examples=15)
@given(states(), comparisons)
def test_a_state_does_not_differ_from_itself(whole, comparison):
    changes = diff(whole, whole, comparison)
    assert all(rows.is_empty() for rows in changes.values())
    assert is_same(whole, whole, changes)
    assert_equal(apply(whole, changes), whole)


@settings(deadline=None, max_examples=30)
@given(states(), states(), st.booleans(), st.booleans())
def test_reading_what_changed_gives_what_reading_everything_gives(previous, source, ids, full):
    # Tokens are made from the columns, so they are honest; ids may still be reused or swapped.
    comparison = Comparison(Scope(), Scope(), durable_ids=ids, durable_ordinals=ids)
    listing = source["tables"].with_columns(column_count=None).cast(TABLES.schema)
    plan = classify_tables(
        listing,
        previous["tables"],
        comparison,
        databases=source["databases"],
        base_databases=previous["databases"],
        full=full,
    )
    reread = plan.filter("reread").select(TABLES.key)
    # A table that really has no columns would look as if it had been locked.
    listed = plan.with_columns(
        pl.when(~pl.struct(TABLES.key).is_in(_with_columns(source).implode()))
        .then(0)
        .otherwise("column_count")
        .cast(pl.Int32)
        .alias("column_count")
    )
    batches = source["columns"].join(reread, on=TABLES.key, how="semi").lazy()
    counts = count_columns(batches)
    merged = merge_columns(previous["columns"].lazy(), listed, batches, counts).collect()
    assert merged.equals(source["columns"])
    listed_counts = listed.filter(~pl.col("change").is_in(GONE)).select(*TABLES.key, "column_count")
    counted = listing.drop("column_count").join(listed_counts, on=TABLES.key, how="left")
    stored, report = reconcile_tables(
        counted.select(*TABLES.schema), previous["tables"], listed, counts
    )
    assert report.is_empty()
    assert_equal({"tables": stored}, {"tables": source["tables"]})
    current = source | {"tables": stored, "columns": merged}
    narrow, whole = diff(previous, current, comparison, plan), diff(previous, current, comparison)
    assert all(narrow[name].equals(whole[name]) for name in whole)


def _with_columns(frames):
    return frames["columns"].select(pl.struct(TABLES.key).alias("key"))["key"].unique()


def test_files_and_frames_are_compared_alike(tmp_path):
    before = state(tables=[table("a", "1")], columns=[column("a", "x"), column("a", "y", 2)])
    after = state(tables=[table("b", "1")], columns=[column("b", "x"), column("b", "z", 2)])
    scans: list[dict[str, pl.LazyFrame]] = [{}, {}]
    for number, frames in enumerate((before, after)):
        for name, rows in frames.items():
            path = tmp_path / f"{name}{number}.parquet"
            rows.write_parquet(path)
            scans[number][name] = pl.scan_parquet(path)
    comparison = Comparison(Scope(), Scope(), durable_ids=True, durable_ordinals=True)
    changes = diff(*scans, comparison)
    assert changes["columns"].equals(diff(before, after, comparison)["columns"])
    assert_equal(apply(scans[0], changes), scans[1])

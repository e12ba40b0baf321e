"""The columns of a new version: unchanged tables from the base version, the others as read now.

Sorted by key, lazily, so that millions of rows stream into files. Comparing them is diff's work.
"""

from collections.abc import Sequence

import polars as pl

from incremental_assets.core.change import GONE
from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_assets.core.reconcile import count_columns, no_columns

# The place of a row's table among the tables of the plan. Ordering by this number and the column
# is ordering by the key, with one text to compare instead of four.
RANK = "rank"


def merge_columns(
    base_columns: pl.LazyFrame,
    plan: pl.DataFrame,
    batches: pl.LazyFrame | Sequence[pl.LazyFrame],
    counts: pl.DataFrame | None = None,
) -> pl.LazyFrame:
    """All columns of the tables in ``plan``, sorted by key.

    A table that was to be read but came back empty although the listing counted columns (or did
    not count) keeps the columns it had, under its new key if it was renamed. Rows of tables
    outside the plan are dropped.

    Args:
        base_columns: of the base version, sorted by key, as every stored version is.
        plan: as classified.
        batches: what was read, in any order; or one frame per batch in the order of the plan,
            each sorted by key, which takes less memory, since nothing is sorted here then.
        counts: ``count_columns`` of the batches; counted here if not given.
    """
    parts = [batches] if isinstance(batches, pl.LazyFrame) else list(batches)
    if counts is None:
        counts = pl.concat([no_columns(), *(count_columns(part) for part in parts)])
    tables = ranked(plan)
    carried = carried_tables(tables, counts)
    moved = carried.filter(pl.col("previous_table").is_not_null())
    staying = carried.filter(pl.col("previous_table").is_null())
    in_order = not isinstance(batches, pl.LazyFrame)
    fresh = _fresh(parts, tables.filter("reread"), in_order=in_order)
    if not moved.is_empty():
        late = _sorted(_moved(base_columns, moved))
        fresh = late if fresh is None else fresh.merge_sorted(late, key=RANK)
    if not staying.is_empty() or fresh is None:
        kept = _with_rank(base_columns, staying)
        fresh = kept if fresh is None else kept.merge_sorted(fresh, key=RANK)
    return fresh.drop(RANK)


def ranked(plan: pl.DataFrame) -> pl.DataFrame:
    """The tables of the plan that are not gone, with their place in the order of keys."""
    return plan.filter(~pl.col("change").is_in(GONE)).sort(TABLES.key).with_row_index(RANK)


def carried_tables(tables: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Those of the plan's tables whose columns come from the base version."""
    read = tables.filter("known").join(counts, on=TABLES.key, how="left", maintain_order="left")
    empty = (pl.col("read").fill_null(0) == 0) & (pl.col("column_count").fill_null(1) > 0)
    return read.filter(~pl.col("reread") | empty).drop("read")


def _fresh(
    parts: list[pl.LazyFrame], tables: pl.DataFrame, *, in_order: bool
) -> pl.LazyFrame | None:
    if not parts or tables.is_empty():
        return None
    placed = pl.concat([_with_rank(part, tables) for part in parts])
    return placed if in_order else _sorted(placed)


def _sorted(columns: pl.LazyFrame) -> pl.LazyFrame:
    return columns.sort(RANK, "column")


def _with_rank(columns: pl.LazyFrame, tables: pl.DataFrame) -> pl.LazyFrame:
    """The rows of these tables with their table's rank, in the order they had."""
    places = tables.lazy().select(*TABLES.key, RANK)
    return (
        columns.select(*COLUMNS.schema)
        .join(places, on=TABLES.key, how="inner", maintain_order="left")
        .select(*COLUMNS.schema, RANK)
    )


def _moved(base_columns: pl.LazyFrame, tables: pl.DataFrame) -> pl.LazyFrame:
    """The rows that these renamed tables had, under their new key."""
    places = tables.lazy().select(
        *(pl.col(f"previous_{name}").alias(name) for name in TABLES.key),
        *(pl.col(name).alias(f"new_{name}") for name in TABLES.key),
        RANK,
    )
    return (
        base_columns.select(*COLUMNS.schema)
        .join(places, on=TABLES.key, how="inner")
        .with_columns(pl.col(f"new_{name}").alias(name) for name in TABLES.key)
        .select(*COLUMNS.schema, RANK)
    )

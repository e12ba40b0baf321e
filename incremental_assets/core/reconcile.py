"""Bring listings and what was read after them into agreement, since a source goes on changing.

Tables get the number of columns that were really read; objects get the parents they need.
"""

from collections.abc import Mapping

import polars as pl

from incremental_assets.core.change import GONE
from incremental_assets.core.entities import (
    COLUMNS,
    ENTITIES,
    INT32,
    SCHEMAS,
    TABLES,
    TEXT,
    Entity,
    conform,
)

REPORT_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(TABLES.key, TEXT),
    "listed": INT32,
    "read": INT32,
    "reason": TEXT,
}
# What is compared of a table itself; its columns are counted anyway.
UNOPENED = tuple(name for name in TABLES.compared if name != "column_count")
EMPTY_BATCH = "empty batch"
COUNT_DIFFERS = "column count differs"


def count_columns(batches: pl.LazyFrame) -> pl.DataFrame:
    """database, schema, table, read: how many columns the batches hold of each table."""
    return batches.group_by(TABLES.key).agg(read=pl.len().cast(INT32)).collect(engine="streaming")


def no_columns() -> pl.DataFrame:
    """What ``count_columns`` finds where there are none."""
    return pl.DataFrame(schema={**dict.fromkeys(TABLES.key, TEXT), "read": INT32})


def reconcile_tables(
    listing: pl.DataFrame, base_tables: pl.DataFrame, plan: pl.DataFrame, counts: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The tables as they are stored, and a report of those that must be read again.

    ``column_count`` becomes the number of merged columns. The token is cleared where a batch came
    back empty ("empty batch") or with another number of columns than the listing counted
    ("column count differs"), so that the next refresh reads the table again. One that came back
    empty and whose columns the listing could not count was not opened at all: somebody locks it,
    say. What is compared of it stays as the base version has it.

    Args:
        listing: the admitted tables, conformed.
        base_tables: the base version's tables.
        plan: as classified.
        counts: ``count_columns`` of the batches.

    Returns:
        tables (entity schema, sorted) and report (``REPORT_SCHEMA``, sorted by key).
    """
    judged = _judged(listing, base_tables, plan, counts)
    doubtful = pl.col("reason").is_not_null()
    tables = judged.with_columns(
        column_count="merged",
        token=pl.when(~doubtful).then("token"),
    )
    report = judged.filter(doubtful).with_columns(
        listed="column_count", read=pl.col("read").fill_null(0)
    )
    return conform(TABLES, tables), report.select(*REPORT_SCHEMA).sort(TABLES.key)


def _judged(
    listing: pl.DataFrame, base_tables: pl.DataFrame, plan: pl.DataFrame, counts: pl.DataFrame
) -> pl.DataFrame:
    """The listing with ``read``, ``merged`` and the ``reason`` to read a table again."""
    base = base_tables.select(
        *(pl.col(name).alias(f"source_{name}") for name in TABLES.key),
        pl.col("column_count").alias("base_count"),
        *(pl.col(name).alias(f"base_{name}") for name in UNOPENED),
    )
    # A table that is gone has the key that a renamed one may have now.
    sources = plan.filter(~pl.col("change").is_in(GONE)).select(
        *TABLES.key,
        "known",
        "reread",
        *(pl.coalesce(f"previous_{name}", name).alias(f"source_{name}") for name in TABLES.key),
    )
    listed = pl.col("column_count")
    read = pl.col("read").fill_null(0)
    empty = pl.col("reread") & (read == 0) & (listed.fill_null(1) > 0)
    kept = pl.col("known") & (~pl.col("reread") | empty)
    unopened = pl.col("known") & empty & listed.is_null()
    return (
        listing.join(sources, on=TABLES.key, how="left")
        .join(base, on=[f"source_{name}" for name in TABLES.key], how="left")
        .join(counts.select(*TABLES.key, "read"), on=TABLES.key, how="left")
        .with_columns(
            merged=pl.when(kept).then(pl.col("base_count").fill_null(0)).otherwise(read),
            reason=pl.when(empty)
            .then(pl.lit(EMPTY_BATCH))
            .when(pl.col("reread") & (read != listed))
            .then(pl.lit(COUNT_DIFFERS)),
            **{name: pl.when(unopened).then(f"base_{name}").otherwise(name) for name in UNOPENED},
        )
    )


def fill_parents(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Add a row with nothing but its key for every parent that a listing missed.

    ``frames`` maps entity names to conformed frames; only entities in it are filled. Columns have
    their parents already: the merge drops those without a table.
    """
    filled = dict(frames)
    for parent in (SCHEMAS, ENTITIES["databases"]):
        if parent.name in filled:
            filled[parent.name] = _filled(parent, filled)
    return filled


def _filled(parent: Entity, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    rows = frames[parent.name]
    children = [
        frame.select(parent.key)
        for name, frame in frames.items()
        if name not in (parent.name, COLUMNS.name) and set(parent.key) <= set(frame.columns)
    ]
    if not children:
        return rows
    missing = pl.concat(children).unique().join(rows, on=parent.key, how="anti")
    if missing.is_empty():
        return rows
    return conform(parent, pl.concat([rows, missing], how="diagonal"))

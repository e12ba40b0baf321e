"""Which tables one query reads together: batches balanced by columns, and their keys.

Reading them is the source's work.
"""

import re
from math import ceil

import polars as pl

from incremental_assets.core.entities import INT32, TABLES

BATCH_KEY = re.compile(r"(\d{8}T\d{6}Z-[0-9a-f]{8})-(\d{4,})", re.ASCII)
BATCH_COLUMNS = (*TABLES.key, "native_id", "column_count")


def plan_batches(
    classified: pl.DataFrame, *, batch_columns: int, batch_tables: int
) -> pl.DataFrame:
    """Add ``batch`` (Int32, from 0 in the order of the key; null for tables that are not read).

    A batch stays inside one database and holds at most ``batch_tables`` tables. There are as many
    batches as ``batch_columns`` and ``batch_tables`` ask for, filled evenly by columns.
    """
    plan = classified.sort(TABLES.key)
    batches: list[pl.Series] = []
    first = 0
    for part in plan.filter("reread").partition_by("database", maintain_order=True):
        sizes = _sizes(part["column_count"])
        needed = max(ceil(sizes.sum() / batch_columns), ceil(part.height / batch_tables))
        needed = min(needed, part.height)
        batches.append(_numbers(_cuts(sizes, needed, batch_tables), first))
        first += needed
    numbers = pl.concat(batches) if batches else pl.Series(dtype=INT32)
    place = pl.col("reread").cum_sum() - 1
    return plan.with_columns(
        batch=pl.when("reread").then(pl.lit(numbers).gather(place, null_on_oob=True))
    )


def _sizes(column_count: pl.Series) -> pl.Series:
    """What reading each table costs: its columns, or what its neighbours have if unknown."""
    mean = column_count.mean()
    usual = round(mean) if isinstance(mean, float) else 1
    return column_count.cast(pl.Int64).fill_null(usual).clip(lower_bound=1)


def _cuts(sizes: pl.Series, batches: int, batch_tables: int) -> list[int]:
    """Where each batch ends: as near to an even share of what is left as the limits allow."""
    sums = sizes.cum_sum()
    ends: list[int] = []
    start, done = 0, 0
    for left in range(batches, 0, -1):
        share = done + (sums[-1] - done) / left
        end = _nearest(sums, share)
        end = max(end, start + 1, len(sizes) - (left - 1) * batch_tables)
        end = min(end, start + batch_tables, len(sizes) - (left - 1))
        ends.append(end)
        start, done = end, sums[end - 1]
    return ends


def _nearest(sums: pl.Series, share: float) -> int:
    """How many tables come nearest to the share."""
    over = min(int(sums.search_sorted(share)), len(sums) - 1)
    below = sums[over - 1] if over else 0
    return over + 1 if sums[over] - share <= share - below else over


def _numbers(ends: list[int], first: int) -> pl.Series:
    starts = [0, *ends[:-1]]
    lengths = pl.Series([end - start for start, end in zip(starts, ends, strict=True)])
    numbers = pl.int_range(first, first + len(ends), dtype=pl.Int32, eager=True)
    return pl.select(numbers.repeat_by(lengths).explode(empty_as_null=False).alias("batch"))[
        "batch"
    ]


def batch_count(plan: pl.DataFrame) -> int:
    """How many batches the plan has."""
    return plan["batch"].drop_nulls().n_unique()


def batch_key(extraction_id: str, number: int) -> str:
    """The partition key of a batch: ``<extraction id>-<4 digits>``."""
    return f"{extraction_id}-{number:04d}"


def batch_keys(extraction_id: str, plan: pl.DataFrame) -> list[str]:
    """The partition keys of all batches, in order."""
    return [batch_key(extraction_id, number) for number in range(batch_count(plan))]


def split_batch_key(key: str) -> tuple[str, int] | None:
    """Extraction id and number of a partition key; None for one that somebody added by hand."""
    found = BATCH_KEY.fullmatch(key)
    return (found[1], int(found[2])) if found else None


def tables_of_batch(plan: pl.DataFrame, number: int) -> pl.DataFrame:
    """database, schema, table, native_id, column_count of one batch, sorted by key."""
    return plan.filter(pl.col("batch") == number).select(BATCH_COLUMNS)

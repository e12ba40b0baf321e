"""Some tables at a time, for kinds that make something of each in Python."""

from collections.abc import Iterator

import polars as pl

TABLES_AT_ONCE = 5_000
COLUMNS_AT_ONCE = 50_000


def in_batches(tables: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """The rows of ``tables`` in their order: so many at a time that they are not very many, nor
    their columns (``column_count``)."""
    for batch in tables.collect_batches(chunk_size=TABLES_AT_ONCE, maintain_order=True):
        columns = pl.col("column_count").fill_null(0).cast(pl.Int64)
        numbered = batch.with_columns(part=columns.cum_sum() // COLUMNS_AT_ONCE)
        yield from numbered.partition_by("part", maintain_order=True, include_key=False)

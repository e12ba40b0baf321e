"""The diff of columns: a million rows of which few differ.

Only tables that may differ are looked at, and of these only rows that do: equal rows are found by
comparing one number per row, so that memory grows with the changes and not with the state.
"""

import polars as pl

from incremental_assets.core.change import Change, Comparison
from incremental_assets.core.compare import Match, difference, previous_key
from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_assets.core.identity import pair

ROW_HASH = "row_hash"
PLACE = "place"
LASTING = "lasting_ordinal"
TABLES_AT_A_TIME = 10_000


def columns_diff(
    previous: pl.LazyFrame,
    current: pl.LazyFrame,
    tables: Match,
    comparison: Comparison,
    plan: pl.DataFrame | None,
) -> pl.DataFrame:
    """The diff of the columns, given which table is which.

    Columns move with their table without a row of their own, and take the word of a table that
    appears or goes as a whole. With a ``plan``, only tables that it reads or misses are compared.
    """
    places = _places(tables, comparison, plan)
    before, after = _differing(previous, current, places)
    identity = (PLACE, LASTING) if comparison.durable_ordinals else None
    pairs = pair(before, after, (PLACE, "column"), identity)
    match = Match(
        previous=before,
        current=after,
        pairs=pairs,
        appeared=after["appeared"].gather(pairs.new),
        gone=before["gone"].gather(pairs.gone),
    )
    return difference(COLUMNS, match)


def _places(tables: Match, comparison: Comparison, plan: pl.DataFrame | None) -> pl.DataFrame:
    """One row per table of either side that may differ, with the words for its columns.

    ``had`` and ``has`` say on which sides the table exists; one that is gone has its old key.
    """
    new = tables.current[tables.pairs.new].select(
        *TABLES.key, appeared=tables.appeared, has=pl.lit(value=True)
    )
    gone = tables.previous[tables.pairs.gone].select(
        *TABLES.key, *previous_key(TABLES), gone=tables.gone, had=pl.lit(value=True)
    )
    parts = [_kept_tables(tables, comparison, plan), new, gone]
    return pl.concat(parts, how="diagonal").with_row_index(PLACE)


def _kept_tables(tables: Match, comparison: Comparison, plan: pl.DataFrame | None) -> pl.DataFrame:
    base = comparison.base_scope
    was_listed = base is None or "columns" in base.entities
    is_listed = "columns" in comparison.scope.entities
    previous = tables.previous[tables.pairs.kept["p"]]
    current = tables.current[tables.pairs.kept["c"]]
    kept = current.select(
        *TABLES.key,
        *previous.select(previous_key(TABLES)),
        lasting=pl.col("native_id") == previous["native_id"],
        appeared=pl.lit(Change.CREATED if was_listed else Change.BACKFILL),
        gone=pl.lit(Change.DELETED if is_listed else Change.OUT_OF_SCOPE),
        had=pl.lit(value=True),
        has=pl.lit(value=True),
    )
    if plan is None or not (was_listed and is_listed):
        return kept
    read = plan.filter("reread").select(*TABLES.key, "change")
    backfill = pl.col("change") == Change.BACKFILL
    return (
        kept.join(read, on=TABLES.key, how="inner")
        .with_columns(appeared=pl.when(backfill).then("change").otherwise("appeared"))
        .drop("change")
    )


def _located_before(columns: pl.LazyFrame, places: pl.DataFrame) -> pl.LazyFrame:
    """The previous columns of the places, under the key their table has now."""
    names = dict(zip(TABLES.key, previous_key(TABLES), strict=True))
    wanted = places.filter("had").drop("had", "has", "appeared")
    return (
        _of_tables(columns, wanted["previous_table"])
        .rename(names)
        .join(wanted.lazy(), on=list(names.values()), how="inner")
        .with_columns(
            pl.col("column").alias("previous_column"),
            pl.when("lasting").then("ordinal").alias(LASTING),
        )
    )


def _located_now(columns: pl.LazyFrame, places: pl.DataFrame) -> pl.LazyFrame:
    wanted = places.filter("has").select(*TABLES.key, PLACE, "lasting", "appeared")
    return (
        _of_tables(columns, wanted["table"])
        .join(wanted.lazy(), on=TABLES.key, how="inner")
        .with_columns(pl.when("lasting").then("ordinal").alias(LASTING))
    )


def _of_tables(columns: pl.LazyFrame, names: pl.Series) -> pl.LazyFrame:
    """The columns of tables with such names.

    More than is wanted where schemas have tables of one name, but a scan of Parquet then reads the
    other attributes only where the name fits.
    """
    return columns.select(*COLUMNS.schema).filter(pl.col("table").is_in(names.unique().implode()))


def _differing(
    previous: pl.LazyFrame, current: pl.LazyFrame, places: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of each side that the other does not have, located.

    Some tables at a time, so that memory does not grow with the state where all were read again.
    """
    slices = list(places.iter_slices(TABLES_AT_A_TIME)) or [places]
    sides = [_differing_in(previous, current, some) for some in slices]
    return pl.concat([before for before, _ in sides]), pl.concat([after for _, after in sides])


def _differing_in(
    previous: pl.LazyFrame, current: pl.LazyFrame, places: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    before = _hashes(_located_before(previous, places))
    after = _hashes(_located_now(current, places))
    only_before = _without(before, after)
    only_after = _without(after, before)
    suspects = pl.concat([only_before, only_after]).select(PLACE).unique()
    touched = places.join(suspects, on=PLACE, how="semi")
    return (
        _picked(_located_before(previous, touched), only_before),
        _picked(_located_now(current, touched), only_after),
    )


def _row_hash() -> pl.Expr:
    # Polars promises equal hashes for equal rows within one version of itself, which is enough:
    # the numbers are compared here and never stored.
    return pl.struct(PLACE, "column", *COLUMNS.attributes).hash().alias(ROW_HASH)


def _hashes(columns: pl.LazyFrame) -> pl.DataFrame:
    return columns.select(PLACE, _row_hash()).collect(engine="streaming")


def _without(hashes: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return hashes.filter(~pl.col(ROW_HASH).is_in(others[ROW_HASH].implode()))


def _picked(columns: pl.LazyFrame, hashes: pl.DataFrame) -> pl.DataFrame:
    wanted = _row_hash().is_in(hashes[ROW_HASH].implode())
    return columns.filter(wanted).collect(engine="streaming")

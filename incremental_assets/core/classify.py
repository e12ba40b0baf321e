"""What happened to every table of a listing since the base version, and which ones to read again.

Forming batches is plan's work; comparing attributes is diff's.
"""

from datetime import datetime

import polars as pl

from incremental_assets.core.change import Change, Comparison, label_appeared, label_gone
from incremental_assets.core.entities import BOOL, INT32, TABLES, TEXT
from incremental_assets.core.identity import Pairs, identity_columns, pair, with_database_id

CLASSIFIED_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(TABLES.key, TEXT),
    "native_id": TEXT,
    "column_count": INT32,
    "change": TEXT,
    **dict.fromkeys((f"previous_{name}" for name in TABLES.key), TEXT),
    "known": BOOL,
    "reread": BOOL,
}


def classify_tables(
    listing: pl.DataFrame,
    base_tables: pl.DataFrame,
    comparison: Comparison,
    *,
    databases: pl.DataFrame | None = None,
    base_databases: pl.DataFrame | None = None,
    reread_since: datetime | None = None,
    full: bool = False,
    stored_counts: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One row per table of the listing and per base table that is gone, sorted by key.

    Args:
        listing: the admitted tables, conformed.
        base_tables: the base version's tables; empty where there is none.
        comparison: scopes, marker and the dialect's facts.
        databases: the databases of this extraction, for their native ids.
        base_databases: those of the base version.
        reread_since: tables altered then or later are read again, whatever their token.
        full: take every token as different.
        stored_counts: database, schema, table, stored: columns the base version really holds; a
            table with fewer than its column_count is BACKFILL.

    Returns:
        Columns of ``CLASSIFIED_SCHEMA``. ``previous_*`` is the key in the base version where it
        differs (RENAMED), else null. ``known``: the base version holds this very table. Gone tables
        have ``reread`` false, and the native_id and column_count of the base version. A table that
        is gone and one that was renamed to its name share their key.
    """
    before = with_database_id(_with_stored(base_tables, stored_counts), base_databases)
    after = with_database_id(listing, databases)
    identity = identity_columns(TABLES) if comparison.durable_ids else None
    pairs = pair(before, after, TABLES.key, identity)
    new, gone = after[pairs.new], before[pairs.gone]
    parts = [
        _known(before, after, pairs).with_columns(
            change=_known_change(comparison, full=full, reread_since=reread_since),
            known=pl.lit(value=True),
        ),
        new.with_columns(label_appeared(TABLES, new, comparison), known=pl.lit(value=False)),
        gone.with_columns(label_gone(TABLES, gone, comparison), known=pl.lit(value=True)),
    ]
    read = pl.col("change").is_in([Change.NO_CHANGE, Change.DELETED, Change.OUT_OF_SCOPE]).not_()
    return (
        pl.concat([_shaped(part) for part in parts])
        .with_columns(reread=read & ("columns" in comparison.scope.entities))
        .sort(TABLES.key)
    )


def _with_stored(base_tables: pl.DataFrame, stored: pl.DataFrame | None) -> pl.DataFrame:
    """Add ``incomplete``: fewer columns are stored than the table is said to have."""
    if stored is None:
        return base_tables.with_columns(incomplete=pl.lit(value=False))
    counts = stored.select(*TABLES.key, "stored")
    joined = base_tables.join(counts, on=TABLES.key, how="left", maintain_order="left")
    fewer = pl.col("stored").fill_null(0) < pl.col("column_count")
    return joined.with_columns(incomplete=fewer.fill_null(value=False)).drop("stored")


def _known(before: pl.DataFrame, after: pl.DataFrame, pairs: Pairs) -> pl.DataFrame:
    """The tables that both sides have, with what the base version says about them."""
    base = before[pairs.kept["p"]].select(
        "incomplete",
        pl.col("token").alias("base_token"),
        pl.col("native_id").alias("base_native_id"),
        *(pl.col(name).alias(f"previous_{name}") for name in TABLES.key),
    )
    now = after[pairs.kept["c"]].select(
        *TABLES.key, "native_id", "column_count", "token", "altered_at"
    )
    moved = pl.col("moved")
    return pl.concat([now, base, pairs.kept.select(moved)], how="horizontal").with_columns(
        pl.when(moved).then(pl.col(f"previous_{name}")).alias(f"previous_{name}")
        for name in TABLES.key
    )


def _known_change(comparison: Comparison, *, full: bool, reread_since: datetime | None) -> pl.Expr:
    base_scope = comparison.base_scope
    is_read = "columns" in comparison.scope.entities
    never_read = is_read and base_scope is not None and "columns" not in base_scope.entities
    differs = (
        pl.lit(full)
        | pl.col("token").is_null()
        | pl.col("base_token").is_null()
        | (pl.col("token") != pl.col("base_token")).fill_null(value=False)
    )
    if comparison.durable_ids:
        differs |= (pl.col("native_id") != pl.col("base_native_id")).fill_null(value=False)
    if reread_since is not None:
        differs |= (pl.col("altered_at") >= reread_since).fill_null(value=False)
    return (
        pl.when(pl.col("moved"))
        .then(pl.lit(Change.RENAMED))
        .when(pl.col("incomplete") | never_read | comparison.outdated)
        .then(pl.lit(Change.BACKFILL))
        .when(differs)
        .then(pl.lit(Change.UPDATED))
        .otherwise(pl.lit(Change.NO_CHANGE))
    )


def _shaped(part: pl.DataFrame) -> pl.DataFrame:
    """Bring one part to the columns of the plan, ``reread`` excepted."""
    schema = {name: dtype for name, dtype in CLASSIFIED_SCHEMA.items() if name != "reread"}
    return part.with_columns(
        pl.lit(None).alias(name) for name in schema if name not in part.columns
    ).select(pl.col(name).cast(dtype) for name, dtype in schema.items())

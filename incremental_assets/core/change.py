"""What can happen to an object, and which word fits one that appears or disappears.

The words are decided here once, so that the plan and the diff cannot disagree. Finding out what
changed is done in classify (tables of a listing) and diff (all entities).
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import polars as pl

from incremental_assets.core.entities import TABLES, Entity
from incremental_assets.core.scope import LEFT_OUT_SCHEMA, Scope, left_out_reasons


class Change(StrEnum):
    """The closed vocabulary of changes."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    NO_CHANGE = "NO_CHANGE"
    BACKFILL = "BACKFILL"
    RENAMED = "RENAMED"
    DELETED = "DELETED"
    OUT_OF_SCOPE = "OUT_OF_SCOPE"


APPEARED = (Change.CREATED, Change.BACKFILL)
GONE = (Change.DELETED, Change.OUT_OF_SCOPE)


@dataclass(frozen=True)
class Comparison:
    """How two pictures of one connection were taken, as far as it decides what a difference means.

    ``base_scope`` is None where there is no base version; ``marker`` is the base version's;
    ``left_out`` is the second frame of ``split_tables``. ``outdated``: the base version's format
    is an older one, which may lack attributes. The three facts are the dialect's.
    """

    scope: Scope
    base_scope: Scope | None = None
    marker: datetime | None = None
    left_out: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LEFT_OUT_SCHEMA))
    outdated: bool = False
    durable_ids: bool = False
    durable_ordinals: bool = False
    creation_times: bool = False


def label_appeared(entity: Entity, rows: pl.DataFrame, comparison: Comparison) -> pl.Series:
    """Row by row: BACKFILL for what was there before but not looked at, else CREATED.

    An object outside the base version's scope is BACKFILL unless it is known to be younger than
    the marker; one inside it is BACKFILL only if it is known to be older than the marker.
    """
    if comparison.base_scope is None:
        return _words(rows, pl.lit(Change.CREATED))
    outside = pl.lit(_outside(entity, rows, comparison.base_scope))
    backfill = outside
    if comparison.creation_times and comparison.marker and "created_at" in entity.attributes:
        older = (pl.col("created_at") < comparison.marker).fill_null(value=False)
        younger = (pl.col("created_at") >= comparison.marker).fill_null(value=False)
        backfill = older | (outside & ~younger)
    return _words(
        rows, pl.when(backfill).then(pl.lit(Change.BACKFILL)).otherwise(pl.lit(Change.CREATED))
    )


def label_gone(entity: Entity, rows: pl.DataFrame, comparison: Comparison) -> pl.Series:
    """Row by row: OUT_OF_SCOPE for what this scope does not look at any more, else DELETED."""
    outside = pl.lit(_outside(entity, rows, comparison.scope))
    if entity is TABLES:
        outside = outside | pl.lit(_still_there(rows, comparison))
    return _words(
        rows, pl.when(outside).then(pl.lit(Change.OUT_OF_SCOPE)).otherwise(pl.lit(Change.DELETED))
    )


def _words(rows: pl.DataFrame, word: pl.Expr) -> pl.Series:
    height = pl.int_range(pl.len())
    return rows.select(pl.when(height >= 0).then(word).alias("change"))["change"]


def _outside(entity: Entity, rows: pl.DataFrame, scope: Scope) -> pl.Series:
    """Row by row, whether the scope would not have shown this object."""
    if entity.name not in scope.entities:
        return pl.repeat(value=True, n=rows.height, dtype=pl.Boolean, eager=True)
    outside = ~scope.admits(rows)
    return outside | left_out_reasons(rows, scope).is_not_null() if entity is TABLES else outside


def _still_there(tables: pl.DataFrame, comparison: Comparison) -> pl.Series:
    """Row by row, whether the options left out this table, which exists, be it renamed."""
    left_out = comparison.left_out
    found = _found(tables, left_out, TABLES.key)
    if comparison.durable_ids:
        found = found | _found(tables, left_out, ("database", "native_id"))
    return found


def _found(tables: pl.DataFrame, others: pl.DataFrame, on: tuple[str, ...]) -> pl.Series:
    marked = others.select(on).unique().with_columns(found=pl.lit(value=True))
    joined = tables.select(on).join(marked, on=on, how="left", maintain_order="left")
    return joined["found"].fill_null(value=False)

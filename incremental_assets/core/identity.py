"""Which object of one picture is which of another: by native id where that lasts, else by key.

What became of the objects is decided in classify and diff.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from incremental_assets.core.entities import DATABASES, Entity

DATABASE_ID = "database_native_id"


@dataclass(frozen=True)
class Pairs:
    """Row numbers of two frames.

    ``kept`` has one row per object that is in both: ``p`` in the previous frame, ``c`` in the
    current one, and whether it ``moved`` to another key. The others are ``gone`` or ``new``.
    """

    kept: pl.DataFrame
    gone: pl.Series
    new: pl.Series


def with_database_id(frame: pl.DataFrame, databases: pl.DataFrame | None) -> pl.DataFrame:
    """Add the native id of the row's database, null where it is unknown."""
    if databases is None:
        return frame.with_columns(pl.lit(None, pl.String).alias(DATABASE_ID))
    ids = databases.select("database", pl.col("native_id").alias(DATABASE_ID))
    return frame.join(ids, on="database", how="left", maintain_order="left")


def identity_columns(entity: Entity) -> tuple[str, ...]:
    """What names an object for life in a frame that went through ``with_database_id``."""
    return ("native_id",) if entity is DATABASES else (DATABASE_ID, "native_id")


def pair(
    previous: pl.DataFrame,
    current: pl.DataFrame,
    on: Sequence[str],
    identity: Sequence[str] | None,
) -> Pairs:
    """Pair the rows of two frames.

    Objects with the same identity belong together wherever they are now; what that leaves is
    paired by ``on``. So a key whose former holder moved away has a new holder. An identity that is
    null or not unique names nothing.
    """
    before = previous.select(on).with_row_index("p")
    after = current.select(on).with_row_index("c")
    moved = pl.DataFrame(schema={"p": pl.UInt32, "c": pl.UInt32})
    if identity is not None:
        moved = _moved(previous, current, on, identity)
    same = before.join(moved, on="p", how="anti").join(
        after.join(moved, on="c", how="anti"), on=on, how="inner"
    )
    kept = pl.concat(
        [
            moved.with_columns(moved=pl.lit(value=True)),
            same.select("p", "c", moved=pl.lit(value=False)),
        ]
    )
    return Pairs(
        kept=kept,
        gone=before.join(kept, on="p", how="anti", maintain_order="left")["p"],
        new=after.join(kept, on="c", how="anti", maintain_order="left")["c"],
    )


def _moved(
    previous: pl.DataFrame, current: pl.DataFrame, on: Sequence[str], identity: Sequence[str]
) -> pl.DataFrame:
    before = _identified(previous, on, identity, "p")
    after = _identified(current, on, identity, "c")
    elsewhere = pl.any_horizontal(pl.col(f"p_{name}") != pl.col(f"c_{name}") for name in on)
    return before.join(after, on=identity, how="inner").filter(elsewhere).select("p", "c")


def _identified(
    frame: pl.DataFrame, on: Sequence[str], identity: Sequence[str], side: str
) -> pl.DataFrame:
    known = pl.all_horizontal(pl.col(name).is_not_null() for name in identity)
    places = [pl.col(name).alias(f"{side}_{name}") for name in on]
    return (
        frame.select(*identity, *places)
        .with_row_index(side)
        .filter(known)
        .filter(pl.struct(identity).is_unique())
    )

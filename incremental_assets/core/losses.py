"""What a diff takes away, object by object, and how much that is of what there was.

Whether it is too much is decided in ``deletions``.
"""

import polars as pl

from incremental_assets.core.change import GONE, Change
from incremental_assets.core.compare import diff_schema, previous_key
from incremental_assets.core.diff import Frames
from incremental_assets.core.entities import (
    COLUMNS,
    ENTITIES,
    PROCEDURES,
    SCHEMAS,
    TABLES,
    TEXT,
    Entity,
)

PLACE = ("database", "schema")
SIDES = ("gone", "of", "left")
# The keys of objects of any entity; null where the entity has no such part.
GONE_SCHEMA: dict[str, pl.DataType] = dict.fromkeys(
    ("entity", *dict.fromkeys(part for entity in ENTITIES.values() for part in entity.key)), TEXT
)


def keys_of(frames: Frames, entity: Entity, *more: str) -> pl.DataFrame:
    """The keys of an entity, and other columns of it."""
    rows = frames.get(entity.name, entity.empty()).lazy()
    return rows.select(*entity.key, *more).collect()


def gone_objects(changes: Frames, tables_by: tuple[Change, ...]) -> pl.DataFrame:
    """What is gone (``GONE_SCHEMA``; containers first), by the key it had.

    Columns only of tables that stay; of tables what has one of the words ``tables_by``.
    """
    parts = [pl.DataFrame(schema=GONE_SCHEMA)]
    for name, entity in ENTITIES.items():
        words = tables_by if entity is TABLES else (Change.DELETED,)
        parts.append(_gone_of(entity, changes.get(name), words))
    gone = pl.concat(parts, how="diagonal")
    tables = gone.filter(entity=TABLES.name).select(TABLES.key)
    is_column = pl.col("entity") == COLUMNS.name
    staying = gone.filter(is_column).join(tables, on=TABLES.key, how="anti", maintain_order="left")
    return pl.concat([gone.filter(~is_column), staying])


def _gone_of(
    entity: Entity, changes: pl.DataFrame | pl.LazyFrame | None, words: tuple[Change, ...]
) -> pl.DataFrame:
    rows = pl.LazyFrame(schema=diff_schema(entity)) if changes is None else changes.lazy()
    keys = zip(previous_key(entity), entity.key, strict=True)
    return (
        rows.filter(pl.col("change").is_in(words))
        .select(
            pl.lit(entity.name).alias("entity"),
            *(pl.coalesce(before, now).alias(now) for before, now in keys),
        )
        .collect()
    )


def beyond(gone: pl.DataFrame, accepted: pl.DataFrame | None) -> int:
    """How much of what is gone was not accepted; a list of an older release, which is of tables
    only, accepts nothing."""
    if accepted is None or set(accepted.columns) != set(GONE_SCHEMA):
        return gone.height
    return gone.join(accepted, on=list(GONE_SCHEMA), how="anti", nulls_equal=True).height


def amounts(
    base: Frames, current: Frames, changes: Frames, gone: pl.DataFrame, seen: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """By entity: database, schema, and how many are ``gone`` there, ``of`` how many, are ``left``.

    Columns are those of tables that stay, as the tables count them; databases have no place. A
    routine whose name lives on with another signature is not counted as gone.
    """
    lost = {name: gone.filter(entity=name) for name in ENTITIES}
    tables, routines = keys_of(base, TABLES, "column_count"), keys_of(current, PROCEDURES)
    name = ("database", "schema", "procedure")
    sides = {
        TABLES.name: (lost[TABLES.name], tables, seen),
        PROCEDURES.name: (
            lost[PROCEDURES.name].join(routines, on=name, how="anti"),
            keys_of(base, PROCEDURES),
            routines,
        ),
        SCHEMAS.name: (lost[SCHEMAS.name], keys_of(base, SCHEMAS), keys_of(current, SCHEMAS)),
    }
    leaving = _gone_of(TABLES, changes.get(TABLES.name), GONE)
    staying = tables.join(leaving, on=TABLES.key, how="anti")
    ones = lost[COLUMNS.name].with_columns(column_count=pl.lit(1))
    places = {entity: _places(frames, pl.lit(1)) for entity, frames in sides.items()}
    places[COLUMNS.name] = _places((ones, staying, seen), pl.col("column_count"))
    return places


def _places(sides: tuple[pl.DataFrame, ...], amount: pl.Expr) -> pl.DataFrame:
    parts = [
        frame.select(*PLACE, amount.cast(pl.Int64).alias(side))
        for side, frame in zip(SIDES, sides, strict=True)
    ]
    return pl.concat(parts, how="diagonal").group_by(PLACE).agg(pl.col(SIDES).sum())

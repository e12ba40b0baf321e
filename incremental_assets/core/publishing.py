"""What a sink has to put and to take away, worked out from a version and its diff.

A diff tells attributes; who keeps objects elsewhere needs whole rows, and the keys that are gone. A
column moves with its table without a row in a diff, and is another object to them all the same.
"""

from collections.abc import Mapping

import polars as pl

from incremental_assets.core.change import GONE, Change
from incremental_assets.core.compare import diff_schema, previous_key
from incremental_assets.core.entities import COLUMNS, ENTITIES, TABLES, TEXT, Entity

Frames = Mapping[str, pl.LazyFrame]


def removal_schema(entity: Entity) -> dict[str, pl.DataType]:
    """Columns of ``removals``: the key that is gone, the change, and the key it has now if any."""
    return dict.fromkeys((*entity.key, "change", *_new_key(entity)), TEXT)


def complete(frames: Frames) -> dict[str, pl.LazyFrame]:
    """The frames of a version with all entities; one it does not have is empty."""
    return {name: frames.get(name, one.empty().lazy()) for name, one in ENTITIES.items()}


def complete_changes(changes: Frames) -> dict[str, pl.LazyFrame]:
    """The frames of a diff with all entities; one it does not have is empty."""
    return {
        name: changes.get(name, pl.LazyFrame(schema=diff_schema(one)))
        for name, one in ENTITIES.items()
    }


def upserts(state: Frames, changes: Frames) -> dict[str, pl.LazyFrame]:
    """Whole rows of ``state`` of which the diff tells anything; columns also where their table
    has another name now. Both arguments are complete."""
    found = {}
    for name, entity in ENTITIES.items():
        keys = changes[name].filter(~pl.col("change").is_in(GONE)).select(entity.key).unique()
        found[name] = state[name].join(keys, on=entity.key, how="semi")
    # The other columns of a table that moved, too.
    moved = _moved_tables(changes)
    columns, own = state[COLUMNS.name], found[COLUMNS.name].select(COLUMNS.key)
    also = columns.join(moved.select(TABLES.key), on=TABLES.key, how="semi").select(COLUMNS.key)
    keys = pl.concat([own, also]).unique()
    found[COLUMNS.name] = columns.join(keys, on=COLUMNS.key, how="semi")
    return found


def datasets(state: Frames, changes: Frames) -> pl.LazyFrame:
    """The tables of ``state`` of which anything differs, a column that is gone included."""
    keys = [changes[entity.name].select(TABLES.key) for entity in (TABLES, COLUMNS)]
    return state[TABLES.name].join(pl.concat(keys).unique(), on=TABLES.key, how="semi")


def removals(state: Frames, changes: Frames) -> dict[str, pl.LazyFrame]:
    """By entity, the keys that were there before and are not in ``state``: ``removal_schema``."""
    return {
        name: _without_present(entity, state[name], _left(entity, state, changes))
        for name, entity in ENTITIES.items()
    }


def _left(entity: Entity, state: Frames, changes: Frames) -> pl.LazyFrame:
    """The keys that objects do not have any more, be it that another one has them now."""
    rows = changes[entity.name]
    gone = rows.filter(pl.col("change").is_in(GONE)).select(
        *(
            pl.coalesce(old, name).alias(name)
            for old, name in zip(previous_key(entity), entity.key, strict=True)
        ),
        "change",
        *(pl.lit(None, TEXT).alias(name) for name in _new_key(entity)),
    )
    renamed = rows.filter(pl.col("change") == Change.RENAMED).select(*_from_old_to_new(entity))
    parts = [gone, renamed]
    if entity is COLUMNS:
        parts.append(_moved_columns(state, changes))
    return pl.concat(parts)


def _moved_columns(state: Frames, changes: Frames) -> pl.LazyFrame:
    """Columns that only their table's name took along."""
    rows = changes[COLUMNS.name]
    other = rows.filter(pl.col("change").is_in([Change.RENAMED, Change.CREATED, Change.BACKFILL]))
    return (
        state[COLUMNS.name]
        .select(COLUMNS.key)
        .join(other.select(COLUMNS.key).unique(), on=COLUMNS.key, how="anti")
        .join(_moved_tables(changes), on=TABLES.key, how="inner")
        .with_columns(previous_column="column", change=pl.lit(Change.RENAMED.value))
        .select(*_from_old_to_new(COLUMNS))
    )


def _moved_tables(changes: Frames) -> pl.LazyFrame:
    moved = changes[TABLES.name].filter(pl.col("change") == Change.RENAMED)
    return moved.select(*TABLES.key, *previous_key(TABLES)).unique()


def _from_old_to_new(entity: Entity) -> list[pl.Expr]:
    return [
        *(pl.col(f"previous_{name}").alias(name) for name in entity.key),
        pl.col("change"),
        *(pl.col(name).alias(f"new_{name}") for name in entity.key),
    ]


def _without_present(entity: Entity, state: pl.LazyFrame, left: pl.LazyFrame) -> pl.LazyFrame:
    keys = state.select(entity.key)
    return left.unique().join(keys, on=entity.key, how="anti").sort(entity.key)


def _new_key(entity: Entity) -> list[str]:
    return [f"new_{name}" for name in entity.key]

"""What differs between two versions, object by object and attribute by attribute.

``apply`` (its inverse) is in apply; columns, which are many, are compared in diff_columns.
"""

from collections.abc import Mapping

import polars as pl

from incremental_assets.core.change import Change, Comparison
from incremental_assets.core.compare import (
    Match,
    difference,
    match_objects,
    previous_key,
)
from incremental_assets.core.diff_columns import columns_diff
from incremental_assets.core.entities import COLUMNS, DATABASES, ENTITIES, TABLES, Entity

Frames = Mapping[str, pl.DataFrame | pl.LazyFrame]
Diff = dict[str, pl.DataFrame]
Summary = dict[str, dict[str, int]]


def diff(
    previous: Frames, current: Frames, comparison: Comparison, plan: pl.DataFrame | None = None
) -> Diff:
    """The changes of every entity that either side has, sorted by key, change, attribute.

    UPDATED: one row per compared attribute, ``before`` and ``after`` as JSON text. RENAMED: one row
    without attribute. CREATED, BACKFILL (``after``) and DELETED, OUT_OF_SCOPE (``before``): one row
    with all attributes as one JSON object. ``previous_*`` hold the key the object had in
    ``previous`` where that is another one, else null. A column that is gone from a renamed table
    is found below the table's new name.

    With a ``plan``, columns are compared only in the tables that it read again or found gone.
    """
    databases = (_databases(previous), _databases(current))
    matches: dict[str, Match] = {}
    for entity in _small_entities(previous, current):
        sides = (_collected(entity, previous), _collected(entity, current))
        matches[entity.name] = match_objects(entity, *sides, comparison, databases)
    changes = {name: difference(ENTITIES[name], match) for name, match in matches.items()}
    if COLUMNS.name in previous or COLUMNS.name in current:
        changes[COLUMNS.name] = columns_diff(
            _lazy(COLUMNS, previous),
            _lazy(COLUMNS, current),
            matches[TABLES.name],
            comparison,
            plan,
        )
    return changes


def _small_entities(previous: Frames, current: Frames) -> list[Entity]:
    """All entities of either side but columns; tables too where there are columns."""
    names = {*previous, *current}
    if COLUMNS.name in names:
        names = (names - {COLUMNS.name}) | {TABLES.name}
    return [entity for name, entity in ENTITIES.items() if name in names]


def _lazy(entity: Entity, frames: Frames) -> pl.LazyFrame:
    return frames.get(entity.name, entity.empty()).lazy()


def _collected(entity: Entity, frames: Frames) -> pl.DataFrame:
    return _lazy(entity, frames).select(*entity.schema).collect()


def _databases(frames: Frames) -> pl.DataFrame | None:
    return _collected(DATABASES, frames) if DATABASES.name in frames else None


def summary(changes: Diff) -> Summary:
    """entity -> change -> number of objects; an object renamed and updated counts in both."""
    return {name: _counts(ENTITIES[name], rows) for name, rows in changes.items()}


def _counts(entity: Entity, rows: pl.DataFrame) -> dict[str, int]:
    objects = rows.select("change", *entity.key, *previous_key(entity)).unique()
    counts = dict(objects.group_by("change").len().iter_rows())
    return {word.value: counts[word.value] for word in Change if word.value in counts}


def first_summary(current: Frames) -> Summary:
    """The summary of a version without a parent, without building its diff."""
    heights = {name: _height(ENTITIES[name], current) for name in ENTITIES if name in current}
    return {name: {Change.CREATED.value: n} if n else {} for name, n in heights.items()}


def _height(entity: Entity, frames: Frames) -> int:
    height: int = _lazy(entity, frames).select(pl.len()).collect().item()
    return height


def is_same(previous: Frames, current: Frames, changes: Diff) -> bool:
    """Whether no new version is needed: no change, and bookkeeping and tokens equal too."""
    if set(previous) != set(current) or any(rows.height for rows in changes.values()):
        return False
    return all(
        _collected(entity, previous)
        .sort(entity.key)
        .equals(_collected(entity, current).sort(entity.key))
        for entity in ENTITIES.values()
        if entity.name in current and entity is not COLUMNS
    )

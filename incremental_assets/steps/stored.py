"""Stored entities and diffs as this release sees them, whichever release wrote them."""

from collections.abc import Mapping

import polars as pl

from incremental_assets.core.change import Change
from incremental_assets.core.compare import diff_schema
from incremental_assets.core.entities import ENTITIES, Entity, completed
from incremental_assets.core.json_text import TIME_FORMAT
from incremental_resources.state_store.version import Version


def scan_of(version: Version, entity: Entity) -> pl.LazyFrame:
    """An entity of a version with all its columns; null where its format did not have them yet.

    Raises:
        ObjectMissing: the version has no such entity.
        StateCorrupt: a file is damaged.
    """
    return completed(entity, version.scan(entity.name))


def frames_of(version: Version) -> Mapping[str, pl.LazyFrame]:
    """All entities of a version."""
    return {name: scan_of(version, ENTITIES[name]) for name in version.entities}


def diff_frame(version: Version, entity: Entity) -> pl.LazyFrame:
    """The rows of the version's diff for one entity, in the order they are stored in.

    A version without a parent has none stored; its diff is made from its state here, lazily: it
    has as many rows as the state.
    """
    if version.has(f"diff/{entity.name}"):
        return version.scan(f"diff/{entity.name}")
    if version.manifest.parent is None and version.has(entity.name):
        return all_created(entity, scan_of(version, entity))
    return pl.LazyFrame(schema=diff_schema(entity))


def all_created(entity: Entity, rows: pl.LazyFrame) -> pl.LazyFrame:
    """What ``core.diff`` says of a state that nothing came before."""
    attributes = [
        pl.col(name).dt.strftime(TIME_FORMAT) if isinstance(dtype, pl.Datetime) else pl.col(name)
        for name, dtype in entity.attributes.items()
    ]
    made = {
        "change": pl.lit(Change.CREATED.value),
        "after": pl.struct(attributes).struct.json_encode(),
    }
    return rows.select(
        pl.col(name) if name in entity.key else made.get(name, pl.lit(None, dtype)).alias(name)
        for name, dtype in diff_schema(entity).items()
    )

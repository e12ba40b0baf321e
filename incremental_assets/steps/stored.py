"""Stored entities as this release sees them, whichever release wrote them."""

from collections.abc import Mapping

import polars as pl

from incremental_assets.core.entities import ENTITIES, Entity, completed
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

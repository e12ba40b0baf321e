"""A version as a sink gets it: whole, or as what changed. Which it gets is in ``publishing``."""

from collections.abc import Mapping

import polars as pl

from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.publishing import (
    complete,
    complete_changes,
    datasets,
    removal_schema,
    removals,
    upserts,
)
from incremental_assets.core.view_lineage import ViewLineage, affected_views
from incremental_assets.steps.comparing import changes_between, same_source
from incremental_assets.steps.stored import all_created, diff_frame, frames_of
from incremental_resources.sinks.delivery import Delivery, Frames
from incremental_resources.source.dialect import Dialect
from incremental_resources.state_store.version import Version


def changes_as_delivery(
    connection: str, dialect: Dialect, version: Version, previous: str
) -> Delivery:
    """What changed in a version since its parent, which the sink had last."""
    stored = (name for name in ENTITIES if version.has(f"diff/{name}"))
    changes = complete_changes({name: diff_frame(version, ENTITIES[name]) for name in stored})
    state = complete(frames_of(version))
    return _delivery(
        connection,
        dialect,
        version,
        previous,
        is_snapshot=False,
        begins_anew=False,
        state=state,
        changes=changes,
        upserts=upserts(state, changes),
        removals=removals(state, changes),
        datasets=datasets(state, changes),
        affected=affected_views(state, changes),
    )


def snapshot_as_delivery(
    connection: str,
    dialect: Dialect,
    version: Version,
    *,
    previous: str | None = None,
    had: Version | None = None,
) -> Delivery:
    """A version as a whole; ``had`` is what the sink had last, where that is still there."""
    state = complete(frames_of(version))
    if had:
        trusted = same_source([version.manifest.source, had.manifest.source])
        found = changes_between(had, version, dialect, trusted=trusted)
        changes = complete_changes({name: rows.lazy() for name, rows in found.items()})
        gone = removals(state, changes)
    else:
        changes = {name: all_created(ENTITIES[name], rows) for name, rows in state.items()}
        gone = {
            name: pl.LazyFrame(schema=removal_schema(entity)) for name, entity in ENTITIES.items()
        }
    return _delivery(
        connection,
        dialect,
        version,
        previous,
        is_snapshot=True,
        begins_anew=had is None,
        state=state,
        changes=changes,
        upserts=state,
        removals=gone,
        datasets=state["tables"],
        affected=state["tables"].clear(),
    )


def _delivery(
    connection: str,
    dialect: Dialect,
    version: Version,
    previous: str | None,
    *,
    is_snapshot: bool,
    begins_anew: bool,
    state: Frames,
    changes: Frames,
    upserts: Frames,
    removals: Frames,
    datasets: pl.LazyFrame,
    affected: pl.LazyFrame,
) -> Delivery:
    manifest = version.manifest
    told: Mapping[str, Mapping[str, int]] = manifest.changes
    return Delivery(
        connection=connection,
        dialect=manifest.dialect,
        version=version.number,
        identity=version.ref.sha256,
        previous=previous,
        is_snapshot=is_snapshot,
        begins_anew=begins_anew,
        marker=manifest.marker,
        created_at=manifest.created_at,
        extraction=manifest.extraction,
        summary=told,
        state=state,
        changes=changes,
        upserts=upserts,
        removals=removals,
        datasets=datasets,
        affected_views=affected,
        lineage=ViewLineage(state, dialect.sqlglot_dialect, dialect.definitions_name_schemas),
    )

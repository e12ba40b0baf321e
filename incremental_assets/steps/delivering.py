"""A version as a sink gets it: whole, or as what changed. Which it gets is in ``publishing``."""

from collections.abc import Sequence

import polars as pl

from incremental_assets.core.diff import Summary, summary
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
        told=version.manifest.changes,
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
    had: Sequence[Version] = (),
    anew: bool = True,
) -> Delivery:
    """A version as a whole.

    ``had``: versions of which the sink may have anything. ``anew``: as to a sink of which nothing
    is known, but for what is gone since those; else it has all of the first of them.
    """
    state = complete(frames_of(version))
    since = [_since(one, version, dialect) for one in had]
    parts = [removals(state, changes) for changes in since]
    gone = {
        name: pl.concat([pl.LazyFrame(schema=removal_schema(one)), *(part[name] for part in parts)])
        .unique(one.key, keep="first")
        .sort(one.key)
        for name, one in ENTITIES.items()
    }
    if anew or not since:
        changes: Frames = {name: all_created(ENTITIES[name], rows) for name, rows in state.items()}
    else:
        changes = since[0]
    return _delivery(
        connection,
        dialect,
        version,
        previous,
        is_snapshot=True,
        begins_anew=anew or not since,
        told=_summary(changes, version, anew=anew or not since),
        state=state,
        changes=changes,
        upserts=state,
        removals=gone,
        datasets=state["tables"],
        affected=state["tables"].clear(),
    )


def _summary(changes: Frames, version: Version, *, anew: bool) -> Summary:
    """Entity -> change -> number of objects."""
    if not anew:
        return summary({name: rows.collect() for name, rows in changes.items()})
    counts = {name: version.rows(name) if version.has(name) else 0 for name in ENTITIES}
    return {name: {"CREATED": count} if count else {} for name, count in counts.items()}


def _since(had: Version, version: Version, dialect: Dialect) -> dict[str, pl.LazyFrame]:
    trusted = same_source([version.manifest.source, had.manifest.source])
    found = changes_between(had, version, dialect, trusted=trusted)
    return complete_changes({name: rows.lazy() for name, rows in found.items()})


def _delivery(
    connection: str,
    dialect: Dialect,
    version: Version,
    previous: str | None,
    *,
    is_snapshot: bool,
    begins_anew: bool,
    told: Summary,
    state: Frames,
    changes: Frames,
    upserts: Frames,
    removals: Frames,
    datasets: pl.LazyFrame,
    affected: pl.LazyFrame,
) -> Delivery:
    manifest = version.manifest
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

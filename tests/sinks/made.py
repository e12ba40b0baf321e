"""Deliveries that are made of frames, for tests of one kind of sink alone."""

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl

from incremental_assets.core.change import Comparison
from incremental_assets.core.diff import diff, summary
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.publishing import (
    complete,
    complete_changes,
    datasets,
    removals,
    upserts,
)
from incremental_assets.core.scope import Scope
from incremental_assets.core.view_lineage import ViewLineage, affected_views
from incremental_resources.sinks.delivery import Delivery

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
SCOPE = Scope(entities=tuple(ENTITIES))


def made_delivery(
    before: Mapping[str, pl.DataFrame] | None, after: Mapping[str, pl.DataFrame], version: int = 1
) -> Delivery:
    """What leads from one state to the next; the first one whole."""
    comparison = Comparison(SCOPE, SCOPE, durable_ids=True, durable_ordinals=True)
    empty = {name: entity.empty() for name, entity in ENTITIES.items()}
    found = diff(before or empty, after, comparison)
    changes = complete_changes({name: rows.lazy() for name, rows in found.items()})
    current = complete({name: rows.lazy() for name, rows in after.items()})
    return Delivery(
        connection="shop",
        dialect="postgresql",
        version=version,
        identity=f"{version:064x}",
        previous=f"{version - 1:064x}" if before else None,
        is_snapshot=before is None,
        begins_anew=before is None,
        marker=AT,
        created_at=AT,
        extraction="20260131T120000Z-0123abcd",
        summary=summary(found),
        state=current,
        changes=changes,
        upserts=upserts(current, changes) if before else current,
        removals=removals(current, changes),
        datasets=datasets(current, changes),
        affected_views=affected_views(current, changes),
        lineage=ViewLineage(current, "postgres", qualified=True),
    )

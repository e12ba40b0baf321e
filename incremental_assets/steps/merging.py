"""Merging what was read into what was known: the frames of the new state, and its diff.

The rules are in ``core``; here they get their frames, and the results become working files.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from incremental_assets.core.diff import diff, first_summary, is_same, summary
from incremental_assets.core.merge import merge_columns
from incremental_assets.core.reconcile import (
    count_columns,
    fill_parents,
    no_columns,
    reconcile_tables,
)
from incremental_assets.steps.refresh import Refresh


def merge(step: Refresh) -> pl.DataFrame:
    """Write the connection's columns and its tables with the counts that were really read.

    Returns:
        The report of tables that must be read again (``core.reconcile.REPORT_SCHEMA``).
    """
    batches = step.batches()
    counts = pl.concat([no_columns(), *map(count_columns, batches)])
    if not step.columns_carried:
        merged = merge_columns(step.previous["columns"], step.plan, batches, counts)
        step.extraction.write("state/columns", merged)
    tables, report = reconcile_tables(
        step.frame("listings/tables"), step.base_frame("tables"), step.plan, counts
    )
    step.once("state/tables", lambda: tables)
    return step.once("report", lambda: report)


def compare(step: Refresh) -> Mapping[str, Any]:
    """Write the other entities' frames and the diff; returns the diff's summary.

    The summary is ``{"same": bool, "changes": {entity: {change: objects}}}``.
    """
    if not step.extraction.exists("diff/summary"):
        _fill_parents(step)
        previous, current = step.previous, step.current
        if step.base is None:
            found = {"same": False, "changes": first_summary(current)}
        else:
            changes = diff(previous, current, step.comparison, step.plan)
            kept = step.base.manifest.scope == step.record["scope"] and not step.outdated
            same = kept and is_same(previous, current, changes)
            found = {"same": same, "changes": summary(changes)}
            for entity, frame in changes.items():
                step.once(f"diff/{entity}", lambda frame=frame: frame)
        step.extraction.write_json("diff/summary", found)
    return step.extraction.read_json("diff/summary")


def _fill_parents(step: Refresh) -> None:
    """The listed entities as they are stored: every object's parent is there."""
    listed = [name for name in step.scope.entities if name not in ("columns", "tables")]
    if "columns" not in step.scope.entities:
        step.once("state/tables", lambda: step.frame("listings/tables"))
    frames = {name: step.frame(f"listings/{name}") for name in listed}
    filled = fill_parents(frames | {"tables": step.frame("state/tables")})
    for name in listed:
        step.once(f"state/{name}", lambda name=name: filled[name])

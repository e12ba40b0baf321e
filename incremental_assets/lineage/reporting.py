"""After the head has moved: an event for every shown table that changed in the new version.

How a table is described is in ``specs``, which tables are shown in ``table_assets``.
"""

import dagster as dg
import polars as pl

from incremental_assets.core.entities import TABLES
from incremental_assets.core.lineage import changes_by_table
from incremental_assets.lineage.specs import changed
from incremental_assets.lineage.table_assets import facts_of, shown_tables
from incremental_assets.steps.committing import candidate, commit_stands
from incremental_assets.steps.refresh import Refresh
from incremental_assets.steps.stored import scan_of


def report_tables(context: dg.AssetExecutionContext, step: Refresh) -> None:
    """Log an event of each shown table that changed. A first version has no changes."""
    with commit_stands(context, "the tables that changed were not all reported"):
        for event in _events(step):
            context.log_event(event)


def _events(step: Refresh) -> list[dg.AssetMaterialization]:
    lineage = step.connection.lineage
    if lineage is None or step.base is None or (version := candidate(step)) is None:
        return []
    names = [name for name in ("tables", "columns") if step.extraction.exists(f"diff/{name}")]
    changes = changes_by_table({name: step.frame(f"diff/{name}") for name in names})
    keys = pl.DataFrame(list(changes), schema=TABLES.key, orient="row").cast(pl.String)
    tables = shown_tables(lineage, scan_of(version, TABLES).collect())
    concerned = tables.join(keys, on=TABLES.key, how="semi")
    return [
        changed(step.connection, table, changes[table.key], version.number)
        for table in facts_of(version, concerned)
    ]

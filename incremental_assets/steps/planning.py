"""The plan of an extraction: its frames go to the rules, the result comes back with batches."""

import polars as pl

from incremental_assets.core.classify import classify_tables
from incremental_assets.core.marker import reread_since
from incremental_assets.core.plan import batch_keys, plan_batches
from incremental_assets.steps.refresh import Refresh


def make_plan(step: Refresh) -> pl.DataFrame:
    """Every table of the listing and of the base version, with its change and its batch."""
    options, dialect = step.connection.options, step.connection.dialect()
    classified = classify_tables(
        step.frame("listings/tables"),
        step.base_frame("tables"),
        step.comparison,
        databases=step.frame("listings/databases"),
        base_databases=step.base_frame("databases"),
        reread_since=reread_since(
            step.comparison.marker,
            options.marker_overlap_hours,
            token_has_time=dialect.token_has_time,
        ),
        full=step.record["mode"] == "full",
        stored_counts=_stored_counts(step),
    )
    return plan_batches(
        classified, batch_columns=options.batch_columns, batch_tables=options.batch_tables
    )


def _stored_counts(step: Refresh) -> pl.DataFrame | None:
    """How many columns the base version holds of each table, unless they add up as they should."""
    if not step.base or not {"columns"} <= {*step.scope.entities} & {*step.base.entities}:
        return None
    counted = step.previous["tables"].select(pl.col("column_count").sum()).collect().item()
    if counted == step.base.rows("columns"):
        return None
    keys = ["database", "schema", "table"]
    counted = step.base.scan("columns").group_by(keys).agg(pl.len().alias("stored"))
    tables = step.base.scan("tables").select(keys)
    return (
        tables.join(counted, on=keys, how="left")
        .with_columns(pl.col("stored").fill_null(0))
        .collect()
    )


def partition_keys(step: Refresh, plan: pl.DataFrame) -> list[str]:
    """The partition keys of the plan's batches; none where the connection has no columns."""
    return batch_keys(step.extraction.id, plan) if "columns" in step.scope.entities else []

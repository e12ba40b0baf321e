"""Listing an entity: read whole from the source, conformed, the tables split by the options.

What is admitted is decided in ``core/scope.py``; which statements are run, by the dialect.
"""

import polars as pl

from incremental_assets.core.entities import TABLES, Entity, conform
from incremental_assets.core.scope import split_tables
from incremental_assets.steps.refresh import Refresh
from incremental_resources.source.source import Source

LEFT_OUT = "listings/left_out"


def list_entity(step: Refresh, source: Source, entity: Entity) -> pl.DataFrame:
    """The entity's admitted rows; the source is only asked where no file of an earlier try is."""
    if entity is TABLES:
        return _list_tables(step, source)
    return step.once(f"listings/{entity.name}", lambda: _listed(step, source, entity))


def _list_tables(step: Refresh, source: Source) -> pl.DataFrame:
    listing = step.once("listings/all_tables", lambda: _listed(step, source, TABLES))
    admitted, left_out = split_tables(listing, step.scope)
    step.once(LEFT_OUT, lambda: left_out)
    return step.once("listings/tables", lambda: admitted)


def _listed(step: Refresh, source: Source, entity: Entity) -> pl.DataFrame:
    # An extraction that an older release has opened knows no databases.
    databases = step.record.get("databases")
    return conform(entity, source.listing(entity.name, entity.schema, databases))

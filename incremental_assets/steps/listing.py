"""Listing an entity: read whole from the source, conformed, the tables split by the options.

What is admitted is decided in ``core/scope.py``; which statements are run, by the dialect.
"""

import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from incremental_assets.core.entities import TABLES, Entity, conform
from incremental_assets.core.scope import split_tables
from incremental_assets.steps.refresh import SEVERAL_STARTS, Refresh
from incremental_resources.source.source import Source

LEFT_OUT = "listings/left_out"
ALL_TABLES, REACHED = "listings/all_tables", "reached"


def list_entity(step: Refresh, source: Source, entity: Entity) -> pl.DataFrame:
    """The entity's admitted rows; the source is only asked where no file of an earlier try is."""
    if entity is TABLES:
        return _list_tables(step, source)
    return step.once(f"listings/{entity.name}", lambda: _listed(step, source, entity))


def _list_tables(step: Refresh, source: Source) -> pl.DataFrame:
    listing = step.once(ALL_TABLES, lambda: _with_place(step, source))
    admitted, left_out = split_tables(conform(TABLES, listing), step.scope)
    step.once(LEFT_OUT, lambda: left_out)
    return step.once("listings/tables", lambda: admitted)


def listed_at(step: Refresh) -> Mapping[str, Any]:
    """The server that the tables were listed at, and how far it was: no batch may be behind it.

    A table's columns from before its token's time would stay as they are for good.
    """
    rows = step.extraction.read(ALL_TABLES).select(REACHED).head(1).collect()
    found: Mapping[str, Any] = json.loads(rows.item()) if rows.height else step.record["source"]
    return found


def _with_place(step: Refresh, source: Source) -> pl.DataFrame:
    """The tables; in the same file, because there is only one of it, what ``listed_at`` returns."""
    pinned = source.pinned_to(step.record["source"])
    listed = _rows(step, pinned, TABLES)
    return listed.with_columns(pl.lit(json.dumps(pinned.reached)).alias(REACHED))


def _listed(step: Refresh, source: Source, entity: Entity) -> pl.DataFrame:
    return _rows(step, source.pinned_to(step.record["source"]), entity)


def _rows(step: Refresh, pinned: Source, entity: Entity) -> pl.DataFrame:
    # An extraction that an older release has opened knows no databases.
    databases = step.record.get("databases")
    rows = conform(entity, pinned.listing(entity.name, entity.schema, databases))
    note_starts(step, pinned)
    return rows


def note_starts(step: Refresh, pinned: Source) -> None:
    """Remember where not all of what was read came from one start of the server.

    It may have been another copy of the same files: then no later refresh may trust the tokens.
    """
    if "restart" in step.record["source"] and "restart" not in pinned.reached:
        step.extraction.write_json(SEVERAL_STARTS, content=True)

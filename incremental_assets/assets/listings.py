"""The listings: databases, schemas, tables, procedures, each read whole from the source."""

import dagster as dg

from incremental_assets import metadata, refresh
from incremental_assets.assets.shell import connection_asset
from incremental_assets.config import Connection
from incremental_assets.core.entities import DATABASES, PROCEDURES, SCHEMAS, TABLES, Entity, conform
from incremental_assets.core.scope import split_tables
from resources.source.pool import Sources
from resources.state_store.pool import States


def listing_assets(connection: Connection) -> list[dg.AssetsDefinition]:
    """One asset per entity that is listed; columns are read in batches instead."""
    listed = [
        _listing_asset(connection, entity)
        for entity in (DATABASES, SCHEMAS, PROCEDURES)
        if entity.name in connection.scope().entities
    ]
    return [*listed, _tables_asset(connection)]


def _listing_asset(connection: Connection, entity: Entity) -> dg.AssetsDefinition:
    def listing(
        context: dg.AssetExecutionContext,
        sources: dg.ResourceParam[Sources],
        states: dg.ResourceParam[States],
    ) -> dg.MaterializeResult:
        step = refresh.of_step(context, connection, states[connection.name])
        if step.unchanged:
            return metadata.unchanged(step, entity.name)
        source = sources[connection.name]
        rows = step.once(
            f"listings/{entity.name}",
            lambda: conform(entity, source.listing(entity.name, entity.schema)),
        )
        return metadata.listed(step, entity.name, rows)

    listing.__name__ = entity.name
    description = f"The {entity.name} of {connection.name}, as the source lists them."
    return connection_asset(connection, after=["extraction"], description=description)(listing)


def _tables_asset(connection: Connection) -> dg.AssetsDefinition:
    @connection_asset(
        connection,
        after=["extraction"],
        description=f"The tables and views of {connection.name}, each with the token that tells "
        "whether anything about it changed.",
    )
    def tables(
        context: dg.AssetExecutionContext,
        sources: dg.ResourceParam[Sources],
        states: dg.ResourceParam[States],
    ) -> dg.MaterializeResult:
        step = refresh.of_step(context, connection, states[connection.name])
        if step.unchanged:
            return metadata.unchanged(step, TABLES.name)
        source = sources[connection.name]
        listing = step.once(
            "listings/all_tables",
            lambda: conform(TABLES, source.listing(TABLES.name, TABLES.schema)),
        )
        admitted, left_out = split_tables(listing, step.scope)
        step.once("listings/left_out", lambda: left_out)
        step.once("listings/tables", lambda: admitted)
        return metadata.listed(step, TABLES.name, admitted, left_out=left_out)

    return tables

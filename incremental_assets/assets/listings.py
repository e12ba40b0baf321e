"""The listings: databases, schemas, tables, procedures, each read whole from the source."""

import dagster as dg

from incremental_assets.assets.shell import connection_asset
from incremental_assets.config.connection import Connection
from incremental_assets.core.entities import COLUMNS, ENTITIES, Entity
from incremental_assets.steps import metadata, refresh
from incremental_assets.steps.listing import list_entity
from incremental_resources.source.pool import Sources
from incremental_resources.state_store.pool import States

DESCRIPTIONS = {
    "databases": "The databases that the filters admit.",
    "schemas": "The schemas that the filters admit, of every database.",
    "tables": "The tables and views, each with the token that tells whether anything about it "
    "changed.",
    "procedures": "The functions, procedures and aggregates.",
}


def listing_assets(connection: Connection) -> list[dg.AssetsDefinition]:
    """One asset per entity that is listed; columns are read in batches instead."""
    return [
        _listing_asset(connection, ENTITIES[name])
        for name in connection.read_entities()
        if name != COLUMNS.name
    ]


def _listing_asset(connection: Connection, entity: Entity) -> dg.AssetsDefinition:
    def listing(
        context: dg.AssetExecutionContext,
        sources: dg.ResourceParam[Sources],
        states: dg.ResourceParam[States],
    ) -> dg.MaterializeResult:
        step = refresh.of_step(context, connection, states[connection.name])
        if step.unchanged:
            return metadata.unchanged(step, entity.name)
        return metadata.listed(step, entity, list_entity(step, sources[connection.name], entity))

    listing.__name__ = entity.name
    shell = connection_asset(
        connection, after=["extraction"], description=DESCRIPTIONS[entity.name]
    )
    return shell(listing)

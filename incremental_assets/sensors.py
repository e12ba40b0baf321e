"""The change sensor of a connection, switched off until somebody switches it on."""

import dagster as dg

from incremental_assets.config import Connection
from incremental_assets.jobs import refresh_job_name
from incremental_assets.resource_keys import with_resources_of
from incremental_assets.watching import look
from resources.source.pool import Sources
from resources.state_store.pool import States


def change_sensor(connection: Connection) -> dg.SensorDefinition:
    """Asks the source for its probe and requests one refresh if it differs from the head's."""

    @dg.sensor(
        name=f"{connection.name}_change_sensor",
        job_name=refresh_job_name(connection.name),
        minimum_interval_seconds=connection.options.sensor_seconds,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=f"Refreshes {connection.name} when its catalog changed. A look costs one "
        "statement per database.",
    )
    @with_resources_of(connection.name)
    def watch_for_changes(
        context: dg.SensorEvaluationContext,
        sources: dg.ResourceParam[Sources],
        states: dg.ResourceParam[States],
    ) -> dg.RunRequest | dg.SkipReason:
        name = connection.name
        return look(context.instance, connection, sources[name], states[name])

    return watch_for_changes

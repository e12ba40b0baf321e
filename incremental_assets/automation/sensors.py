"""The sensors of a connection: for changes, for the end of a fan-out, for sinks that are behind."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from incremental_assets.assets.jobs import first_job_name
from incremental_assets.assets.resource_keys import with_resources_of
from incremental_assets.automation.publishing import look_at_sinks
from incremental_assets.automation.watching import look
from incremental_assets.config.connection import Connection
from incremental_assets.naming import publish_job_name
from incremental_assets.steps.fan_out import go_on
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.source.pool import Sources
from incremental_resources.state_store.pool import States

# Between the end of a batch's run and the next one's beginning.
FAN_OUT_SECONDS = 5


def sensors_of(
    connection: Connection, jobs: Sequence[Any], sinks: Sequence[ConfiguredSink]
) -> list[dg.SensorDefinition]:
    """Every sensor of the connection, whose ``jobs`` they ask for."""
    fanned_out = connection.options.fan_out == "runs"
    return [
        change_sensor(connection),
        *([fan_out_sensor(connection, jobs)] if fanned_out else []),
        *([publish_sensor(connection, sinks)] if sinks else []),
    ]


def change_sensor(connection: Connection) -> dg.SensorDefinition:
    """Asks the source for its probe and requests one refresh if it differs from the head's.

    It is off until somebody switches it on.
    """

    @dg.sensor(
        name=f"{connection.name}_change_sensor",
        job_name=first_job_name(connection),
        minimum_interval_seconds=connection.options.sensor_seconds,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=f"Refreshes {connection.name} when its catalog changed. A look asks every "
        "database whether its catalog was written to, and only then for its probe.",
    )
    @with_resources_of(connection.name)
    def watch_for_changes(
        context: dg.SensorEvaluationContext,
        sources: dg.ResourceParam[Sources],
        states: dg.ResourceParam[States],
    ) -> dg.RunRequest | dg.SkipReason:
        name = connection.name
        return look(context, connection, sources[name], states[name])

    return watch_for_changes


def fan_out_sensor(connection: Connection, jobs: Sequence[Any]) -> dg.SensorDefinition:
    """Requests the runs that an extraction needs which ``<connection>_plan`` has opened.

    It is on: whoever ran the plan wants its end.
    """

    @dg.sensor(
        name=f"{connection.name}_fan_out_sensor",
        jobs=jobs,
        minimum_interval_seconds=min(FAN_OUT_SECONDS, connection.options.sensor_seconds),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Takes a refresh that {connection.name}_plan began to its end: a run per "
        "batch, then one that commits. It never asks the source.",
    )
    @with_resources_of(connection.name)
    def take_to_the_end(
        context: dg.SensorEvaluationContext, states: dg.ResourceParam[States]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        return go_on(context.instance, connection, states[connection.name])

    return take_to_the_end


def publish_sensor(connection: Connection, sinks: Sequence[ConfiguredSink]) -> dg.SensorDefinition:
    """Requests a run of ``<connection>_publish`` while a sink does not have the current version.

    It is on: whoever configures a sink wants it to be caught up.
    """

    @dg.sensor(
        name=f"{connection.name}_publish_sensor",
        job_name=publish_job_name(connection.name),
        minimum_interval_seconds=connection.options.sensor_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Catches up sinks of {connection.name} that were down, or whose state was "
        "moved by a rollback. It never asks the source.",
    )
    @with_resources_of(connection.name)
    def catch_up(
        context: dg.SensorEvaluationContext, states: dg.ResourceParam[States]
    ) -> dg.RunRequest | dg.SkipReason:
        return look_at_sinks(context.instance, connection, states[connection.name], sinks)

    return catch_up

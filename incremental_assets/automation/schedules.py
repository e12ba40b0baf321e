"""The schedule of a connection, switched off until somebody switches it on."""

import dagster as dg

from incremental_assets.assets.jobs import first_job_name
from incremental_assets.assets.resource_keys import with_resources_of
from incremental_assets.config.connection import Connection
from incremental_assets.steps.fan_out import why_busy
from incremental_resources.state_store.pool import States


def refresh_schedule(connection: Connection) -> dg.ScheduleDefinition:
    """A refresh on the connection's cron. It sets no run config: what a person has to decide
    (reading in full, accepting deletions) is never repeated by a clock."""
    settings = {
        "name": f"{connection.name}_schedule",
        "job_name": first_job_name(connection),
        "cron_schedule": connection.schedule,
        "default_status": dg.DefaultScheduleStatus.STOPPED,
        "description": f"Refreshes {connection.name}; times are UTC.",
    }
    if connection.options.fan_out == "in_run":
        return dg.ScheduleDefinition(**settings)

    @dg.schedule(**settings)
    @with_resources_of(connection.name)
    def unless_one_is_under_way(
        context: dg.ScheduleEvaluationContext, states: dg.ResourceParam[States]
    ) -> dg.RunRequest | dg.SkipReason:
        busy = why_busy(context.instance, connection, states[connection.name])
        return dg.SkipReason(busy) if busy else dg.RunRequest()

    return unless_one_is_under_way

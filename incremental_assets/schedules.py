"""The schedule of a connection, switched off until somebody switches it on."""

import dagster as dg

from incremental_assets.config import Connection
from incremental_assets.jobs import refresh_job_name


def refresh_schedule(connection: Connection) -> dg.ScheduleDefinition:
    """A refresh on the connection's cron. It sets no run config: what a person has to decide
    (reading in full, accepting deletions) is never repeated by a clock."""
    return dg.ScheduleDefinition(
        name=f"{connection.name}_schedule",
        job_name=refresh_job_name(connection.name),
        cron_schedule=connection.schedule,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"Refreshes {connection.name}; times are UTC.",
    )

"""The job of a connection: which assets one click refreshes. No asset bodies."""

from typing import Any

import dagster as dg

from incremental_assets.config import Connection
from incremental_assets.runs import CONNECTION_TAG


def refresh_job_name(connection: str) -> str:
    """The job's name."""
    return f"{connection}_refresh"


def refresh_job(connection: Connection) -> Any:
    """Everything of the connection but ``column_batches``, in one process and one click.

    With the partitioned asset in its selection Dagster would ask for a partition; ``columns``
    reads the batches of the plan itself and reports them as partitions of ``column_batches``.
    """
    group = dg.AssetSelection.groups(connection.name)
    batches = dg.AssetSelection.assets([connection.name, "column_batches"])
    return dg.define_asset_job(
        refresh_job_name(connection.name),
        selection=group - batches,
        description=f"Refresh the state of {connection.name}, reading only what changed.",
        executor_def=dg.in_process_executor,
        tags={CONNECTION_TAG: connection.name},
    )

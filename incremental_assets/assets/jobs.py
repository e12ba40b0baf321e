"""The jobs of a connection: which assets one run takes. No asset bodies."""

from typing import Any

import dagster as dg

from incremental_assets.config.connection import Connection
from incremental_assets.naming import (
    BATCH_TAG,
    CONNECTION_TAG,
    PUBLISH_TAG,
    apply_job_name,
    batch_job_name,
    plan_job_name,
    publish_job_name,
    refresh_job_name,
)

# The assets of every connection, before and after those of its entities.
BEFORE = ("extraction", "column_plan")
AFTER = ("incremental_diff", "current_state", "marker", "publish")


def first_job_name(connection: Connection) -> str:
    """The job that sensor and schedule ask for: a whole refresh, or the plan of one."""
    named = plan_job_name if connection.options.fan_out == "runs" else refresh_job_name
    return named(connection.name)


def jobs_of(connection: Connection) -> list[Any]:
    """Every job of the connection."""
    fanned_out = connection.options.fan_out == "runs"
    return [
        refresh_job(connection),
        publish_job(connection),
        *(fan_out_jobs(connection) if fanned_out else []),
    ]


def refresh_job(connection: Connection) -> Any:
    """Everything of the connection but ``column_batches``, in one process and one click.

    With the partitioned asset in its selection Dagster would ask for a partition; ``columns``
    reads the batches of the plan itself and reports them as partitions of ``column_batches``.
    """
    return _job(
        refresh_job_name(connection.name),
        # Not by the group: a connection may be called as the group of another's batches.
        _assets(connection, *BEFORE, *connection.read_entities(), *AFTER),
        f"Refresh the state of {connection.name}, reading only what changed.",
        {CONNECTION_TAG: connection.name},
    )


def publish_job(connection: Connection) -> Any:
    """What sinks have not had, without a refresh, and beside one that is going on."""
    return _job(
        publish_job_name(connection.name),
        _assets(connection, "publish"),
        f"Deliver to the sinks of {connection.name} what they have not had.",
        {PUBLISH_TAG: connection.name},
    )


def fan_out_jobs(connection: Connection) -> list[Any]:
    """The same refresh in many runs: the plan, one run per batch, and the rest.

    Runs of batches have a tag of their own: the queue lets one run with the connection's begin.
    """
    name, has_columns = connection.name, "columns" in connection.read_entities()
    listed = [entity for entity in connection.read_entities() if entity != "columns"]
    merged = ["columns"] if has_columns else []
    plan = _job(
        plan_job_name(name),
        _assets(connection, *BEFORE, *listed),
        f"Begin a refresh of {name} that reads every batch in a run of its own; the sensor "
        f"{name}_fan_out_sensor takes it to the end.",
        {CONNECTION_TAG: name},
    )
    batch = _job(
        batch_job_name(name),
        _assets(connection, "column_batches"),
        f"Read one batch of columns of {name}.",
        {BATCH_TAG: name},
    )
    rest = _job(
        apply_job_name(name),
        _assets(connection, *merged, *AFTER),
        f"Merge what the batches of {name} read, and commit it.",
        {CONNECTION_TAG: name},
    )
    return [plan, *([batch] if has_columns else []), rest]


def _assets(connection: Connection, *names: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*([connection.name, name] for name in names))


def _job(name: str, selection: dg.AssetSelection, description: str, tags: dict[str, str]) -> Any:
    return dg.define_asset_job(
        name,
        selection=selection,
        description=description,
        executor_def=dg.in_process_executor,
        tags=tags,
    )

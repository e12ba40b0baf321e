"""From the listing to the columns: ``column_plan``, ``column_batches``, ``columns``."""

import dagster as dg

from incremental_assets.assets.partitions import column_batches_partitions
from incremental_assets.assets.shell import code_of, connection_asset
from incremental_assets.config.connection import Connection
from incremental_assets.naming import CONNECTION_TAG, batches_group, partitions_name
from incremental_assets.steps import metadata, refresh
from incremental_assets.steps.batches import (
    Progress,
    batches_of_keys,
    read_batch,
    read_batches,
)
from incremental_assets.steps.merging import merge
from incremental_assets.steps.planning import make_plan, partition_keys
from incremental_resources.source.pool import Sources
from incremental_resources.state_store.pool import States

BATCH_FILES = "batch_files"


def column_assets(connection: Connection) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The plan, and where the connection has columns, the batches, their files and their merge."""
    plan = _column_plan_asset(connection)
    if "columns" not in connection.read_entities():
        return [plan]
    return [
        plan,
        _column_batches_asset(connection),
        _batch_files(connection),
        _columns_asset(connection),
    ]


def _column_plan_asset(connection: Connection) -> dg.AssetsDefinition:
    @connection_asset(
        connection,
        after=["databases", "tables"],
        description="What happened to every table since the base version, and which batch reads "
        "the columns of those that changed.",
    )
    def column_plan(
        context: dg.AssetExecutionContext, states: dg.ResourceParam[States]
    ) -> dg.MaterializeResult:
        step = refresh.of_step(context, connection, states[connection.name])
        if step.unchanged:
            return metadata.unchanged(step, "tables")
        plan = step.once("plan", lambda: make_plan(step))
        keys = partition_keys(step, plan)
        if keys:
            context.instance.add_dynamic_partitions(partitions_name(connection.name), keys)
        return metadata.planned(step, plan)

    return column_plan


def _column_batches_asset(connection: Connection) -> dg.AssetsDefinition:
    @connection_asset(
        connection,
        after=["column_plan"],
        description="The columns of one batch of tables per partition. A refresh reads them "
        "inside `columns`; materialize a partition here to read a failed batch again.",
        group_name=batches_group(connection.name),
        partitions_def=column_batches_partitions(connection.name),
        backfill_policy=dg.BackfillPolicy.single_run(),
        # Runs of one batch each are bounded by the sensor; a pool would let them begin one by one.
        pool=None if connection.options.fan_out == "runs" else connection.name,
    )
    def column_batches(
        context: dg.AssetExecutionContext,
        sources: dg.ResourceParam[Sources],
        states: dg.ResourceParam[States],
    ) -> dg.MaterializeResult:
        source, store = sources[connection.name], states[connection.name]
        for step, numbers in batches_of_keys(context, connection, store):
            read_batches(context, step, source, numbers, as_partitions=True)
        return dg.MaterializeResult()

    return column_batches


def _batch_files(connection: Connection) -> dg.AssetSpec:
    """What lies between the batches and their merge.

    The UI warns of an upstream asset that could be materialized and never was; of one that Dagster
    does not materialize it says nothing.
    """
    return dg.AssetSpec(
        [connection.name, BATCH_FILES],
        deps=[[connection.name, "column_batches"]],
        group_name=connection.name,
        description="The working files of the extraction that have the columns of one batch each, "
        "whoever read it: `columns` itself, or a run of `column_batches`.",
        kinds={connection.dialect().name, "parquet"},
        owners=list(connection.owners),
        tags={CONNECTION_TAG: connection.name},
        metadata={"dagster/code_references": code_of(read_batch)},
    )


def _columns_asset(connection: Connection) -> dg.AssetsDefinition:
    @connection_asset(
        connection,
        # The refresh job leaves column_batches out; without the direct edge from the plan nothing
        # would make Dagster wait for it.
        after=["column_plan", BATCH_FILES, "tables"],
        description="Every column of the connection: what the batches read, merged with the "
        "base version's columns of all other tables.",
        pool=connection.name,
    )
    def columns(
        context: dg.AssetExecutionContext,
        sources: dg.ResourceParam[Sources],
        states: dg.ResourceParam[States],
        progress: dg.ResourceParam[Progress],
    ) -> dg.MaterializeResult:
        step = refresh.of_step(context, connection, states[connection.name])
        if step.unchanged:
            return metadata.unchanged(step, "columns")
        source = sources[connection.name]
        done = read_batches(context, step, source, step.outstanding(), progress=progress)
        report = merge(step)
        return metadata.merged(step, done, report)

    return columns

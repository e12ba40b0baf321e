"""``publish``, after the commit: what sinks have not had goes to them; a check for every sink.

What is delivered is decided in ``steps.publishing``. Nothing here fails a refresh: it is committed.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from incremental_assets.assets.resource_keys import with_resources_of
from incremental_assets.assets.shell import connection_asset
from incremental_assets.config.connection import Connection
from incremental_assets.steps import publishing_metadata
from incremental_assets.steps.change_log import keep_change_log
from incremental_assets.steps.publishing import publish_all
from incremental_resources.sinks.pool import ConfiguredSink, Sinks
from incremental_resources.state_store.pool import States


def publish_asset(connection: Connection) -> dg.AssetsDefinition:
    """The asset of one connection; without sinks it keeps the change log and nothing else."""

    @connection_asset(
        connection,
        after=["marker"],
        description="The change log, and what sinks have not had, version by version. A sink that "
        "is down fails its check and is caught up later.",
    )
    def publish(
        context: dg.AssetExecutionContext,
        states: dg.ResourceParam[States],
        sinks: dg.ResourceParam[Sinks],
    ) -> dg.MaterializeResult:
        store = states[connection.name]
        log = keep_change_log(context, connection, store)
        done = publish_all(store, connection.dialect(), sinks[connection.name])
        publishing_metadata.tell(context, done)
        publishing_metadata.retry_once_more(context, done)
        return publishing_metadata.published(log, done)

    return publish


def sink_checks(
    connection: Connection, sinks: Sequence[ConfiguredSink]
) -> list[dg.AssetChecksDefinition]:
    """A check for each sink, which fails while it does not have the current version."""
    if not sinks:
        return []

    @dg.multi_asset_check(
        name=f"{connection.name}__sinks",
        specs=[_spec(connection, sink) for sink in sinks],
        can_subset=True,
    )
    @with_resources_of(connection.name, in_run=True)
    def sink_standings(
        context: dg.AssetCheckExecutionContext,
        states: dg.ResourceParam[States],
        sinks: dg.ResourceParam[Sinks],
    ) -> Iterator[dg.AssetCheckResult]:
        chosen = {check.name for check in context.selected_asset_check_keys}
        for sink in sinks[connection.name]:
            name = check_name(sink.name)
            if name in chosen:
                yield publishing_metadata.checked(name, states[connection.name], sink)

    return [sink_standings]


def check_name(sink: str) -> str:
    """The name of a sink's check."""
    return f"sink_{sink}"


def _spec(connection: Connection, sink: ConfiguredSink) -> Any:
    key = dg.AssetKey([connection.name, "publish"])
    told = f"The sink {sink.name} ({sink.kind}) has the current version."
    return dg.AssetCheckSpec(check_name(sink.name), asset=key, description=told)

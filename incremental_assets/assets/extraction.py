"""The asset ``extraction``: the preflight passes, then an attempt to refresh is opened."""

import dagster as dg

from incremental_assets.assets.shell import connection_asset
from incremental_assets.config.connection import Connection
from incremental_assets.config.run_config import ExtractionConfig
from incremental_assets.steps import metadata
from incremental_assets.steps.failures import OUR_ERRORS
from incremental_assets.steps.fan_out import stop_if_busy
from incremental_assets.steps.opening import open_extraction, preflight
from incremental_resources.source.pool import Sources
from incremental_resources.state_store.pool import States


def extraction_asset(connection: Connection) -> dg.AssetsDefinition:
    """``extraction`` with its blocking check ``preflight``."""
    key = dg.AssetKey([connection.name, "extraction"])

    @connection_asset(
        connection,
        after=[],
        description="One attempt to refresh: passes the preflight, reads the source's clock and "
        "probe, decides between full, incremental and unchanged.",
        check_specs=[dg.AssetCheckSpec("preflight", asset=key, blocking=True)],
    )
    def extraction(
        context: dg.AssetExecutionContext,
        config: ExtractionConfig,
        sources: dg.ResourceParam[Sources],
        states: dg.ResourceParam[States],
    ):
        store = states[connection.name]
        try:
            stop_if_busy(context, connection, store)
            found = preflight(connection, sources[connection.name], store)
        except OUR_ERRORS as error:
            yield metadata.failed_check("preflight", f"{type(error).__name__}: {error}")
            raise
        step = open_extraction(context, config, connection, store, found)
        yield dg.AssetCheckResult(check_name="preflight", passed=True, metadata=found.facts())
        yield dg.MaterializeResult(metadata=metadata.opened(step))

    return extraction

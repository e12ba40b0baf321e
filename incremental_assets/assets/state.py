"""From the frames to a committed version: ``incremental_diff``, ``current_state``, ``marker``."""

from datetime import timedelta

import dagster as dg

from incremental_assets.assets.shell import connection_asset
from incremental_assets.config.connection import Connection
from incremental_assets.lineage.reporting import report_tables
from incremental_assets.lineage.translating import TableTranslator
from incremental_assets.steps import metadata, refresh, state_metadata
from incremental_assets.steps.committing import clean_up, commit, write_candidate
from incremental_assets.steps.judging import stop_if_unfit
from incremental_assets.steps.merging import compare
from incremental_resources.source.pool import Sources
from incremental_resources.state_store.pool import States


def state_assets(connection: Connection, translator: TableTranslator) -> list[dg.AssetsDefinition]:
    """The three assets, in their order."""
    return [
        _incremental_diff_asset(connection),
        _current_state_asset(connection),
        _marker_asset(connection, translator),
    ]


def _incremental_diff_asset(connection: Connection) -> dg.AssetsDefinition:
    entities = connection.read_entities()
    planned = [] if "columns" in entities else ["column_plan"]

    @connection_asset(
        connection,
        after=[*entities, *planned],
        description="What changed since the base version, down to single attributes.",
    )
    def incremental_diff(
        context: dg.AssetExecutionContext,
        sources: dg.ResourceParam[Sources],
        states: dg.ResourceParam[States],
    ) -> dg.MaterializeResult:
        # From here on no source is needed; where there are no columns, nobody closed it.
        sources.close()
        step = refresh.of_step(context, connection, states[connection.name])
        if step.unchanged:
            return metadata.unchanged(step)
        return state_metadata.compared(step, compare(step))

    return incremental_diff


def _current_state_asset(connection: Connection) -> dg.AssetsDefinition:
    @connection_asset(
        connection,
        after=["incremental_diff"],
        description="The files and the manifest of the new version. Nobody sees it before "
        "`marker` has moved the head; its figures are those of the current version.",
    )
    def current_state(
        context: dg.AssetExecutionContext, states: dg.ResourceParam[States]
    ) -> dg.MaterializeResult:
        step = refresh.of_step(context, connection, states[connection.name])
        if step.unchanged:
            return metadata.unchanged(step)
        if step.same:
            return state_metadata.kept(step)
        return state_metadata.versioned(step, write_candidate(step))

    return current_state


def _marker_asset(connection: Connection, translator: TableTranslator) -> dg.AssetsDefinition:
    hours = connection.options.freshness_hours

    @connection_asset(
        connection,
        after=["current_state"],
        description="The head moves: version, marker and probe in one compare-and-swap.",
        # Here, because nothing else materializes only with a commit.
        freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=hours)),
    )
    def marker(
        context: dg.AssetExecutionContext, states: dg.ResourceParam[States]
    ) -> dg.MaterializeResult:
        # An earlier try of this step may have moved the head and failed after that.
        again = context.retry_number > 0
        step = refresh.of_step(context, connection, states[connection.name], or_committed=again)
        if not step.committed:
            stop_if_unfit(step)
        changed = not step.same
        moved = commit(step)
        impact = report_tables(context, step, translator)
        state_metadata.report_state(context, step, moved, impact, changed=changed)
        clean_up(context, step)
        return state_metadata.committed(step, moved, changed=changed)

    return marker

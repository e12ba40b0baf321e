"""After the head has moved: an event for every shown table that the new version changed.

How a table is described is in ``specs``, which tables are shown in ``table_assets``, what is read
by views in the core.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile

import dagster as dg

from incremental_assets.config.connection import Connection
from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_assets.core.impact import Impact, changed_columns, impact_of
from incremental_assets.core.lineage import changed_tables
from incremental_assets.instance.commits import last_commit
from incremental_assets.instance.event_log import log_together
from incremental_assets.lineage.specs import changed, first_seen
from incremental_assets.lineage.table_assets import facts_of, shown_tables
from incremental_assets.lineage.translating import TableTranslator, keys_of, translated
from incremental_assets.steps.committing import candidate, commit_stands
from incremental_assets.steps.object_log import histories_of
from incremental_assets.steps.refresh import Refresh
from incremental_assets.steps.stored import diff_frame, scan_of
from incremental_resources.state_store.version import Version

# How far back a table's page tells its changes; the command it names tells them all.
VERSIONS_TOLD = 10


@dataclass(frozen=True)
class TableReport:
    """What a committed version means for the tables that are shown, and for those who read them."""

    events: list[dg.AssetMaterialization] = field(default_factory=list)
    impact: Impact = field(default_factory=dict)


def report_tables(
    context: dg.AssetExecutionContext, step: Refresh, translator: TableTranslator
) -> Impact:
    """Log an event of each shown table that changed; returns which views read what changed."""
    with commit_stands(context, "the tables that changed were not all reported"):
        report = table_report(step.connection, candidate(step), translator)
        late = _untold_events(context.instance, step, translator)
        events, taken = _without_own(context, [*late, *report.events])
        log_together(context.instance, context.log_event, events)
        if taken:
            context.log.warning(
                "Tables have the keys of this program's own assets, and no event: %s. Mend the "
                "translator, or `lineage` of the connection (key_prefix, key_parts).",
                ", ".join(taken),
            )
        return report.impact
    return {}


def _untold_events(
    instance: dg.DagsterInstance, step: Refresh, translator: TableTranslator
) -> Iterator[dg.AssetMaterialization]:
    """Events of what was committed before and never told: by a run that was killed right after the
    commit, or to another Dagster instance."""
    base, connection = step.base, step.connection
    if base is None or connection.lineage is None:
        return
    told = last_commit(instance, connection.name, step.store.uri)
    if told is None:
        yield from table_report(connection, base, translator, all_tables=True).events
        return
    line = takewhile(lambda one: one.number > told.version, chain([base], base.ancestors()))
    for version in reversed(list(islice(line, VERSIONS_TOLD))):
        yield from table_report(connection, version, translator).events


def _without_own(
    context: dg.AssetExecutionContext, events: Sequence[dg.AssetMaterialization]
) -> tuple[list[dg.AssetMaterialization], list[str]]:
    """The events of tables, and the keys of those that are another asset's: its event would be
    read as what the asset itself told."""
    own = context.job_def.asset_layer.asset_graph.executable_asset_keys
    taken = [one.asset_key.to_user_string() for one in events if one.asset_key in own]
    return [one for one in events if one.asset_key not in own], taken


def table_report(
    connection: Connection,
    version: Version | None,
    translator: TableTranslator,
    *,
    all_tables: bool = False,
) -> TableReport:
    """The events of the shown tables that changed, or of all: those of a first version, say."""
    if connection.lineage is None or version is None:
        return TableReport()
    tables = shown_tables(connection.lineage, scan_of(version, TABLES).collect())
    if all_tables or version.manifest.parent is None:
        facts = facts_of(version, tables)
        keys = keys_of(translated(translator, connection, facts))
        return TableReport(
            [first_seen(connection, keys[table.key], table, version) for table in facts]
        )
    impact = _impact(connection, version)
    of_tables = changed_tables(
        diff_frame(version, TABLES),
        diff_frame(version, COLUMNS) if version.has(COLUMNS.name) else None,
    )
    concerned = facts_of(version, tables.join(of_tables, on=TABLES.key, how="semi"))
    keys = keys_of(translated(translator, connection, concerned))
    history = histories_of(version, [table.key for table in concerned], VERSIONS_TOLD)
    events = [
        changed(connection, keys[table.key], table, history[table.key], version, impact)
        for table in concerned
    ]
    return TableReport(events, impact)


def _impact(connection: Connection, version: Version) -> Impact:
    columns = changed_columns(diff_frame(version, COLUMNS))
    if not columns:
        return {}
    dialect = connection.dialect()
    return impact_of(
        columns,
        scan_of(version, TABLES).select(*TABLES.key, "kind", "definition").collect(),
        dialect.sqlglot_dialect,
        qualified=dialect.definitions_name_schemas,
    )

"""``build_definitions``: what a configuration comes to in Dagster.

For one's own code location: build it here, merge it with yours; no key, name or setting of it is
shared by two connections. What the parts do is in ``assets``, ``checks``, ``jobs``, ``schedules``
and ``sensors``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dagster as dg

from incremental_assets.assets.checks import state_checks
from incremental_assets.assets.columns import column_assets
from incremental_assets.assets.extraction import extraction_asset
from incremental_assets.assets.jobs import jobs_of
from incremental_assets.assets.listings import listing_assets
from incremental_assets.assets.publish import publish_asset, sink_checks
from incremental_assets.assets.resource_keys import PROCESS
from incremental_assets.assets.state import state_assets
from incremental_assets.assets.watch_checks import acknowledge_jobs, watch_checks
from incremental_assets.automation.schedules import refresh_schedule
from incremental_assets.automation.sensors import sensors_of
from incremental_assets.config.connection import Connection
from incremental_assets.config.model import Config
from incremental_assets.instance.claims import process_resource
from incremental_assets.lineage.table_assets import TableAssets, table_assets, without
from incremental_assets.lineage.translating import (
    TableTranslator,
    Translate,
    doubled_keys,
    translator_of,
)
from incremental_assets.naming import resource_key
from incremental_assets.steps.batches import NoProgress
from incremental_assets.steps.metadata import inert
from incremental_assets.wiring import configured_sinks, open_objects, source_makers
from incremental_resources.sinks.delivery import Sink
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.sinks.resource import sinks_resource
from incremental_resources.source.resource import sources_resource
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.resource import states_resource

LONGEST_NOTE = 1_000


def build_definitions(
    config: Config,
    overrides: Mapping[str, Any] | None = None,
    *,
    objects: ObjectStore | None = None,
    lineage: bool = True,
    translator: TableTranslator | Translate | None = None,
    executor: dg.ExecutorDefinition | None = None,
    sinks: Mapping[str, Sequence[Sink]] | None = None,
) -> dg.Definitions:
    """All definitions of ``config``; ``overrides`` replaces ``sources``, ``states``, ``progress``.

    ``sinks`` are one's own, by connection, beside those of the configuration.

    The tables that connections show as assets are read from ``objects`` (default: the store that
    the configuration names); without ``lineage`` no state is read, and there are none.
    ``translator`` gives them key, group, tags.

    The refresh jobs have their executor. ``executor`` is for runs that are launched from an asset's
    page; a location has one, so that definitions to be merged with others leave it to those.

    Raises:
        ConfigError: the translator cannot be used, or one of ``sinks``.
    """
    published = configured_sinks(config, sinks)
    jobs = {one.name: jobs_of(one) for one in config.connections}
    return dg.Definitions(
        assets=_assets_of(
            config,
            translator_of(translator),
            (lambda: objects or open_objects(config)) if lineage else None,
        ),
        asset_checks=[
            check for one in config.connections for check in checks_of(one, published[one.name])
        ],
        jobs=[
            job for one in config.connections for job in (*jobs[one.name], *acknowledge_jobs(one))
        ],
        schedules=[refresh_schedule(one) for one in config.connections],
        sensors=[
            sensor
            for one in config.connections
            for sensor in sensors_of(one, jobs[one.name], published[one.name])
        ],
        resources=_resources_of(config, {"sinks": sinks_resource(published), **(overrides or {})}),
        executor=executor,
    )


def _resources_of(config: Config, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Every connection has resources of its own, so that a run makes only those it needs."""
    resources: dict[str, Any] = {
        "sources": sources_resource(source_makers(config)),
        "states": states_resource(lambda: open_objects(config)),
        "progress": dg.ResourceDefinition.hardcoded_resource(NoProgress()),
        PROCESS: process_resource(),
    } | dict(overrides)
    return {
        resource_key(one.name, name): resource
        for one in config.connections
        for name, resource in resources.items()
    }


def checks_of(
    connection: Connection, sinks: Sequence[ConfiguredSink]
) -> list[dg.AssetChecksDefinition]:
    """The checks of the state, before the commit, and of watch rules and sinks, after it."""
    return [
        state_checks(connection),
        *watch_checks(connection),
        *sink_checks(connection, sinks),
    ]


def _assets_of(
    config: Config, translator: TableTranslator, objects: Callable[[], ObjectStore] | None
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """All assets; the tables' only where there are ``objects`` to read them from."""
    own = {one.name: connection_assets(one, translator) for one in config.connections}
    tables = {
        one.name: table_assets(one, objects, translator) if objects else TableAssets()
        for one in config.connections
    }
    doubled = doubled_keys(
        (
            key
            for assets in own.values()
            for asset in assets
            for key in ([asset.key] if isinstance(asset, dg.AssetSpec) else asset.keys)
        ),
        {name: found.specs for name, found in tables.items()},
    )
    shown = {name: without(found, doubled.get(name, {})) for name, found in tables.items()}
    return [asset for name in own for asset in with_tables(name, own[name], shown[name])]


def connection_assets(
    connection: Connection, translator: TableTranslator
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The asset graph of one connection, from extraction to publish."""
    return [
        extraction_asset(connection),
        *listing_assets(connection),
        *column_assets(connection),
        *state_assets(connection, translator),
        publish_asset(connection),
    ]


def with_tables(
    connection: str, assets: Sequence[dg.AssetsDefinition | dg.AssetSpec], tables: TableAssets
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """``assets`` and the source's tables; where some are left out, ``tables`` says why."""
    if tables.not_shown is None:
        return [*assets, *tables.specs.values()]
    key, note = dg.AssetKey([connection, "tables"]), inert(tables.not_shown, LONGEST_NOTE)

    def noted(spec: dg.AssetSpec) -> dg.AssetSpec:
        if spec.key != key:
            return spec
        return spec.replace_attributes(description=f"{spec.description}\n\nNot shown: {note}")

    return [
        *(
            noted(asset) if isinstance(asset, dg.AssetSpec) else asset.map_asset_specs(noted)
            for asset in assets
        ),
        *tables.specs.values(),
    ]

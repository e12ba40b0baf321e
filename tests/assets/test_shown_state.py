"""What the UI shows as the state moves only with HEAD; what is not committed says so."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.loader import LoadingContextForTest

from incremental_assets.build import build_definitions
from incremental_assets.cli.running import Refresher
from incremental_assets.naming import OUTCOME_TAG
from tests.live import NAME, attempt, refresh, refreshing

TABLES = 30
SHOWN = ("incremental_diff", "current_state", "marker")
LISTED = ("databases", "schemas", "tables", "columns")
ROWS = "dagster/row_count"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    ddl(path, "".join(f"create table t{n} (id integer primary key);" for n in range(TABLES)))
    return path


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def shop(database: Path, instance: dg.DagsterInstance) -> Iterator[Refresher]:
    with refreshing(
        f"sqlite:///{database}", instance=instance, deletion_guard_percent=20
    ) as refresher:
        yield refresher


def ddl(path: Path, statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)


def shown(instance: dg.DagsterInstance, asset: str) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(dg.AssetKey([NAME, asset]))
    assert event is not None
    assert event.asset_materialization is not None
    return {key: value.value for key, value in event.asset_materialization.metadata.items()}


def plotted(instance: dg.DagsterInstance, asset: str, figure: str) -> list[Any]:
    """The points of a plot on the asset's page, newest first."""
    records = instance.fetch_materializations(dg.AssetKey([NAME, asset]), limit=100).records
    found = [record.asset_materialization.metadata.get(figure) for record in records]
    return [value.value for value in found if value is not None]


def outcome_of(instance: dg.DagsterInstance, run_id: str) -> str | None:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.tags.get(OUTCOME_TAG)


def test_what_is_committed_is_shown_as_the_state(
    shop: Refresher, instance: dg.DagsterInstance
) -> None:
    outcome = refresh(shop)

    for asset in SHOWN:
        assert (shown(instance, asset)["committed"], shown(instance, asset)["version"]) == (True, 1)
    assert shown(instance, "current_state")["tables"] == TABLES
    for entity in LISTED:
        assert (shown(instance, entity)["committed"], shown(instance, entity)["version"]) == (
            True,
            1,
        )
        assert not {"note", "rows found"} & shown(instance, entity).keys()
    # What was told of the reading is told still.
    assert shown(instance, "columns")["batches read now"] > 0
    assert shown(instance, "tables")["left out"] == 0
    assert shown(instance, "current_state")["dagster/uri"].endswith(
        shop.store(NAME).current().folder
    )
    assert outcome_of(instance, outcome.run_id) == "version 1"


def test_a_refused_refresh_changes_no_figure(
    shop: Refresher, database: Path, instance: dg.DagsterInstance
) -> None:
    refresh(shop)
    ddl(database, "".join(f"drop table t{n};" for n in range(20)))

    refused = attempt(shop)

    assert not refused.ok
    assert outcome_of(instance, refused.run_id) == "refused"
    assert shown(instance, "marker")["version"] == 1
    for asset in ("incremental_diff", "current_state"):
        assert shown(instance, asset)["committed"] is False
        assert "Not committed" in shown(instance, asset)["note"]
    assert plotted(instance, "current_state", "tables") == [TABLES]
    assert plotted(instance, "incremental_diff", "tables DELETED") == []
    for entity in LISTED:
        assert shown(instance, entity)["committed"] is False
        assert "Not committed" in shown(instance, entity)["note"]
    assert shown(instance, "tables")["rows found"] == str(TABLES - 20)
    assert plotted(instance, "tables", ROWS) == plotted(instance, "columns", ROWS) == [TABLES]
    logged = [entry.user_message for entry in instance.all_logs(refused.run_id)]
    assert [line for line in logged if line.startswith("To accept")] == [
        "To accept what would be deleted: incremental-assets refresh shop --accept-deletions, or "
        "the job shop_refresh with ops: {shop__extraction: {config: {accept_deletions: true}}} in "
        "its launchpad."
    ]
    # What would go can be looked at all the same.
    assert "tables: 20 DELETED" in shown(instance, "incremental_diff")["found"]


def test_after_the_acceptance_the_figures_are_there(
    shop: Refresher, database: Path, instance: dg.DagsterInstance
) -> None:
    refresh(shop)
    ddl(database, "".join(f"drop table t{n};" for n in range(20)))
    attempt(shop)

    refresh(shop, accept_deletions=True)

    assert plotted(instance, "current_state", "tables") == [TABLES - 20, TABLES]
    assert plotted(instance, "tables", ROWS) == [TABLES - 20, TABLES]
    assert plotted(instance, "incremental_diff", "tables DELETED") == [20]
    diff = shown(instance, "incremental_diff")
    assert diff["all of it"] == f"incremental-assets diff {NAME} --version 2 --limit 0"
    assert "| tables | DELETED | 20 |" in diff["changes by schema"]


def test_a_dry_run_is_seen_to_be_one(
    shop: Refresher, database: Path, instance: dg.DagsterInstance
) -> None:
    refresh(shop)
    ddl(database, "drop table t0")

    dry = attempt(shop, dry_run=True)

    assert dry.ok
    assert outcome_of(instance, dry.run_id) == "dry run"
    assert shown(instance, "incremental_diff")["committed"] is False
    assert shown(instance, "current_state")["version"] == 1
    assert shown(instance, "tables")["committed"] is False
    assert plotted(instance, "tables", ROWS) == plotted(instance, "columns", ROWS) == [TABLES]
    assert dry.counts == {"databases": 1, "schemas": 1, "tables": TABLES - 1, "columns": TABLES - 1}


def test_nothing_changed_is_said_too(shop: Refresher, instance: dg.DagsterInstance) -> None:
    refresh(shop)

    again = refresh(shop)

    assert outcome_of(instance, again.run_id) == "nothing changed"
    assert plotted(instance, "current_state", "tables") == [TABLES, TABLES]


def test_only_a_commit_keeps_the_state_fresh(shop: Refresher) -> None:
    specs = {spec.key.path[-1]: spec for spec in shop._definitions.resolve_all_asset_specs()}

    assert [name for name, spec in specs.items() if spec.freshness_policy] == ["marker"]


def test_nothing_looks_out_of_date_after_a_refresh(
    shop: Refresher, database: Path, instance: dg.DagsterInstance
) -> None:
    """What `marker` tells of the assets before it once more is what was made of them."""
    refresh(shop)
    ddl(database, "alter table t1 add column name text")
    refresh(shop)

    graph = build_definitions(shop.config, objects=shop.store(NAME).objects).resolve_asset_graph()
    made = graph.materializable_asset_keys - {dg.AssetKey([NAME, "column_batches"])}
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    stale = {key.path[-1]: resolver.get_status(key).name for key in made}
    assert set(stale.values()) == {"FRESH"}, stale

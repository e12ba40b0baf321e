"""How long partition keys of ``column_batches`` live, and what an old key is good for.

Dagster fails a backfill if partitions that it names are deleted before it ends.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from incremental_assets.build import build_definitions
from incremental_assets.cli.running import Refresher
from incremental_assets.naming import partitions_name
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.resource import states_resource
from tests.live import NAME, configured, refresh, refreshing

BATCHES = dg.AssetKey([NAME, "column_batches"])


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table product (id integer primary key)")
    return f"sqlite:///{path}"


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def shop(url: str, objects: MemoryObjects, instance: dg.DagsterInstance) -> Iterator[Refresher]:
    with refreshing(url, objects, instance) as refresher:
        yield refresher


def begin_backfill(instance: dg.DagsterInstance, *assets: dg.AssetKey) -> PartitionBackfill:
    backfill = PartitionBackfill(
        backfill_id="whole",
        status=BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=0.0,
        asset_selection=list(assets),
    )
    instance.add_backfill(backfill)
    return backfill


def keys(instance: dg.DagsterInstance) -> list[str]:
    return list(instance.get_dynamic_partitions(partitions_name(NAME)))


def test_keys_stay_for_two_extractions(shop: Refresher, instance: dg.DagsterInstance) -> None:
    refresh(shop)
    (first,) = keys(instance)
    refresh(shop, full=True)
    assert first in keys(instance)
    refresh(shop, full=True)
    assert first not in keys(instance)
    assert len(keys(instance)) == 2


def test_keys_stay_while_a_backfill_goes_on(shop: Refresher, instance: dg.DagsterInstance) -> None:
    refresh(shop)
    (first,) = keys(instance)
    backfill = begin_backfill(instance, BATCHES)
    for _ in range(3):
        refresh(shop, full=True)
    assert len(keys(instance)) == 4
    assert first in keys(instance)

    instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    refresh(shop, full=True)
    assert len(keys(instance)) == 2


def test_other_peoples_backfills_do_not_matter(
    shop: Refresher, instance: dg.DagsterInstance
) -> None:
    begin_backfill(instance, dg.AssetKey(["theirs", "column_batches"]))
    for _ in range(4):
        refresh(shop, full=True)
    assert len(keys(instance)) == 2


def test_a_key_whose_working_files_are_gone_is_nothing_to_do(
    shop: Refresher, instance: dg.DagsterInstance, url: str, objects: MemoryObjects
) -> None:
    refresh(shop)
    (first,) = keys(instance)
    begin_backfill(instance, BATCHES)
    for _ in range(2):
        refresh(shop, full=True)

    states = {"states": states_resource(lambda: objects)}
    job = build_definitions(configured(url), states).resolve_implicit_global_asset_job_def()
    run = job.execute_in_process(instance=instance, asset_selection=[BATCHES], partition_key=first)
    assert run.success
    told = [entry.user_message for entry in instance.all_logs(run.run_id)]
    assert any("its working files are gone" in message for message in told)

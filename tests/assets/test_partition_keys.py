"""How long partition keys of ``column_batches`` live, what an old key is good for, and that nothing
which is done after the commit can fail a refresh.

Dagster fails a backfill if partitions that it names are deleted before it ends.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

from incremental_assets.build import build_definitions
from incremental_assets.cli.running import Refresher
from incremental_assets.lineage import reporting
from incremental_assets.naming import partitions_name
from incremental_assets.steps import committing
from incremental_assets.steps.failures import message_of
from incremental_resources.state_store.errors import StoreUnavailable
from incremental_resources.state_store.extraction import Extraction
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.resource import states_resource
from incremental_resources.state_store.store import StateStore
from tests.live import NAME, attempt, configured, refresh, refreshing

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


# What a person may have added, some of it much like ours.
BY_HAND = ["by hand", "2026-01", "20260131T120000Z-1f2e3d4c", "-", "x/y-0001"]


def test_keys_that_a_person_added_are_left_alone(
    shop: Refresher, instance: dg.DagsterInstance
) -> None:
    instance.add_dynamic_partitions(partitions_name(NAME), BY_HAND)
    for _ in range(3):
        refresh(shop, full=True)
    assert {*BY_HAND} <= {*keys(instance)}
    assert len(keys(instance)) == len(BY_HAND) + 2


def test_a_key_that_a_person_added_is_no_batch_and_is_named(
    shop: Refresher, instance: dg.DagsterInstance, url: str, objects: MemoryObjects
) -> None:
    refresh(shop)
    instance.add_dynamic_partitions(partitions_name(NAME), ["by hand"])
    states = {"states": states_resource(lambda: objects)}
    job = build_definitions(configured(url), states).resolve_implicit_global_asset_job_def()
    run = job.execute_in_process(
        instance=instance, asset_selection=[BATCHES], partition_key="by hand", raise_on_error=False
    )
    assert not run.success
    (failure,) = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    told = str(message_of(failure.get_dagster_event()))
    assert told.startswith("BatchesFailed: 'by hand' of column_batches of shop is no batch")
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE


class Defect(Exception):
    """Something that nobody has thought of."""


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (Extraction, "close"),
        (StateStore, "prune"),
        (committing, "is_backfilled"),
        (reporting, "facts_of"),
    ],
)
@pytest.mark.parametrize("error", [Defect("of ours"), StoreUnavailable("the store is away")])
def test_nothing_after_the_commit_fails_the_refresh(
    url: str,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    where: Any,
    name: str,
    error: Exception,
) -> None:
    def failing(*_arguments: object, **_named: object) -> None:
        raise error

    with refreshing(url, MemoryObjects(), instance, lineage={"include": {}}) as shop:
        refresh(shop)
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute("alter table product add column name text")
        monkeypatch.setattr(where, name, failing)
        outcome = refresh(shop)
        assert outcome.version == 2
        told = [str(one.user_message) for one in instance.all_logs(str(outcome.run_id))]
        (warning,) = (one for one in told if one.startswith("The refresh is committed, but"))
        assert str(error) in warning
        assert ("Traceback" in warning) is isinstance(error, Defect)

        # And the next one needs nobody's help.
        monkeypatch.undo()
        assert refresh(shop, full=True).changed is False


def test_what_cannot_be_told_of_a_committed_refresh_is_a_warning(
    shop: Refresher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_arguments: object, **_named: object) -> None:
        raise Defect("of ours")

    monkeypatch.setattr(Refresher, "_conclude", failing)
    (warning,) = refresh(shop).warnings
    assert "Defect: of ours" in warning


def test_an_interrupt_after_the_commit_is_one(
    shop: Refresher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_arguments: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(StateStore, "prune", interrupted)
    outcome = attempt(shop)
    assert not outcome.ok

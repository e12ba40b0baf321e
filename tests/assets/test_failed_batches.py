"""A batch that could not be read is a failed partition until it is read."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.partition_status_cache import AssetPartitionStatus

from incremental_assets.assets.partitions import column_batches_partitions
from incremental_assets.naming import partitions_name
from incremental_resources.source.errors import QueryFailed
from incremental_resources.source.source import Source
from tests.live import NAME, attempt, refresh, refreshing

BATCHES = 5


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def statuses(instance: dg.DagsterInstance) -> list[AssetPartitionStatus | None]:
    keys = instance.get_dynamic_partitions(partitions_name(NAME))
    found = instance.get_status_by_partition(
        dg.AssetKey([NAME, "column_batches"]), keys, column_batches_partitions(NAME)
    )
    return [(found or {}).get(key) for key in keys]


def test_it_counts_as_failed_and_then_as_materialized(
    tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as source:
        source.executescript("".join(f"create table t{n} (id integer);" for n in range(BATCHES)))
    read = Source.columns

    def columns(self: Source, database: str, tables: Any, *rest: Any) -> Any:
        if "t3" in tables["table"]:
            raise QueryFailed("t3 cannot be read")
        return read(self, database, tables, *rest)

    monkeypatch.setattr(Source, "columns", columns)
    with refreshing(f"sqlite:///{tmp_path / 'shop.db'}", instance=instance, batch_tables=1) as shop:
        failed = attempt(shop)
        assert f"1 of {BATCHES} batches of {NAME} failed" in str(failed.error)
        there, gone = AssetPartitionStatus.MATERIALIZED, AssetPartitionStatus.FAILED
        assert statuses(instance) == [there, there, there, gone, there]

        monkeypatch.setattr(Source, "columns", read)
        refresh(shop)
        assert set(statuses(instance)[BATCHES:]) == {there}

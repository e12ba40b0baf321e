"""``marker`` run by itself: whatever stands between ``current_state`` and it is looked at again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from incremental_assets.build import build_definitions
from incremental_assets.core.entities import ENTITIES
from incremental_resources.state_store.head import VersionRef
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version
from tests.live import NAME, configured
from tests.sources import Live, postgresql

TO_THE_DIFF = (
    *("extraction", "databases", "schemas", "tables", "procedures"),
    *("column_plan", "columns", "incremental_diff"),
)


@dataclass
class Shop:
    """A database with one committed version and changes since, and a way to run single assets."""

    live: Live
    instance: dg.DagsterInstance
    root: Path
    definitions: dg.Definitions

    @property
    def store(self) -> StateStore:
        return StateStore(LocalObjects(self.root), NAME)

    def refresh(self) -> bool:
        return self._job().execute_in_process(instance=self.instance).success

    def run(self, *assets: str) -> dg.ExecuteInProcessResult:
        """These assets, and none of the checks of ``current_state``."""
        keys = {dg.AssetKey([NAME, asset]) for asset in assets}
        preflight = dg.AssetCheckKey(dg.AssetKey([NAME, "extraction"]), "preflight")
        checks = {preflight} if preflight.asset_key in keys else set()
        alone = self._job().get_subset(asset_selection=keys, asset_check_selection=checks)
        return alone.execute_in_process(instance=self.instance, raise_on_error=False)

    def refused(self, *fragments: str) -> None:
        """``marker`` by itself fails, says so, and HEAD stays."""
        head = self.store.head()
        result = self.run("marker")
        assert not result.success
        (failed,) = (event for event in result.all_events if event.is_step_failure)
        told = str(failed.step_failure_data.user_failure_data.description)
        for fragment in fragments:
            assert fragment in told
        assert self.store.head() == head

    @property
    def extraction(self) -> Path:
        """The folder of the open extraction."""
        (opened,) = (one for one in self.store.extractions() if one.state == "open")
        return self.root / NAME / "extractions" / opened.id

    @property
    def candidate(self) -> Version:
        """The version that is not committed yet."""
        stored = json.loads((self.extraction / "candidate.json").read_text())
        return self.store.version(VersionRef.model_validate(stored))

    @property
    def version(self) -> int:
        """The number of the current version."""
        head = self.store.head()
        assert head
        return head.head.version

    def _job(self) -> dg.JobDefinition:
        return self.definitions.resolve_job_def(f"{NAME}_refresh")


@pytest.fixture
def shop(fresh_database: str, tmp_path: Path) -> Iterator[Shop]:
    live = postgresql(fresh_database)
    live.ddl(
        "create table item (id integer, name text)",
        "create function one() returns integer language sql return 1",
    )
    config = configured(fresh_database, state=tmp_path / "catalog")
    with dg.DagsterInstance.ephemeral() as instance:
        definitions = build_definitions(config, lineage=False)
        shop = Shop(live, instance, tmp_path / "catalog", definitions)
        assert shop.refresh()
        live.ddl(
            "alter table item add column price numeric",
            "create table sale (id integer)",
            "create function two() returns integer language sql return 2",
            "create schema wing",
        )
        yield shop


def test_it_commits_nothing_that_was_damaged_since(shop: Shop) -> None:
    assert shop.run(*TO_THE_DIFF, "current_state").success
    version = shop.candidate
    files = [entry.path for entry in version.manifest.files]
    kinds = {"databases", "schemas", "tables", "columns", "procedures", "diff/summary"}
    assert {entry.entity for entry in version.manifest.files} >= kinds | {"diff/tables"}
    for name in (*files, "manifest.json"):
        at = shop.root / NAME / version.folder / name
        content = at.read_bytes()
        at.unlink()
        shop.refused(name)
        at.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
        shop.refused(name)
        at.write_bytes(content)
    assert shop.run("marker").success
    assert shop.version == 2
    assert shop.refresh()
    assert shop.version == 2


def test_it_commits_no_key_twice(shop: Shop) -> None:
    assert shop.run(*TO_THE_DIFF, "current_state").success
    good, store = shop.candidate, shop.store
    for doubled in good.entities:
        staged = store.stage_version(f"other-{doubled}", parent=store.current())
        for name in [*good.entities, *(f"diff/{entity}" for entity in good.entities)]:
            rows = good.scan(name).collect()
            if name == doubled:
                rows = pl.concat([rows, rows]).sort(ENTITIES[name].key)
            staged.write(name, rows)
        manifest = good.manifest
        version = staged.finish(
            created_at=manifest.created_at,
            marker=manifest.marker,
            probe=manifest.probe,
            dialect=manifest.dialect,
            scope=manifest.scope,
            changes=manifest.changes,
            source=manifest.source,
        )
        at = shop.extraction / "candidate.json"
        at.write_text(json.dumps(version.ref.model_dump(mode="json")))
        shop.refused(f"{doubled}: ", "keys are not unique", f"{NAME}_refresh")


def test_it_commits_nothing_without_all_batches(shop: Shop) -> None:
    assert shop.run(*TO_THE_DIFF, "current_state").success
    (batch,) = (shop.extraction / "batches").glob("*.parquet")
    batch.rename(batch.with_suffix(".away"))
    shop.refused("batch 0 is missing", f"{NAME}_refresh")


def test_it_does_not_pass_over_current_state(shop: Shop) -> None:
    """Otherwise HEAD would stay at the old version with the new probe, and the change be lost."""
    assert shop.run(*TO_THE_DIFF).success
    shop.refused("`current_state` has not written it", f"{NAME}_refresh")
    assert shop.refresh()
    version = shop.store.current()
    assert version
    assert version.rows("tables") == 2


def test_it_asks_the_guard(shop: Shop) -> None:
    shop.live.ddl(
        "create schema east",
        "create function east.f(a integer) returns integer language sql return a",
    )
    assert shop.refresh()
    shop.live.ddl("drop schema east cascade")
    assert shop.run(*TO_THE_DIFF, "current_state").success
    place = f"schema 'east' of database {shop.live.database!r}"
    shop.refused("too much disappeared at once", f"nothing is left of {place}", "east.f(a integer)")

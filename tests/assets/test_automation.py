"""Assets of others after ours, as docs/dagster.md shows them: they run when something changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from incremental_assets import Config, Connection, build_definitions
from tests.documents import block

# Dagster's own function for tests uses what Dagster calls beta.
pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

ON_CHANGE = {"data_dictionary"}
AT_SIX = {"morning_mail"}
OF_ORDERS = {"orders_contract"}
DAILY_OF_ORDERS = {"orders_docs"}
OF_BOTH = {"join_test"}


def six(day: int) -> datetime:
    """Shortly after six o'clock on a day."""
    return datetime(2026, 1, day, 6, 1, tzinfo=UTC)


class Location:
    """Our definitions and those of the docs, an instance, and the daemon's look at conditions."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        names: dict[str, Any] = {}
        exec(block("docs/dagster.md", "python", "def data_dictionary"), names)
        self._theirs = [one for one in names.values() if isinstance(one, dg.AssetsDefinition)]
        self._file, self._instance = folder / "shop.db", instance
        self._folder = folder
        self.lineage: dict[str, list[str]] | None = None
        self._now, self._cursor = six(1), None

    def ddl(self, *statements: str) -> None:
        with closing(sqlite3.connect(self._file)) as connection:
            connection.executescript(";".join(statements))

    def definitions(self) -> dg.Definitions:
        shop = Connection(name="shop", url=f"sqlite:///{self._file}", lineage=self.lineage)
        state = str(self._folder / "catalog")
        ours = build_definitions(Config(state=state, connections=(shop,), base=self._folder))
        return dg.Definitions.merge(dg.Definitions(assets=self._theirs), ours)

    def refresh(self, *statements: str) -> None:
        self.ddl(*statements)
        job = self.definitions().resolve_job_def("shop_refresh")
        assert job.execute_in_process(instance=self._instance).success

    def look(self, at: datetime | None = None) -> set[str]:
        """The assets that are requested now; they run."""
        self._now = at or self._now + timedelta(seconds=30)
        seen = dg.evaluate_automation_conditions(
            self.definitions(), self._instance, evaluation_time=self._now, cursor=self._cursor
        )
        self._cursor = seen.cursor
        requested = [one for one in self._theirs if seen.get_num_requested(one.key)]
        if requested:
            assert dg.materialize(requested, instance=self._instance).success
        return {one.key.path[-1] for one in requested}

    def run(self, at: datetime | None = None) -> set[str]:
        """The same; at the next look nothing is requested any more."""
        requested = self.look(at)
        assert self.look() == set()
        return requested


@pytest.fixture
def location(tmp_path: Path) -> Iterator[Location]:
    with dg.DagsterInstance.ephemeral() as instance:
        here = Location(tmp_path, instance)
        # Lineage is switched on later, so that no table has an event yet.
        here.refresh("create table orders (id integer)", "create table customers (id integer)")
        assert here.run() == set()
        here.lineage = {"key_prefix": ["sales"], "key_parts": ["table"]}
        yield here


def test_without_a_change_nothing_runs(location: Location) -> None:
    for _ in range(2):
        location.refresh()
        assert location.run() == set()


def test_what_changed_decides_on_what_runs(location: Location) -> None:
    location.refresh("alter table customers add name text")
    assert location.run() == ON_CHANGE | OF_BOTH

    location.refresh("alter table orders add total integer")
    assert location.run() == ON_CHANGE | OF_BOTH | OF_ORDERS

    location.refresh("create table other (id integer)")
    assert location.run() == ON_CHANGE


def test_refreshes_without_a_change_hide_none_that_was_before_them(location: Location) -> None:
    location.refresh()
    location.refresh("alter table orders add total integer")
    location.refresh()
    assert location.run() == ON_CHANGE | OF_BOTH | OF_ORDERS


def test_on_a_cron_it_runs_if_there_was_a_change(location: Location) -> None:
    assert location.run(at=six(2)) == set()
    location.refresh()
    assert location.run() == set()

    location.refresh("alter table orders add total integer")
    assert location.run() == ON_CHANGE | OF_BOTH | OF_ORDERS | DAILY_OF_ORDERS
    location.refresh("alter table orders add note text")
    assert location.run() == ON_CHANGE | OF_BOTH | OF_ORDERS
    assert location.run(at=six(3)) == AT_SIX

    location.refresh("alter table customers add note text")
    assert location.run() == ON_CHANGE | OF_BOTH
    assert location.run(at=six(4)) == AT_SIX
    assert location.run(at=six(5)) == set()


def test_ours_have_no_conditions(location: Location) -> None:
    ours = [
        spec
        for spec in location.definitions().resolve_all_asset_specs()
        if spec.group_name == "shop" or "dagster/table_name" in spec.metadata
    ]
    assert len(ours) > 10
    assert [spec.key for spec in ours if spec.automation_condition] == []

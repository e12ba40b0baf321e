"""The conditions of docs/dagster.md with Dagster's daemon, which looks at them and starts runs."""

import os
import runpy
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from incremental_assets.instance.home import Home, open_instance
from tests.documents import block
from tests.waiting import end_of, wait_until
from tests.webserver.server import ROOT, process

pytestmark = pytest.mark.integration

SENSOR = "conditions"
LOCATION = f"""
from pathlib import Path
import dagster as dg
from incremental_assets import Config, Connection, build_definitions

{block("docs/dagster.md", "python", "def data_dictionary")}

HERE = Path(__file__).parent
lineage = {{"key_prefix": ["sales"], "key_parts": ["table"]}}
shop = Connection(name="shop", url=f"sqlite:///{{HERE}}/shop.db", lineage=lineage)
sensor = dg.AutomationConditionSensorDefinition(
    "{SENSOR}",
    target=dg.AssetSelection.all(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=1,
)
config = Config(state=str(HERE / "catalog"), connections=(shop,), base=HERE)
defs = dg.Definitions.merge(
    dg.Definitions(assets=[data_dictionary, orders_contract], sensors=[sensor]),
    build_definitions(config, executor=dg.in_process_executor),
)
"""


class Daemon:
    """A daemon over a location whose connection's file is beside it."""

    def __init__(self, folder: Path, instance: dg.DagsterInstance) -> None:
        self.folder, self.instance = folder, instance
        self.processes: Mapping[str, subprocess.Popen[bytes]] = {}

    def refresh(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.folder / "shop.db")) as connection:
            connection.executescript(";".join(statements))
        definitions = runpy.run_path(str(self.folder / "location.py"))["defs"]
        job = definitions.resolve_job_def("shop_refresh")
        assert job.execute_in_process(instance=self.instance).success

    def looks(self) -> int:
        """How often the daemon has looked at the conditions, to the end."""
        states = self.instance.all_instigator_state()
        return sum(
            tick.is_completed
            for state in states
            if state.instigator_name == SENSOR
            for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id)
        )

    def started(self) -> dict[str, int]:
        """How often each asset of theirs was to run."""
        runs = self.instance.get_runs()
        told = [key.path[-1] for run in runs for key in run.asset_selection or ()]
        return {key: told.count(key) for key in ("data_dictionary", "orders_contract")}

    def settles(self) -> None:
        """Every run has come to its end, and two more looks have begun none."""
        self.wait(lambda: all(run.is_finished for run in self.instance.get_runs()))
        runs, looks = len(self.instance.get_runs()), self.looks()
        self.wait(lambda: self.looks() >= looks + 2)
        if len(self.instance.get_runs()) > runs:
            self.settles()

    def wait(self, condition: Callable[[], object]) -> None:
        wait_until(condition, lambda: end_of(self.processes), self._not_loaded)

    def _not_loaded(self) -> str | None:
        _, failed, told = (self.folder / "log").read_text().partition("Error loading repository")
        return failed + told[:500] if failed else None


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    (tmp_path / "location.py").write_text(LOCATION)
    home = tmp_path / "home"
    environment = os.environ | {"DAGSTER_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.webserver.daemon", "run", "-f", "location.py"]
    with open_instance(Home(home, None)) as instance:
        here = Daemon(tmp_path, instance)
        here.refresh("create table orders (id integer)", "create table other (id integer)")
        with process(command, tmp_path, environment, tmp_path / "log") as started:
            here.processes = {"the daemon": started}
            here.settles()
            yield here


def test_the_daemon_runs_what_follows_a_change_and_nothing_else(daemon: Daemon) -> None:
    before = daemon.started()
    daemon.refresh()
    daemon.settles()
    assert daemon.started() == before

    daemon.refresh("alter table other add name text")
    daemon.wait(lambda: daemon.started()["data_dictionary"] > before["data_dictionary"])
    daemon.settles()
    assert daemon.started() == before | {"data_dictionary": before["data_dictionary"] + 1}

    daemon.refresh("alter table orders add total integer")
    daemon.wait(lambda: daemon.started()["orders_contract"] > before["orders_contract"])
    daemon.settles()
    assert daemon.started() == {key: count + 1 for key, count in before.items()} | {
        "data_dictionary": before["data_dictionary"] + 2
    }
    assert {run.status for run in daemon.instance.get_runs()} == {dg.DagsterRunStatus.SUCCESS}

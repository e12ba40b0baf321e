"""Law 3: killed at any point, HEAD is the old version or the new one, and nothing needs repair."""

import json
import signal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from incremental_assets.instance import Home, open_instance
from incremental_assets.runs import unfinished_runs
from tests.killed import kill_refreshes
from tests.live import NAME, written_config
from tests.sources import postgresql
from tests.watched import run_module


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def config(tmp_path: Path, fresh_database: str) -> Path:
    return written_config(tmp_path / "connections.yaml", fresh_database)


def slots(instance: dg.DagsterInstance) -> int:
    return instance.event_log_storage.get_concurrency_info(NAME).active_slot_count


def test_killed_at_any_point_the_head_is_whole_and_the_next_refresh_loses_nothing(
    home: Path, config: Path, fresh_database: str
) -> None:
    told = run_module(home, "tests.killed", "campaign", config, fresh_database)
    assert told.returncode == 0, told.stderr
    seen: dict[str, Any] = json.loads(told.stdout)
    assert set(seen["repairs"]) == {0}
    swap = seen["writes"].index(f"swap {NAME}/HEAD")
    after = [*seen["writes"][swap + 1 :], "marker"]
    assert [at for at, code, _ in seen["rounds"] if code != -signal.SIGKILL] == []
    # Before the swap HEAD is the old version, after it the new one.
    assert [at for at, _, moved in seen["rounds"] if moved] == after


def test_after_four_killed_refreshes_the_fifth_succeeds(
    home: Path, config: Path, fresh_database: str
) -> None:
    postgresql(fresh_database).ddl("create table item (id integer)")
    assert kill_refreshes(config, home) == [-signal.SIGKILL] * 4
    with open_instance(Home(home, None)) as instance:
        assert len(unfinished_runs(instance)) == 1
        assert slots(instance) == 1
        fifth = run_module(home, "incremental_assets", "--config", config, "refresh")
        assert (fifth.returncode, fifth.stderr) == (0, "")
        assert unfinished_runs(instance) == []
        assert slots(instance) == 0

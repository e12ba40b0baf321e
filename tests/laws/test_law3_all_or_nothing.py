"""Law 3: killed at any point, HEAD is the old version or the new one, and nothing needs repair."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from incremental_assets.instance import Home, open_instance
from incremental_assets.runs import unfinished_runs
from tests.killed import kill_refreshes
from tests.live import NAME, written_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def config(tmp_path: Path, fresh_database: str) -> Path:
    return written_config(tmp_path / "connections.yaml", fresh_database)


def run(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        env={**os.environ, "DAGSTER_HOME": str(home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def slots(instance: dg.DagsterInstance) -> int:
    return instance.event_log_storage.get_concurrency_info(NAME).active_slot_count


def test_killed_at_any_point_the_head_is_whole_and_the_next_refresh_loses_nothing(
    home: Path, config: Path, fresh_database: str
) -> None:
    told = run(home, "tests.killed", "campaign", config, fresh_database)
    assert told.returncode == 0, told.stderr
    seen: dict[str, Any] = json.loads(told.stdout)
    assert seen["codes"] == [0, 0]
    swaps = [what for what in seen["writes"] if what == f"swap {NAME}/HEAD"]
    assert len(swaps) == 1
    wrong = [at for at, killed, _, repaired, _ in seen["rounds"] if (killed, repaired) != (-9, 0)]
    assert wrong == []
    # The new version counts from the swap on, and what is left then finds nothing more to do.
    moved = [found for _, _, found, _, _ in seen["rounds"]]
    assert sorted(moved[:-3]) == moved[:-3]
    assert {0, 1} == set(moved)
    assert {after for *_, after in seen["rounds"]} == {1}

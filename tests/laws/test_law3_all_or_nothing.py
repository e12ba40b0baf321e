"""Law 3: whatever fails, HEAD is the old version or the new one, and nothing needs repair."""

import re
import signal
from pathlib import Path

import dagster as dg
import pytest

from incremental_assets.instance.home import Home, open_instance
from incremental_assets.instance.runs import unfinished_runs
from tests.killed import kill_refreshes
from tests.live import NAME, written_config
from tests.source_troubles import SOURCE_FAULTS
from tests.sources import postgresql
from tests.troubles import FAULTS
from tests.watched import run_module


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def config(tmp_path: Path, fresh_database: str) -> Path:
    return written_config(tmp_path / "connections.yaml", fresh_database)


def slots(instance: dg.DagsterInstance) -> int:
    return instance.event_log_storage.get_concurrency_info(NAME).active_slot_count


@pytest.mark.parametrize(
    ("store", "points", "tries"),
    [
        ("local", "few", len(FAULTS)),
        pytest.param("local", "spread", 30, marks=pytest.mark.campaign),
        # On S3 a refresh of moto's server takes several times as long.
        pytest.param("s3", "few", len(FAULTS), marks=pytest.mark.campaign),
    ],
)
def test_whatever_fails_the_head_is_whole_and_the_next_refresh_needs_no_help(
    home: Path, fresh_database: str, store: str, points: str, tries: int
) -> None:
    asked = ("--at", "store", "--store", store, "--url", fresh_database, "--points", points)
    assert survived(home, *asked) >= tries


@pytest.mark.parametrize(
    ("points", "tries"),
    [
        ("few", len(SOURCE_FAULTS)),
        pytest.param("spread", 25, marks=pytest.mark.campaign),
    ],
)
def test_whatever_happens_at_the_source_likewise(
    home: Path, fresh_database: str, points: str, tries: int
) -> None:
    asked = ("--at", "source", "--url", fresh_database, "--points", points)
    assert survived(home, *asked) >= tries


def survived(home: Path, *asked: str) -> int:
    """How many faults a campaign tried; all of them were survived."""
    told = run_module(home, "tests.faults", *asked)
    assert (told.returncode, told.stderr) == (0, "")
    found = re.search(r"(\d+) of (\d+) faults \(\d+ kinds\) at \d+ points survived", told.stdout)
    assert found, told.stdout
    whole, tried = map(int, found.groups())
    assert whole == tried
    return tried


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

"""Law 3 and law 5 on the local store: real processes, really killed and really racing."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


def run(*arguments: str) -> dict:
    # A warning of Polars about fork() would go to the standard error; nothing here runs it before.
    done = subprocess.run(
        [sys.executable, "-m", "tests.crashes", *arguments],
        capture_output=True,
        check=True,
        cwd=PROJECT,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> dict:
    return run("campaign", str(tmp_path_factory.mktemp("campaign") / "catalog"))


def test_a_killed_refresh_leaves_the_old_version_or_the_new_one(campaign):
    killed = [(found - before) for before, found, _, ended, _ in campaign["rounds"] if ended]
    assert len(killed) > 20
    assert sorted(killed) == killed  # the old one up to the swap, the new one from then on
    assert set(killed) == {0, 1}
    assert all(one[3] == -signal.SIGKILL for one in campaign["rounds"][:-1])


def test_the_refresh_after_a_kill_needs_no_repair(campaign):
    for _, found, after, _, repaired in campaign["rounds"]:
        assert repaired == 0
        assert after == found + 1


def test_nothing_that_a_killed_refresh_left_stays_for_good(campaign):
    last = campaign["rounds"][-1][2]
    folders = {path.split("/")[2] for path in campaign["files"] if path.startswith("shop/versions")}
    assert [folder.split("-")[0] for folder in folders] == [f"{last:08}"]
    others = [path for path in campaign["files"] if not path.startswith("shop/versions")]
    assert others == [".lock", "shop/HEAD"]


def test_of_several_processes_one_commits(tmp_path):
    result = run("race", str(tmp_path / "catalog"), "6")
    assert sorted(result["codes"]) == [0, 3, 3, 3, 3, 3]
    assert result["winner"] == f"e{result['codes'].index(0) + 1}"

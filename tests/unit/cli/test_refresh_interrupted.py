"""``refresh`` and Ctrl-C, and what a terminal shows in the end."""

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import dagster as dg
import pyte
import pytest
from click.testing import CliRunner

from incremental_assets.cli.app import main
from incremental_assets.cli.commands.refresh import ProgressBars
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore

ROOT = Path(__file__).parents[3]
NAMES = ("shop", "office")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two connections to files with one table each."""
    for name in NAMES:
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as connection:
            connection.execute("create table item (id integer)")
    listed = [{"name": name, "url": f"sqlite:///{tmp_path}/{name}.db"} for name in NAMES]
    config = {"state": str(tmp_path / "catalog"), "connections": listed}
    (tmp_path / "connections.yaml").write_text(json.dumps(config))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return tmp_path


def versions(project: Path) -> list[int]:
    found = [StateStore(LocalObjects(project / "catalog"), name).current() for name in NAMES]
    return [version.number if version else 0 for version in found]


def interrupted_at(
    monkeypatch: pytest.MonkeyPatch, matches: Callable[[dg.DagsterEvent], bool]
) -> None:
    """Ctrl-C once, at the first event that matches."""
    step, outstanding = ProgressBars.step, [True]

    def pressed(bars: ProgressBars, event: dg.DagsterEvent) -> None:
        step(bars, event)
        if outstanding and matches(event):
            outstanding.clear()
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(ProgressBars, "step", pressed)


@pytest.mark.parametrize("asset", ["extraction", "tables", "columns", "current_state", "marker"])
def test_an_interrupt_ends_it_and_nothing_else_is_begun(
    project: Path, monkeypatch: pytest.MonkeyPatch, asset: str
) -> None:
    kind = dg.DagsterEventType.STEP_START
    interrupted_at(
        monkeypatch, lambda event: event.event_type == kind and event.step_key == f"shop__{asset}"
    )
    ended = CliRunner().invoke(main, ["refresh"])
    assert ended.exit_code == 130
    assert "interrupted; nothing of it was committed" in ended.output
    assert "Not begun: office" in ended.output
    assert versions(project) == [0, 0]
    monkeypatch.undo()
    monkeypatch.chdir(project)
    monkeypatch.setenv("DAGSTER_HOME", str(project / "home"))
    with dg.DagsterInstance.from_config(str(project / "home")) as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.CANCELED]
    assert CliRunner().invoke(main, ["refresh"]).exit_code == 0
    assert versions(project) == [1, 1]


def test_what_was_committed_is_told_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    interrupted_at(
        monkeypatch, lambda event: event.event_type == kind and event.step_key == "shop__marker"
    )
    ended = CliRunner().invoke(main, ["refresh"])
    assert ended.exit_code == 130
    assert "version 1" in ended.output
    assert "nothing of it was committed" not in ended.output
    assert "Not begun: office" in ended.output
    assert versions(project) == [1, 0]


def test_a_terminal_keeps_the_whole_result(project: Path) -> None:
    with closing(sqlite3.connect(project / "shop.db")) as connection:
        for number in range(30):
            connection.execute(f"create table t{number} (id integer)")
    screen = pyte.Screen(100, 50)
    stream = pyte.ByteStream(screen)
    ours, theirs = pty.openpty()
    written = b""
    command = [sys.executable, "-m", "incremental_assets", "refresh"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        try:
            while told := os.read(ours, 65536):
                stream.feed(told)
                written += told
        except OSError:
            pass  # Linux says so where the other end is closed.
    os.close(ours)
    shown = [line.strip() for line in screen.display if line.strip()]
    assert [line.partition(" in ")[0] for line in shown] == [
        "shop: version 1",
        *told_of_first_version(tables=31),
        "office: version 1",
        *told_of_first_version(tables=1),
    ]
    # While its ten steps ran: how many of how many.
    assert re.search(rb"\d+/11\b", written)
    assert b"/?" not in written


def told_of_first_version(tables: int) -> list[str]:
    """Below its first line; every table has one column."""
    return [
        f"full (there is no version yet); {tables} tables read",
        f"1 databases, 1 schemas, {tables} tables, {tables} columns",
        "databases: 1 CREATED",
        "schemas: 1 CREATED",
        f"tables: {tables} CREATED",
        f"columns: {tables} CREATED",
    ]

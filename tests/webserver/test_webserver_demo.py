"""``ui``, and ``dagster dev`` in the project's directory: they show the demo, without a warning,
and ``ui`` ends all that it started."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from incremental_assets.config.loading import ENVIRONMENT_VARIABLE
from tests.waiting import end_of, wait_until
from tests.webserver.server import ROOT, Webserver, process

pytestmark = pytest.mark.integration

# Of Dagster's, at every `dagster dev`: it would have people use `dg`.
OWN_SETTINGS = {"PYTHONWARNINGS": "ignore:Function `dev_command`"}
WAYS = {
    "ui": ["incremental_assets", "ui"],
    "dagster dev": ["dagster", "dev", "-w", "workspace.yaml"],
}


@contextmanager
def started(way: str, folder: Path) -> Iterator[Webserver]:
    """It runs in ``folder``, with nothing configured from outside."""
    server = Webserver(folder, folder / "home", folder / "connections.yaml")
    unset = ("DAGSTER_HOME", ENVIRONMENT_VARIABLE)
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, "-m", *WAYS[way], "--port", str(make_url(server.url).port)]
    with process(command, folder, environment | OWN_SETTINGS, folder / "printed.txt") as it:
        wait_until(server.answers, lambda: end_of({way: it}))
        yield server


@pytest.mark.parametrize("way", WAYS)
def test_it_shows_the_demo_and_warns_of_nothing(way: str, tmp_path: Path) -> None:
    if way == "dagster dev":
        for name in ("workspace.yaml", "dagster.yaml"):
            shutil.copy(ROOT / name, tmp_path)

    with started(way, tmp_path) as server:
        nodes = server.ask("{ assetNodes { assetKey { path } groupName } }")
        if way == "ui":
            server.wait_until(lambda: "The UI answers" in (tmp_path / "printed.txt").read_text())

    assert ["demo", "tables"] in [node["assetKey"]["path"] for node in nodes]
    assert {node["groupName"] for node in nodes} == {"demo", "demo_batches"}
    printed = (tmp_path / "printed.txt").read_text()
    if way == "ui":
        assert f"The UI answers at {server.url}." in printed
        assert f"{server.url}/locations/incremental_assets.definitions/jobs/demo_refresh" in printed
    warned = [
        line for line in printed.splitlines() if "warn" in line.lower() or "error" in line.lower()
    ]
    assert warned == [], printed
    # Dagster's storage is where the command line looks for it too.
    assert list((tmp_path / ".dagster_home").rglob("runs.db"))


def test_the_ui_shows_a_new_table_without_a_click(tmp_path: Path) -> None:
    database = tmp_path / "shop.db"
    (tmp_path / "connections.yaml").write_text(
        "connections: [{name: shop, url: 'sqlite:///./shop.db', lineage: {}}]"
    )

    def refresh_with(table: str) -> None:
        with closing(sqlite3.connect(database)) as source:
            source.execute(f"create table {table} (id integer)")
        command = [sys.executable, "-m", "incremental_assets", "refresh", "shop"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    refresh_with("orders")
    with started("ui", tmp_path) as server:

        def shown() -> set[str]:
            nodes = server.ask("{ assetNodes { assetKey { path } } }")
            return {node["assetKey"]["path"][-1] for node in nodes}

        server.wait_until(lambda: "orders" in shown())
        refresh_with("customers")
        server.wait_until(lambda: "customers" in shown())


def processes_of(home: Path) -> list[str]:
    """The command lines of the processes whose Dagster home this is."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            settings = (folder / "environ").read_bytes().split(b"\0")
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"DAGSTER_HOME={home}".encode() in settings and words != [b""]:
            found.append(b" ".join(words).decode())
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    "ending",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.campaign),
        pytest.param(signal.SIGHUP, marks=pytest.mark.campaign),
    ],
)
def test_a_signal_to_the_ui_alone_ends_all_that_it_started(
    ending: signal.Signals, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    server = Webserver(tmp_path, home, tmp_path / "connections.yaml")
    environment = os.environ | {"DAGSTER_HOME": str(home)} | OWN_SETTINGS
    environment.pop(ENVIRONMENT_VARIABLE, None)
    command = [*WAYS["ui"], "--port", str(make_url(server.url).port)]
    with (tmp_path / "printed.txt").open("w") as printed:
        ui = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env=environment,
            stdout=printed,
            stderr=printed,
            start_new_session=True,
        )
    try:
        wait_until(server.answers, lambda: end_of({"ui": ui}))
        assert len(processes_of(home)) > 1
        ui.send_signal(ending)
        assert ui.wait() == 0, (tmp_path / "printed.txt").read_text()
        assert processes_of(home) == []
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(ui.pid, signal.SIGKILL)

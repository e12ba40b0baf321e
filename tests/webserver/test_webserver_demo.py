"""``ui``, and ``dagster dev`` in the project's directory: they show the demo, without a warning."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url

from incremental_assets.config import ENVIRONMENT_VARIABLE
from tests.webserver import queries
from tests.webserver.server import ROOT, Webserver, wait_until

pytestmark = pytest.mark.integration

# Of Dagster's daemon, whenever it starts on a new instance.
FOREIGN = "No cursor for event type"
# Of Dagster's, at every `dagster dev`: it would have people use `dg`.
OWN_SETTINGS = {"PYTHONWARNINGS": "ignore:Function `dev_command`"}
WAYS = {
    "ui": ["incremental_assets", "ui"],
    "dagster dev": ["dagster", "dev", "-w", "workspace.yaml"],
}


@contextmanager
def started(way: str, folder: Path) -> Iterator[Webserver]:
    """It runs in ``folder`` while this lasts, and is killed with all that it started."""
    server = Webserver(folder, folder / "home", folder / "connections.yaml")
    unset = ("DAGSTER_HOME", ENVIRONMENT_VARIABLE)
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, "-m", *WAYS[way], "--port", str(make_url(server.url).port)]
    with (
        (folder / "printed.txt").open("w") as printed,
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment | OWN_SETTINGS,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            wait_until(lambda: answers(server))
            yield server
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def answers(server: Webserver) -> bool:
    try:
        (location,) = server.ask(queries.LOCATIONS)["entries"]
    except urllib.error.URLError:
        return False
    return bool(location["loadStatus"] == "LOADED")


@pytest.mark.parametrize("way", WAYS)
def test_it_shows_the_demo_and_warns_of_nothing(way: str, tmp_path: Path) -> None:
    if way == "dagster dev":
        for name in ("workspace.yaml", "dagster.yaml"):
            shutil.copy(ROOT / name, tmp_path)

    with started(way, tmp_path) as server:
        nodes = server.ask("{ assetNodes { assetKey { path } groupName } }")

    assert ["demo", "tables"] in [node["assetKey"]["path"] for node in nodes]
    assert {node["groupName"] for node in nodes} == {"demo"}
    printed = (tmp_path / "printed.txt").read_text()
    warned = [
        line
        for line in printed.splitlines()
        if ("warn" in line.lower() or "error" in line.lower()) and FOREIGN not in line
    ]
    assert warned == [], printed
    # Dagster's storage is where the command line looks for it too.
    assert list((tmp_path / ".dagster_home").rglob("runs.db"))

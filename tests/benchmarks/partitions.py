"""Measure refreshes of one table with many partitions: `python -m tests.benchmarks.partitions`.

The table is made in an embedded PostgreSQL; each refresh is a whole command in its own process.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measure import run
from tests.benchmarks.report import say
from tests.hostile import partitions
from tests.postgres_server import running_server
from tests.sources import postgresql

LEAVES = 1000


def main() -> None:
    """Make the table, refresh it in full and again, for both ways to keep partitions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--thousands", type=int, default=10, help="thousands of partitions")
    thousands: int = parser.parse_args().thousands
    with running_server() as url, tempfile.TemporaryDirectory() as scratch:
        postgresql(url).ddl("create database partitions")
        url = url.rpartition("/")[0] + "/partitions"
        live = postgresql(url)
        live.ddl(*partitions(thousands, LEAVES))
        say(f"{thousands * LEAVES:,} partitions")
        for kept in ("collapse", "list"):
            folder = Path(scratch) / kept
            folder.mkdir()
            for what in ("first, full", "nothing changed", "one partition altered"):
                if what == "one partition altered":
                    live.ddl("comment on table event_1_1 is 'another'")
                _measure(folder, url, kept, what)


def _measure(folder: Path, url: str, kept: str, what: str) -> None:
    connection = {"name": "shop", "url": url, "options": {"partitions": kept}}
    config = folder / "connections.yaml"
    config.write_text(json.dumps({"connections": [connection]}))
    environment = os.environ | {"DAGSTER_HOME": str(folder / "home")}
    command = [sys.executable, "-m", "incremental_assets", "--config", str(config), "refresh"]
    cost = run(command, environment)
    say(f"{kept:<9} {what:<22} {cost.wall:6.1f} s  CPU {cost.cpu:5.1f} s  {cost.rss_mb:4.0f} MiB")


if __name__ == "__main__":
    main()

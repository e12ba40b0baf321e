"""Measure what table assets cost, loaded and reported: `python -m tests.benchmarks.lineage`.

The tables are made in an embedded PostgreSQL and refreshed once; each load is its own process. What
the events of changed tables cost is the difference of the last two lines.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.measure import run
from tests.postgres_server import running_server
from tests.sources import postgresql

COLUMNS = 20
LOAD = """
import dagster as dg
from incremental_assets.definitions import defs
print(len(defs.resolve_asset_graph().get_all_asset_keys()), "assets")
"""


def main() -> None:
    """Make the tables and views, refresh them, load with `lineage` and without."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1800, help="tables of 20 columns each")
    parser.add_argument("--views", type=int, default=200, help="views over two tables each")
    parser.add_argument("--changed", type=int, default=1000, help="tables that change")
    asked = parser.parse_args()
    refresh = ("-m", "incremental_assets", "refresh")
    with running_server() as url, tempfile.TemporaryDirectory() as scratch:
        source = postgresql(url)
        source.ddl(*statements(asked.tables, asked.views))
        connection = {"name": "shop", "url": url}
        _measure(Path(scratch), connection, "refresh", *refresh)
        _measure(Path(scratch), connection, "load without lineage", "-c", LOAD)
        connection["lineage"] = {"include": {}}
        _measure(Path(scratch), connection, "load with lineage", "-c", LOAD)
        for what in ("changed, with lineage", "changed, without"):
            source.ddl(*changes(min(asked.changed, asked.tables), what))
            _measure(Path(scratch), connection, what, *refresh)
            connection.pop("lineage", None)


def statements(tables: int, views: int) -> list[str]:
    """Tables of 20 columns; each view joins two of them and shows all columns of both."""
    columns = ", ".join(f"value_{number:02} text" for number in range(2, COLUMNS + 1))
    made = [f"create table item_{n} (id integer, {columns})" for n in range(tables)]
    for n in range(views):
        both = ", ".join(
            f"{side}.value_{c:02} as {side}_{c}" for side in "ab" for c in range(2, 12)
        )
        made.append(
            f"create view shown_{n} as with b as (select * from item_{n + 1}) "
            f"select a.id, {both}, count(*) over () as n from item_{n} a join b using (id)"
        )
    return made


def changes(tables: int, comment: str) -> list[str]:
    """A comment on a column of each of the first tables."""
    return [f"comment on column item_{n}.id is '{comment}'" for n in range(tables)]


def _measure(folder: Path, connection: dict[str, object], what: str, *command: str) -> None:
    config = folder / "connections.yaml"
    config.write_text(json.dumps({"connections": [connection]}))
    environment = os.environ | {
        "DAGSTER_HOME": str(folder / "home"),
        "INCREMENTAL_ASSETS_CONFIG": str(config),
    }
    cost = run([sys.executable, *command], environment)
    sys.stdout.write(
        f"{what:<22} {cost.wall:6.1f} s  CPU {cost.cpu:5.1f} s  {cost.rss_mb:4.0f} MiB\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()

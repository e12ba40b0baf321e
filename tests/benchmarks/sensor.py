"""What a look of the change sensor costs the source: `python -m tests.benchmarks.sensor`.

The catalogue is that of the benchmark of refreshes, refreshed once; then the sensor of the
definitions is asked again and again, in one process, as the daemon's code server does it.
"""

import argparse
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median

import dagster as dg

from incremental_assets.build import build_definitions
from incremental_assets.config.loading import load_config
from tests.benchmarks import catalog, contenders
from tests.benchmarks.contenders import CONNECTION, Project
from tests.benchmarks.measure import run
from tests.benchmarks.report import say
from tests.benchmarks.server import Server, embedded_server, large_catalogue


def main() -> None:
    """Make the catalogue if it is not there, refresh it, look, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1020, help="tables and views together")
    parser.add_argument("--looks", type=int, default=10, help="of the sensor")
    parser.add_argument("--url", help="a PostgreSQL server where a database may be created")
    parser.add_argument("--keep", action="store_true", help="leave the catalogue for the next run")
    asked = parser.parse_args()
    with nullcontext(asked.url) if asked.url else embedded_server() as url:
        server = Server(url)
        with large_catalogue(server, asked.tables, keep=asked.keep) as database:
            _measure(server, database, asked.looks)
        server.close()


def _measure(server: Server, database: str, looks: int) -> None:
    url = server.url(database)
    floor = contenders.floor(url)
    run(floor.command, floor.environment)  # fills the server's caches
    floors = [run(floor.command, floor.environment).wall for _ in range(3)]
    with contenders.project(url, None) as project:
        refresh = project.refresh()
        run(refresh.command, refresh.environment)
        measured = _measured(server, database, project, looks)
    say(f"{catalog.counts(url).columns:,} columns, {looks} looks, load {os.getloadavg()[0]:.1f}")
    say("| | wall s | server CPU s | wall, x floor |")
    say("|---|---|---|---|")
    least = median(floors)
    say(f"| floor: `psql` COPY of one catalog query | {least:.2f} | | 1.0 |")
    for what, (walls, burnt) in measured.items():
        middle = median(walls)
        say(f"| {what} | {middle:.3f} | {burnt:.3f} | {middle / least:.3f} |")


def _measured(
    server: Server, database: str, project: Project, looks: int
) -> dict[str, tuple[list[float], float]]:
    """By what a look was like: the seconds of each, and of the server's processors in one."""
    os.environ["BENCHMARK_URL"] = project.url
    definitions = build_definitions(load_config(project.directory / "connections.yaml"))
    sensor = definitions.resolve_sensor_def(f"{CONNECTION}_change_sensor")

    def look(cursor: str | None) -> str | None:
        resources = definitions.resources or {}
        with dg.build_sensor_context(
            instance=instance, resources=resources, cursor=cursor
        ) as context:
            told = sensor(context)
            if not isinstance(told, dg.SkipReason):
                raise SystemExit(f"The sensor wanted a refresh: {told}")
            return context.cursor

    with dg.DagsterInstance.ephemeral() as instance:
        quiet = look(None)
        return {
            "a look, nothing written to the catalogs since the last": _timed(
                server, database, looks, lambda: look(quiet)
            ),
            "a look that asks for the probe": _timed(server, database, looks, lambda: look(None)),
        }


def _timed(
    server: Server, database: str, looks: int, look: Callable[[], object]
) -> tuple[list[float], float]:
    walls = []
    before = server.seconds()
    for _ in range(looks):
        start = time.perf_counter()
        look()
        walls.append(time.perf_counter() - start)
    server.settle(database)
    after = server.seconds()
    if before is None or after is None:
        return walls, float("nan")
    return walls, (after - before) / looks


if __name__ == "__main__":
    main()

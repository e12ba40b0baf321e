"""Measure a refresh of a large PostgreSQL catalogue: `python -m tests.benchmarks.refresh`.

One run, one table of figures: the floor, another tool, the start of a process, our refresh. What
was committed is compared with what the catalogue holds, so that no figure is of work not done.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psycopg

from tests.benchmarks import catalog, contenders
from tests.benchmarks.contenders import Contender, Project
from tests.benchmarks.measure import Measurement, run
from tests.benchmarks.report import Results, machine
from tests.benchmarks.server import Server, embedded_server, large_catalogue

SMALL = "incremental_benchmark_one_table"


class Benchmark:
    """All measurements of one catalogue on one server."""

    def __init__(self, server: Server, options: argparse.Namespace) -> None:
        self.server = server
        self.options = options
        self.database = f"incremental_benchmark_{options.tables}"
        self.url = server.url(self.database)
        self.results = Results({})

    def measure(self) -> Results:
        """Make the catalogues, measure everything as often as asked, drop them again."""
        with self._catalogues():
            self.results.setting = self._setting()
            self._run(contenders.floor(self.url))  # the first reading fills the server's caches
            for repetition in range(self.options.repeat):
                self._others()
                if not self.options.skip_refresh:
                    self._refreshes(SMALL, "small ", repetition)
                    self._refreshes(self.database, "", repetition)
        return self.results

    @contextmanager
    def _catalogues(self) -> Iterator[None]:
        try:
            self._make_small()
            with large_catalogue(self.server, self.options.tables, keep=self.options.keep):
                yield
        finally:
            self.server.drop(SMALL)

    def _make_small(self) -> None:
        self.server.drop(SMALL)
        self.server.create(SMALL)
        with psycopg.connect(self.server.url(SMALL), autocommit=True) as connection:
            connection.execute("create schema shop")
            connection.execute("create table shop.orders (id bigint primary key, note text)")

    def _setting(self) -> dict[str, str | int | float]:
        counts = catalog.counts(self.url)
        return {
            "tables": counts.tables,
            "views": counts.views,
            "columns": counts.columns,
            "PostgreSQL": self.server.version(),
            **machine(),
            "cores": os.cpu_count() or 0,
            "repetitions": self.options.repeat,
            "changed %": self.options.change * 100,
        }

    def _others(self) -> None:
        self._take("floor", contenders.floor(self.url))
        if not self.options.skip_inspector:
            self._take("inspector", contenders.inspector(self.url))
        if not self.options.skip_refresh:
            self._take("import", contenders.bare_import())
            command = contenders.our_command(self.options.command)
            self._take("usage", contenders.usage(command))

    def _refreshes(self, database: str, prefix: str, repetition: int) -> None:
        """First, nothing changed, some changed: in this order, on a state of its own."""
        with contenders.project(self.server.url(database), self.options.command) as project:
            self._take(f"{prefix}first", project.refresh())
            self._verify(project, version=1)
            self._take(f"{prefix}unchanged", project.refresh())
            self._verify(project, version=1)
            altered = self._alter(database, repetition)
            self._take(f"{prefix}changed", project.refresh())
            self._verify(project, version=2)
            found = project.state().changed_tables()
            if found != altered:
                raise SystemExit(f"{altered} tables were altered, the diff names {found}.")
            size = project.state().size / 2**20
            self.results.note(
                f"{database}: {altered} altered, all in the diff; a version takes {size:.1f} MiB"
            )

    def _alter(self, database: str, repetition: int) -> int:
        if database == self.database:
            return sum(catalog.change(self.url, self.options.change, repetition).values())
        with psycopg.connect(self.server.url(database), autocommit=True) as connection:
            connection.execute(f"comment on table shop.orders is 'Repetition {repetition}'")
        return 1

    def _verify(self, project: Project, version: int) -> None:
        state = project.state()
        held = catalog.counts(project.url)
        expected = (version, held.relations, held.columns)
        found = (state.version, state.counts["tables"], state.counts["columns"])
        if found != expected:
            raise SystemExit(
                f"The state holds (version, tables, columns) = {found}, expected {expected}."
            )

    def _take(self, name: str, contender: Contender) -> None:
        measurement = self._run(contender)
        _say(f"{name}: {measurement.wall:.2f} s")
        self.results.add(name, measurement)

    def _run(self, contender: Contender) -> Measurement:
        before = self._server_seconds()
        measurement = run(contender.command, contender.environment)
        after = self._server_seconds()
        burnt = None if before is None or after is None else after - before
        return Measurement(measurement.wall, measurement.cpu, measurement.rss_mb, burnt)

    def _server_seconds(self) -> float | None:
        for database in (self.database, SMALL):
            self.server.settle(database)
        return self.server.seconds()


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    options = _parser().parse_args(arguments)
    with nullcontext(options.url) if options.url else embedded_server() as url:
        server = Server(url)
        try:
            results = Benchmark(server, options).measure()
        finally:
            server.close()
    sys.stdout.write(results.as_markdown())
    if options.json:
        options.json.write_text(json.dumps(results.as_json(), indent=2) + "\n", "utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.refresh", description=__doc__)
    parser.add_argument("--tables", type=int, default=1020, help="tables and views together")
    parser.add_argument("--url", help="a PostgreSQL server where databases may be created")
    parser.add_argument("--repeat", type=int, default=1, help="the median of so many runs")
    parser.add_argument("--change", type=float, default=0.01, help="share of tables to alter")
    parser.add_argument("--skip-inspector", action="store_true")
    parser.add_argument("--skip-refresh", action="store_true", help="the floor and others only")
    parser.add_argument("--keep", action="store_true", help="leave the catalogue for the next run")
    parser.add_argument("--command", help="instead of `python -m incremental_assets`")
    parser.add_argument("--json", type=Path, help="also write every measurement to this file")
    return parser


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()

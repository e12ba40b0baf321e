"""Every product by the same measure: `python -m tests.benchmarks.products mariadb --url …`.

Full, nothing changed and 1 % changed of 5,000 tables with 20 columns, beyond the same refresh of
one table, as ratios to the fastest plain read of the same catalogue in the same run. PostgreSQL's
large catalogues are measured by ``refresh``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.benchmarks import contenders
from tests.benchmarks.contenders import Project
from tests.benchmarks.measure import run
from tests.benchmarks.places import PLACES, Place

REFRESHES = ("first", "unchanged", "changed")
GOALS = {"first": 2.0, "unchanged": 0.15, "changed": 0.5}
TYPES = ("integer not null", "varchar(40)", "numeric(10, 2)", "date", "varchar(200) not null")

ENGINES = {"clickhouse": " engine = MergeTree order by id"}


def tables(product: str, count: int, columns: int) -> Iterator[str]:
    """The statements that make a catalogue; every fiftieth table has a view."""
    engine = ENGINES.get(product, "")
    for number in range(count):
        parts = [f"c{place} {TYPES[place % len(TYPES)]}" for place in range(1, columns)]
        body = ", ".join(["id integer not null", *parts])
        yield f"create table t{number} ({body}){engine}"
        if number % 50 == 0:
            yield f"create view v{number} as select id, c1 from t{number}"


def measure(place: Place, options: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds by what was measured, as often as asked."""
    place.make("large", tables(options.product, options.tables, options.columns))
    place.make("small", tables(options.product, 1, 2))
    seconds: dict[str, list[float]] = {}
    for repetition in range(options.repeat):
        for way in ("floor", "inspector"):
            seconds.setdefault(way, []).append(plain(way, place.url("large")))
        for size, count in (("small", 1), ("large", options.tables)):
            with contenders.project(place.url(size), options.command) as project:
                for name, taken in refreshes(project, place, size, count, repetition):
                    seconds.setdefault(f"{size} {name}", []).append(taken)
    return seconds


def plain(way: str, url: str) -> float:
    """Seconds that a plain read takes in a process of its own, without its start."""
    contender = contenders.plain(way, url)
    done = subprocess.run(
        contender.command, env=contender.environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.stderr.write(f"{way}: {done.stderr.strip().splitlines()[-1]}\n")
        return float("nan")
    found = json.loads(done.stdout)
    sys.stderr.write(f"{way}: {found['seconds']:.2f} s, {found['columns']:,} columns\n")
    return float(found["seconds"])


def refreshes(
    project: Project, place: Place, size: str, count: int, repetition: int
) -> Iterator[tuple[str, float]]:
    """First, nothing changed, 1 % changed; what was committed must be what was done."""
    altered = max(1, count // 100)
    for version, name in ((1, "first"), (1, "unchanged"), (2, "changed")):
        if name == "changed":
            numbers = range(0, altered * 7, 7) if count > 1 else [0]
            place.execute(
                size, [f"alter table t{n} add column x{repetition} integer" for n in numbers]
            )
        contender = project.refresh()
        taken = run(contender.command, contender.environment).wall
        state = project.state()
        views = (count + 49) // 50
        found = (state.version, state.counts["tables"])
        if found != (version, count + views):
            raise SystemExit(f"The state holds (version, tables) = {found} after {name}.")
        if name == "changed" and state.changed_tables() != altered:
            raise SystemExit(f"{altered} tables changed, the diff has {state.changed_tables()}.")
        sys.stderr.write(f"{size} {name}: {taken:.2f} s\n")
        yield name, taken


def report(product: str, seconds: dict[str, list[float]]) -> str:
    """The figures as a Markdown table."""
    floor, inspector = (median(seconds[way]) for way in ("floor", "inspector"))
    lines = [
        f"{product}: the floor takes {floor:.2f} s, the Inspector {inspector:.2f} s.",
        "",
        "| refresh | wall s | beyond one table s | × floor | to reach | × Inspector |",
        "|---|---|---|---|---|---|",
    ]
    for name in REFRESHES:
        whole = median(seconds[f"large {name}"])
        beyond = whole - median(seconds[f"small {name}"])
        cells = (name, f"{whole:.2f}", f"{beyond:.2f}", f"{beyond / floor:.2f}")
        goal, share = f"≤ {GOALS[name]}", f"{beyond / inspector:.2f}"
        lines.append(f"| {' | '.join((*cells, goal, share))} |")
    return "\n".join(lines) + "\n"


@contextmanager
def place_of(options: argparse.Namespace) -> Iterator[Place]:
    """Where the product's databases are made, and dropped at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="incremental-benchmark-") as scratch,
        PLACES[options.product](Path(scratch), options.url) as place,
    ):
        yield place


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.products", description=__doc__
    )
    parser.add_argument("product", choices=sorted(PLACES))
    parser.add_argument("--url", help="a server where databases may be created, where it needs one")
    parser.add_argument("--tables", type=int, default=5000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=1, help="the median of so many runs")
    parser.add_argument("--command", help="instead of `python -m incremental_assets`")
    options = parser.parse_args(arguments)
    with place_of(options) as place:
        sys.stdout.write(report(options.product, measure(place, options)))


if __name__ == "__main__":
    main()

"""Where a refresh's time goes: `python -m tests.benchmarks.steps mariadb --url …`.

The seconds of each step, first, with nothing changed and with 1 % changed, of the catalogue that
``products`` measures. The steps run in this process, so that starting Python is not in it.
"""

import argparse
import sys

import dagster as dg

from tests.benchmarks.places import PLACES
from tests.benchmarks.products import REFRESHES, place_of, tables
from tests.live import refresh, refreshing

SHOWN = 5


def main() -> None:
    """Make the catalogue, refresh it three times, print the longest steps of each."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.steps", description=__doc__)
    parser.add_argument("product", choices=sorted(PLACES))
    parser.add_argument("--url", help="a server where databases may be created, where it needs one")
    parser.add_argument("--tables", type=int, default=5000)
    parser.add_argument("--columns", type=int, default=20)
    asked = parser.parse_args()
    with place_of(asked) as place, dg.DagsterInstance.ephemeral() as instance:
        place.make("large", tables(asked.product, asked.tables, asked.columns))
        url = place.url("large")
        with refreshing(url, instance=instance, batch_columns=100_000) as refresher:
            for name in REFRESHES:
                if name == "changed":
                    altered = range(0, max(1, asked.tables // 100) * 7, 7)
                    place.execute("large", [f"alter table t{n} add column x int" for n in altered])
                outcome = refresh(refresher)
                assert outcome.run_id
                sys.stdout.write(line(name, outcome.seconds, instance, outcome.run_id))
                sys.stdout.flush()


def line(name: str, seconds: float, instance: dg.DagsterInstance, run_id: str) -> str:
    """One row of a Markdown table."""
    taken = sorted(
        ((one.end_time or 0) - (one.start_time or 0), one.step_key.partition("__")[2])
        for one in instance.get_run_step_stats(run_id)
    )
    steps = ", ".join(f"{step} {spent:.2f}" for spent, step in reversed(taken[-SHOWN:]))
    return f"| {name} | {seconds:.2f} | {steps} |\n"


if __name__ == "__main__":
    main()

"""Faults at every write to the store, at the first operation of every step, and at the source.

``python -m tests.faults --url URL [--store local|s3] [--points all|spread|few] [--at PLACE]``
refreshes the database at URL, which must be empty, once per point and fault, looks at what is left,
and prints a table. The faults at the source are in source_faults.py.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from incremental_assets.cli.running import Outcome
from incremental_resources.state_store.local import LocalObjects
from tests import s3_server
from tests.campaign import Campaign, Opener, Trial, table
from tests.live import NAME
from tests.source_faults import source_trials
from tests.troubles import FAULTS, KILLED, SURVIVED, Fault, Trouble
from tests.watched import Operation, Watched, attempt_watched

HEAD_SWAP = f"swap {NAME}/HEAD"


@contextmanager
def local(folder: Path) -> Iterator[Opener]:
    """A store in a directory."""
    yield partial(LocalObjects, folder / "catalog")


@contextmanager
def s3(_folder: Path) -> Iterator[Opener]:
    """A store on S3; the server is no process that forks."""
    with s3_server.started_apart() as endpoint:
        s3_server.client(endpoint).create_bucket(Bucket="faults")
        yield partial(s3_server.s3_objects, endpoint, "faults", "state")


STORES = {"local": local, "s3": s3}


def store_trials(campaign: Campaign, which: str) -> Iterator[Trial]:
    """Faults of the store at the points that are chosen."""
    points = points_of(campaign)
    swap = position(points)
    for point, fault in chosen(points, which):
        after = isinstance(point, int) and point > swap
        what = points[point]
        # Nothing after the commit fails a refresh: what could not be done is left to the next one.
        tidying = after and fault.ends != KILLED
        yield Trial(
            what,
            fault.name,
            SURVIVED if tidying else fault.ends_at(what == HEAD_SWAP),
            after or fault.ends == SURVIVED or (point == swap and fault.does),
            partial(doomed, campaign, fault, point),
        )


def doomed(campaign: Campaign, fault: Fault, point: int | str) -> tuple[Outcome, bool]:
    """In a child: a refresh with a fault of the store."""
    trouble = Trouble(fault, point)
    objects = Watched(campaign.opener(), trouble.around)
    return attempt_watched(campaign.config, objects, trouble.on_event), trouble.struck > 0


def points_of(campaign: Campaign) -> dict[int | str, str]:
    """Every write, by number, and every step, with what they are."""

    def write_down() -> tuple[list[str], list[str]]:
        writes, steps = [], []

        def note(operation: Operation) -> object:
            if operation.number:
                writes.append(operation.what)
            return operation.do()

        def on_event(kind: str, step: str) -> None:
            if kind == "STEP_START":
                steps.append(step)

        outcome = attempt_watched(campaign.config, Watched(campaign.opener(), note), on_event)
        assert outcome.ok, outcome.error
        return writes, steps

    writes, steps = campaign.learned(write_down)
    return dict(enumerate(writes, 1)) | {step: f"step {step}" for step in steps}


def chosen(points: dict[int | str, str], which: str) -> Iterator[tuple[int | str, Fault]]:
    """Which faults at which points: all; all at the commit and at the first removal after it and
    elsewhere one at every fourth point (spread); or those at the commit alone (few)."""
    faults, swap = list(FAULTS.values()), position(points)
    removal = next(at for at in points if at > swap and points[at].startswith("delete"))
    for turn, point in enumerate(points):
        if point == swap or which == "all" or (which == "spread" and point == removal):
            yield from ((point, fault) for fault in faults)
        elif which == "spread" and point in (swap - 1, swap + 1):
            yield from ((point, fault) for fault in faults[turn % 2 :: 2])
        elif which == "spread" and turn % 4 == 1:
            yield point, faults[turn // 4 % len(faults)]


def position(points: dict[int | str, str]) -> int:
    """The number of the write that moves HEAD."""
    return list(points.values()).index(HEAD_SWAP) + 1


PLACES: dict[str, Callable[[Campaign, str], Iterator[Trial]]] = {
    "store": store_trials,
    "source": source_trials,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--store", choices=STORES, default="local")
    parser.add_argument("--points", choices=("all", "spread", "few"), default="all")
    parser.add_argument("--at", choices=PLACES, action="append")
    asked = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as folder, STORES[asked.store](Path(folder)) as opener:
        campaign = Campaign(Path(folder), asked.url, opener)
        for place in asked.at or PLACES:
            for trial in PLACES[place](campaign, asked.points):
                rounds.append(campaign.round(trial))
                if rounds[-1].wrong:
                    sys.stderr.write(f"{trial.fault} at {trial.what}: {rounds[-1].wrong}\n")
    good = sum(not one.wrong for one in rounds)
    points = len({one.what for one in rounds})
    kinds = len({one.fault for one in rounds})
    sys.stdout.write(
        f"{table(rounds)}\n{good} of {len(rounds)} faults ({kinds} kinds) at {points} points "
        "survived\n"
    )
    sys.exit(good != len(rounds))


if __name__ == "__main__":
    main()

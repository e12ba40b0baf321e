"""Faults at every write to the store and at the first operation of every step of a refresh.

``python -m tests.faults --url URL [--store local|s3] [--points all|spread|commit]`` refreshes the
database at URL, which must be empty, once per point and fault, looks at what is left, and prints a
table.
"""

import argparse
import json
import re
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from incremental_assets.config import load_config
from resources.state_store.local import LocalObjects
from resources.state_store.objects import ObjectStore
from resources.state_store.store import StateStore
from tests import s3_server
from tests.aftermath import look, refresh_plainly
from tests.changes import alter
from tests.crashes import whole_number
from tests.live import NAME, written_config
from tests.troubles import FAULTS, KILLED, SURVIVED, Fault, Trouble
from tests.watched import Operation, Watched, attempt_watched, in_child, learn

OPTIONS = {
    "deletion_guard_percent": 100,
    "retry_seconds": 0.01,
    "retain_versions": 2,
    "max_concurrent_batches": 1,
    "batch_columns": 3,
}
KEPT = 2
HEAD_SWAP = f"swap {NAME}/HEAD"

Opener = Callable[[], ObjectStore]


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


@dataclass(frozen=True)
class Round:
    """One refresh with a fault: where, which, and what was wrong with how it ended, if anything."""

    what: str
    fault: str
    wrong: str

    @property
    def kind(self) -> str:
        """The kind of point."""
        return self.what.partition(" ")[0]


class Campaign:
    """A database and its state, refreshed in children of this process."""

    def __init__(self, folder: Path, url: str, opener: Opener) -> None:
        self.url = url
        self.folder = folder
        self.opener = opener
        self.config = load_config(written_config(folder / "connections.yaml", url, options=OPTIONS))
        self.store = StateStore(opener(), NAME)
        self._report = folder / "report.json"
        self._changes = 0

    def change(self) -> None:
        """Change the database."""
        alter(self.url, self._changes)
        self._changes += 1

    def plain(self) -> None:
        """In a child: a refresh that nobody disturbs."""
        refresh_plainly(self.config, self.opener(), self.url)

    def doomed(self, fault: Fault, point: int | str) -> None:
        """In a child: a refresh with a fault; what became of it is written down."""
        trouble = Trouble(fault, point)
        objects = Watched(self.opener(), trouble.around)
        outcome = attempt_watched(self.config, objects, trouble.on_event)
        ended = outcome.error or (SURVIVED if trouble.struck else "no fault")
        self._report.write_text(json.dumps(ended))
        if outcome.ok:
            look(self.config, self.opener(), self.url)

    def write_down(self) -> None:
        """In a child: a refresh whose writes and steps are written down."""
        writes, steps = [], []

        def note(operation: Operation) -> object:
            if operation.number:
                writes.append(operation.what)
            return operation.do()

        def on_event(kind: str, step: str) -> None:
            if kind == "STEP_START":
                steps.append(step)

        outcome = attempt_watched(self.config, Watched(self.opener(), note), on_event)
        assert outcome.ok, outcome.error
        self._report.write_text(json.dumps([writes, steps]))

    def points(self) -> dict[int | str, str]:
        """Every write, by number, and every step, with what they are."""
        self.change()
        assert in_child(self.write_down) == 0
        writes, steps = json.loads(self._report.read_text())
        return dict(enumerate(writes, 1)) | {step: f"step {step}" for step in steps}

    def round(
        self, fault: Fault, point: int | str, what: str, *, moves: bool, after: bool
    ) -> Round:
        """One refresh with a fault, and one without if it did not survive.

        ``moves``: whether HEAD must have moved. ``after``: the commit is done before the point.
        """
        self._report.write_text('"nothing told"')
        self.change()
        before = whole_number(self.store)
        code = in_child(partial(self.doomed, fault, point))
        ended = KILLED if code == -signal.SIGKILL else json.loads(self._report.read_text())
        moved = whole_number(self.store) - before
        wrong = []
        # What cannot be removed after the commit is left to the next refresh.
        removing = after and what.startswith("delete") and fault.ends != KILLED
        ends = SURVIVED if removing else fault.ends_at(what == HEAD_SWAP)
        if not re.search(ends, ended):
            wrong.append(f"it ended with {ended!r}")
        if ended == SURVIVED and code:
            wrong.append("what it left is wrong")
        if moved != moves:
            wrong.append(f"HEAD moved by {moved} versions")
        if ended != SURVIVED and in_child(self.plain):
            wrong.append("the next refresh failed")
        return Round(what, fault.name, "; ".join(wrong))


def chosen(points: dict[int | str, str], which: str) -> Iterator[tuple[int | str, Fault]]:
    """Which faults at which points: all; all at the commit and elsewhere one at every fourth
    point (spread); or those at the commit alone."""
    faults, swap = list(FAULTS.values()), position(points)
    for turn, point in enumerate(points):
        if point == swap or which == "all":
            yield from ((point, fault) for fault in faults)
        elif which == "spread" and point in (swap - 1, swap + 1):
            yield from ((point, fault) for fault in faults[turn % 2 :: 2])
        elif which == "spread" and turn % 4 == 1:
            yield point, faults[turn // 4 % len(faults)]


def run(folder: Path, url: str, opener: Opener, which: str) -> Iterator[Round]:
    """All rounds of a campaign."""
    campaign = Campaign(folder, url, opener)
    campaign.change()
    assert learn(campaign.plain, folder / "modules") == 0
    for _ in range(KEPT):
        campaign.change()
        assert in_child(campaign.plain) == 0
    points = campaign.points()
    swap = position(points)
    for point, fault in chosen(points, which):
        after = isinstance(point, int) and point > swap
        moves = after or fault.ends == SURVIVED or (point == swap and fault.does)
        yield campaign.round(fault, point, points[point], moves=moves, after=after)


def position(points: dict[int | str, str]) -> int:
    """The number of the write that moves HEAD."""
    return list(points.values()).index(HEAD_SWAP) + 1


def table(rounds: Sequence[Round]) -> str:
    """Survived of tried, by fault and kind of point."""
    kinds = list(dict.fromkeys(one.kind for one in rounds))
    tried = Counter((one.fault, one.kind) for one in rounds)
    good = Counter((one.fault, one.kind) for one in rounds if not one.wrong)
    lines = [["", *kinds]]
    for fault in dict.fromkeys(one.fault for one in rounds):
        cells = ((good[fault, kind], tried[fault, kind]) for kind in kinds)
        lines.append([fault, *(f"{a}/{b}" if b else "" for a, b in cells)])
    return "\n".join(
        f"{line[0]:26}" + "".join(f"{cell:>13}" for cell in line[1:]) for line in lines
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--store", choices=STORES, default="local")
    parser.add_argument("--points", choices=("all", "spread", "commit"), default="all")
    asked = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as folder, STORES[asked.store](Path(folder)) as opener:
        for one in run(Path(folder), asked.url, opener, asked.points):
            rounds.append(one)
            if one.wrong:
                sys.stderr.write(f"{one.fault} at {one.what}: {one.wrong}\n")
    good = sum(not one.wrong for one in rounds)
    points = len({one.what for one in rounds})
    sys.stdout.write(
        f"{table(rounds)}\n{good} of {len(rounds)} faults at {points} points survived\n"
    )
    sys.exit(good != len(rounds))


if __name__ == "__main__":
    main()

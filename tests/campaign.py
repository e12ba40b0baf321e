"""A database and its state, refreshed in children of this process, with a fault in each round.

Where a fault is put, and which ones there are, is in faults.py and source_faults.py.
"""

import json
import re
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from incremental_assets.cli.running import Outcome
from incremental_assets.config.loading import load_config
from incremental_assets.config.model import Config
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.store import StateStore
from tests.aftermath import look, refresh_plainly
from tests.changes import alter
from tests.crashes import whole_number
from tests.live import NAME, written_config
from tests.troubles import KILLED, SURVIVED
from tests.watched import in_child, learn

OPTIONS = {
    "deletion_guard_percent": 100,
    "retry_seconds": 0.01,
    "retain_versions": 2,
    "max_concurrent_batches": 1,
    "batch_columns": 3,
}
KEPT = 2

Opener = Callable[[], ObjectStore]


@dataclass(frozen=True)
class Trial:
    """One refresh with a fault, and how it must end.

    ``what`` is the point, ``ends`` killed, survived, or what the error must match, ``moves``
    whether HEAD must have moved. ``attempt`` runs in a child: the outcome, and whether the fault
    struck.
    """

    what: str
    fault: str
    ends: str
    moves: bool
    attempt: Callable[[], tuple[Outcome, bool]]


@dataclass(frozen=True)
class Round:
    """What was wrong with how a trial and the refresh after it ended, if anything."""

    what: str
    fault: str
    wrong: str

    @property
    def kind(self) -> str:
        """The kind of point."""
        return self.what.partition(" ")[0]


class Campaign:
    """A database, a configuration of it, and a state that has as many versions as are kept."""

    def __init__(self, folder: Path, url: str, opener: Opener) -> None:
        self.url = url
        self.folder = folder
        self.opener = opener
        self.config = self.configured(url)
        self.store = StateStore(opener(), NAME)
        self._report = folder / "report.json"
        self._changes = 0
        self.change()
        assert learn(self.plain, folder / "modules") == 0
        for _ in range(KEPT):
            self.change()
            assert in_child(self.plain) == 0

    def configured(self, url: str, **options: Any) -> Config:
        """The configuration, with the database at another URL, say."""
        path = self.folder / "connections.yaml"
        return load_config(written_config(path, url, options=OPTIONS | options))

    def change(self) -> None:
        """Change the database."""
        alter(self.url, self._changes)
        self._changes += 1

    def plain(self) -> None:
        """In a child: a refresh that nobody disturbs."""
        refresh_plainly(self.config, self.opener(), self.url)

    def learned(self, refreshing: Callable[[], Any]) -> Any:
        """What a refresh in a child writes down."""
        self.change()

        def write_down() -> None:
            self._report.write_text(json.dumps(refreshing()))

        assert in_child(write_down) == 0
        return json.loads(self._report.read_text())

    def round(self, trial: Trial) -> Round:
        """One refresh with a fault, and one without if it did not survive."""
        self._report.write_text('"nothing told"')
        self.change()
        before = whole_number(self.store)
        code = in_child(partial(self._try, trial))
        ended = KILLED if code == -signal.SIGKILL else json.loads(self._report.read_text())
        moved = whole_number(self.store) - before
        wrong = []
        if not re.search(trial.ends, ended):
            wrong.append(f"it ended with {ended!r}")
        if ended == SURVIVED and code:
            wrong.append("what it left is wrong")
        if moved != trial.moves:
            wrong.append(f"HEAD moved by {moved} versions")
        if ended != SURVIVED and in_child(self.plain):
            wrong.append("the next refresh failed")
        return Round(trial.what, trial.fault, "; ".join(wrong))

    def _try(self, trial: Trial) -> None:
        outcome, struck = trial.attempt()
        self._report.write_text(json.dumps(outcome.error or (SURVIVED if struck else "no fault")))
        if outcome.ok:
            look(self.config, self.opener(), self.url)


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
        f"{line[0]:26}" + "".join(f"{cell:>12}" for cell in line[1:]) for line in lines
    )

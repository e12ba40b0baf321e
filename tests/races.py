"""Refreshes of one connection at once, each in a Dagster home of its own or in the same one.

``python -m tests.races CONFIG URL RACE...`` runs those of ``RACES`` and prints as JSON what it saw.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from incremental_assets.config.loading import load_config
from incremental_assets.wiring import open_objects
from incremental_resources.state_store.store import StateStore
from tests.aftermath import refresh_plainly
from tests.changes import alter
from tests.crashes import whole_number
from tests.live import NAME
from tests.watched import (
    Around,
    Operation,
    Watched,
    attempt_watched,
    ended,
    in_child,
    learn,
    refresh_by_command,
    start_child,
)

UNUSED = "unused_home"
RACERS = 4
BASES = 2
# Where a refresh is stopped: before what it asks of the store then.
COLUMNS, STAGING, MANIFEST = "/batches/", "/columns/part-", "/manifest.json"
SWAP, CLOSE, PRUNE = f"swap {NAME}/HEAD", f"swap {NAME}/extractions/", f"list {NAME}/versions"


class Race:
    """A connection with a state and Dagster homes of its own, and children that refresh it."""

    def __init__(self, name: str, config: Path, url: str, changes: "Changes") -> None:
        self._url = url
        self._changes = changes
        self._unused = config.parent / UNUSED
        self._folder = config.parent / name
        self._folder.mkdir()
        self._path = Path(shutil.copy(config, self._folder))
        self._config = load_config(self._path)
        self._told: dict[int, Path] = {}
        self._numbers = count()
        self.store = StateStore(open_objects(self._config), NAME)

    def change(self) -> None:
        """Change the database."""
        self._changes()

    def start(self, home: str = "", *, stop: str = "") -> int:
        """A refresh that stops itself at ``stop``; it returns once the refresh has stopped.

        By the command in the Dagster home ``home``; without one, in an instance of its own.
        """
        told = self._folder / f"told_{next(self._numbers)}"
        if home and not (place := self._folder / home).exists():
            shutil.copytree(self._unused, place)
        if home:
            work = partial(refresh_by_command, self._path, place, stopping(stop))
        else:
            work = partial(self._refresh, stopping(stop))
        child = start_child(work, told)
        self._told[child] = told
        if stop:
            _, status = os.waitpid(child, os.WUNTRACED)
            assert os.WIFSTOPPED(status), told.read_text()
        return child

    def end(self, child: int) -> tuple[int, str]:
        """Let a child go on to its end; its exit code, and what it told."""
        os.kill(child, signal.SIGCONT)
        told = self._told.pop(child)
        return ended(child), told.read_text()

    def end_together(self, children: list[int]) -> list[tuple[int, str]]:
        """The same of several, which go on at the same moment."""
        for child in children:
            os.kill(child, signal.SIGCONT)
        return [self.end(child) for child in children]

    def plain(self) -> int:
        """A refresh afterwards that reaches what the database holds and leaves nothing."""
        objects = self.store.objects
        return in_child(partial(refresh_plainly, self._config, objects, self._url))

    def _refresh(self, around: Around) -> None:
        outcome = attempt_watched(self._config, Watched(self.store.objects, around))
        sys.stderr.write(outcome.error or "")
        sys.exit(not outcome.ok)

    def leave(self) -> None:
        """End the children that a failure left behind."""
        for child in self._told:
            os.kill(child, signal.SIGKILL)


Changes = Callable[[], None]
Seen = list[tuple[int, str]]


def stopping(stop: str) -> Around:
    """Around a store's operations: stop the process before the first that ``stop`` is part of.

    Of the readings of a folder only the one after the commit is meant, which begins the pruning.
    """
    waiting, committed = bool(stop), False

    def around(operation: Operation) -> Any:
        nonlocal waiting, committed
        if waiting and stop in operation.what and (operation.number or committed):
            waiting = False
            os.kill(os.getpid(), signal.SIGSTOP)
        committed = committed or operation.what == SWAP
        return operation.do()

    return around


def swap_at_once(race: Race) -> Seen:
    """Several refreshes on the same base come to the swap of HEAD before any has swapped."""
    race.change()
    return race.end_together([race.start(stop=SWAP) for _ in range(RACERS)])


def swap_two_at_once(race: Race) -> Seen:
    """The same of two, by the command, each in a Dagster home of its own."""
    race.change()
    return race.end_together([race.start(home, stop=SWAP) for home in ("one", "other")])


def come_late(race: Race) -> Seen:
    """One is still reading columns when another has finished."""
    race.change()
    late = race.start(stop=COLUMNS)
    return [race.end(race.start()), race.end(late)]


def swap_late(race: Race) -> Seen:
    """One is about to swap when another has finished."""
    race.change()
    late = race.start(stop=SWAP)
    return [race.end(race.start()), race.end(late)]


def share_a_home(race: Race) -> Seen:
    """One is started in the home where another is still running."""
    race.change()
    first = race.start("home", stop=COLUMNS)
    second = race.end(race.start("home"))
    return [race.end(first), second]


def pruned_meanwhile(race: Race) -> Seen:
    """Retention runs while a refresh is at one point after the other; it must not be hurt."""
    seen = []
    for point in (COLUMNS, STAGING, MANIFEST, SWAP, CLOSE):
        race.change()
        slow = race.start(stop=point)
        assert in_child(lambda: race.store.prune(1, 0)) == 0
        seen.append(race.end(slow))
    return seen


def prune_late(race: Race) -> Seen:
    """One that has committed prunes only when the next one is about to commit."""
    race.change()
    late = race.start(stop=PRUNE)
    race.change()
    following = race.start(stop=SWAP)
    return [race.end(late), race.end(following)]


# Each with whether it also happens where there is no version yet.
RACES = {
    swap_at_once: True,
    swap_two_at_once: True,
    come_late: False,
    swap_late: True,
    share_a_home: False,
    pruned_meanwhile: False,
    prune_late: False,
}


def run(config: Path, url: str, names: Sequence[str]) -> dict[str, Any]:
    """Races by name, each with a refresh after it: what was told, and by how much HEAD moved."""
    changes = 0

    def change() -> None:
        nonlocal changes
        alter(url, changes)
        changes += 1

    change()
    # A Dagster home to copy: it takes longer to make one than to refresh.
    first = partial(refresh_by_command, config, config.parent / UNUSED)
    assert learn(first, config.parent / "modules") == 0
    seen: dict[str, Any] = {}
    for body, also_first in RACES.items():
        if body.__name__ not in names:
            continue
        race = Race(body.__name__, config, url, change)
        rounds = seen[body.__name__] = []
        try:
            if not also_first:
                assert race.plain() == 0
            for _ in range(BASES if also_first else 1):
                before = whole_number(race.store)
                told = body(race)
                moved = whole_number(race.store) - before
                rounds.append([told, moved, race.plain()])
        finally:
            race.leave()
    return seen


if __name__ == "__main__":
    json.dump(run(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]), sys.stdout)

"""Refreshes of one connection at once, each in a Dagster home of its own or in the same one.

``python -m tests.races CONFIG URL`` runs all of ``RACES`` and prints as JSON what it saw.
"""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from incremental_assets.config import load_config
from incremental_assets.wiring import open_objects
from resources.state_store.store import StateStore
from tests.crashes import whole_number
from tests.killed import alter, plain
from tests.live import NAME
from tests.watched import ended, in_child, learn, refresh_by_command, start_child

SECONDS = 120
UNUSED = "unused_home"
COLUMNS, SWAP = "/batches/", f"swap {NAME}/HEAD"


class Race:
    """A connection with a state and Dagster homes of its own, and children that refresh it.

    They meet at a chosen write: whoever gets there waits until everybody may go on.
    """

    def __init__(self, name: str, config: Path, url: str) -> None:
        self.url = url
        self._unused = config.parent / UNUSED
        self._folder = config.parent / name
        self._folder.mkdir()
        self._meeting = self._folder / "meeting"
        self._meeting.mkdir()
        self._config = Path(shutil.copy(config, self._folder))
        self._store = StateStore(open_objects(load_config(self._config)), NAME)
        self._told: dict[int, Path] = {}

    def start(self, home: str, point: str | None = None) -> int:
        """A refresh that waits at the point."""

        def watch(_number: int, what: str) -> None:
            if point and point in what:
                (self._meeting / str(os.getpid())).touch()
                self._wait(lambda: (self._meeting / "go").exists())

        place, told = self._folder / home, self._folder / f"told_{len(self._told)}"
        if not place.exists():
            shutil.copytree(self._unused, place)
        work = partial(refresh_by_command, self._config, place, watch)
        child = start_child(work, told)
        self._told[child] = told
        return child

    def wait_for(self, racers: int) -> None:
        """Wait until so many are at their point."""
        self._wait(lambda: len(list(self._meeting.iterdir())) == racers)

    def go(self) -> None:
        """Let everybody go on."""
        (self._meeting / "go").touch()

    def end(self, child: int) -> tuple[int, str]:
        """The exit code of a child and what it told."""
        return ended(child), self._told[child].read_text()

    def whole_number(self) -> int:
        """The current version's number, all of its files verified."""
        return whole_number(self._store)

    def plain(self) -> int:
        """A refresh afterwards that must reach what the database holds; its exit code."""
        return in_child(partial(plain, self._config, self.url))

    def _wait(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not true():
            assert time.monotonic() < deadline, "somebody did not come"
            time.sleep(0.005)


def swap_at_once(race: Race) -> Any:
    """Two refreshes on the same base come to the swap of HEAD before either has swapped."""
    race.plain()
    alter(race.url, 1)
    racers = [race.start("one", SWAP), race.start("other", SWAP)]
    race.wait_for(2)
    race.go()
    return [race.end(racer) for racer in racers]


def swap_first_at_once(race: Race) -> Any:
    """The same where there is no version yet."""
    racers = [race.start("one", SWAP), race.start("other", SWAP)]
    race.wait_for(2)
    race.go()
    return [race.end(racer) for racer in racers]


def come_late(race: Race) -> Any:
    """One is still reading columns when the other has finished."""
    late = race.start("late", COLUMNS)
    race.wait_for(1)
    quick = race.end(race.start("quick"))
    race.go()
    return [quick, race.end(late)]


def share_a_home(race: Race) -> Any:
    """One is started in the home where the other is still running."""
    first = race.start("home", COLUMNS)
    race.wait_for(1)
    second = race.end(race.start("home"))
    race.go()
    return [race.end(first), second]


RACES = {
    race.__name__: race for race in (swap_at_once, swap_first_at_once, come_late, share_a_home)
}


def run(config: Path, url: str) -> dict[str, Any]:
    """Every race, and a refresh after it."""
    alter(url, 0)
    # A Dagster home to copy: it takes longer to make one than to refresh.
    first = partial(refresh_by_command, config, config.parent / UNUSED)
    assert learn(first, config.parent / "modules") == 0
    seen = {}
    for name, body in RACES.items():
        race = Race(name, config, url)
        told = body(race)
        number = race.whole_number()
        seen[name] = [told, number, race.plain(), race.whole_number()]
    return seen


if __name__ == "__main__":
    json.dump(run(Path(sys.argv[1]), sys.argv[2]), sys.stdout)

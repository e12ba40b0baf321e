"""Refreshes that are killed at a chosen point; run as a process of its own.

``python -m tests.killed columns CONFIG`` is killed while it reads columns, holding its pool's slot.
``python -m tests.killed campaign CONFIG URL`` kills one refresh after the other in forked children
and prints as JSON what it saw.
"""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg

from incremental_assets.batches import Silence
from incremental_assets.build import build_definitions
from incremental_assets.cli.running import Refresher, Wish
from incremental_assets.config import load_config
from incremental_assets.instance import locate_home, open_instance
from incremental_assets.wiring import open_objects
from resources.state_store.store import StateStore
from tests.crashes import whole_number
from tests.live import NAME, current, state
from tests.oracle import differing

KILLS_IN_A_ROW = 4
WRITES = ("create", "create_file", "copy", "swap", "delete", "check")
SEED = """
    create table lasting (id integer primary key, note text); create table moved_0 (id integer);
    create view seen as select id from lasting; create table dropped_0 ()
"""
# The same kinds of change every time, so that every refresh writes the same.
CHANGE = """
    alter table lasting add column note_{now} text; alter table moved_{before} rename to moved_{now};
    drop table dropped_{before}; create table dropped_{now} (); comment on table lasting is '{now}';
    create or replace function number() returns integer language sql return {now}
"""


def in_child(work: Callable[[], object]) -> int:
    """Run in a forked process; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Mortal:
    """An object store that calls ``before`` with the number of each write and what it writes."""

    def __init__(self, objects: Any, before: Callable[[int, str], None]) -> None:
        self._objects = objects
        self._before = before
        self._count = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._objects, name)
        if name not in WRITES:
            return method

        def write(*arguments: Any) -> Any:
            self._count += 1
            # A copy is known by where it goes.
            paths = [one for one in arguments if isinstance(one, str)]
            self._before(self._count, f"{name} {paths[1 if name == 'copy' else 0] if paths else ''}")
            return method(*arguments)

        return write


class DieInColumns(Silence):
    """Progress whose process is killed when the first batch is about to be read."""

    def begin(self, batches: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def no_home() -> Iterator[dg.DagsterInstance]:
    """An instance in memory: what became of the runs is of no interest, and it takes half the time."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def own_home() -> AbstractContextManager[dg.DagsterInstance]:
    """The instance that the command line uses."""
    return open_instance(locate_home(os.environ, Path.cwd()))


def refresh_watched(
    config: Path,
    *,
    instance: Callable[[], AbstractContextManager[dg.DagsterInstance]] = no_home,
    before: Callable[[int, str], None] = lambda number, what: None,
    after_step: Callable[[str], None] = lambda step: None,
    progress: Silence | None = None,
) -> Refresher:
    """One refresh of a configuration's connection, as the command line does it."""
    loaded = load_config(config)

    def tell(event: dg.DagsterEvent) -> None:
        if event.event_type == dg.DagsterEventType.STEP_SUCCESS:
            after_step(str(event.step_key).removeprefix(f"{NAME}__"))

    with instance() as opened:
        objects = Mortal(open_objects(loaded), before)
        refresher = Refresher(loaded, opened, progress or Silence(), objects)
        outcome = refresher.run(NAME, Wish(), tell)
    assert outcome.ok, outcome.error
    return refresher


def doomed(config: Path, point: int | str) -> None:
    """A refresh that is killed before a write (by number) or after a step (by name)."""

    def die_there(here: int | str, _what: str = "") -> None:
        if here == point:
            os.kill(os.getpid(), signal.SIGKILL)

    refresh_watched(config, before=die_there, after_step=die_there)


def plain(config: Path, url: str) -> None:
    """A refresh that nobody kills, after which the state is what the oracle sees."""
    refresher = refresh_watched(config)
    seen = differing(url, state(current(refresher)), partitions=False)
    assert seen == {}, seen


def write_down(config: Path, report: Path) -> None:
    """A refresh that writes to ``report`` what it wrote to the store."""
    writes: list[str] = []
    refresh_watched(config, before=lambda _number, what: writes.append(what))
    report.write_text(json.dumps(writes))


def points_of(writes: Sequence[str]) -> list[int | str]:
    """Every write from the first of the new version on, a third of those before, and two steps."""
    first = next(number for number, what in enumerate(writes, 1) if f"{NAME}/versions/" in what)
    return [*range(1, first, 3), *range(first, len(writes) + 1), "current_state", "marker"]


def campaign(config: Path, url: str) -> None:
    """Kill refreshes at one point after the other; after every fourth one that nobody kills."""
    loaded, report = load_config(config), config.parent / "writes.json"
    store = StateStore(open_objects(loaded), NAME)
    # What is imported late is imported here, once for all children.
    build_definitions(loaded)
    with no_home():
        pass
    alter(url, 0)
    repairs = [in_child(partial(plain, config, url))]
    alter(url, 1)
    repairs.append(in_child(partial(write_down, config, report)))
    writes = json.loads(report.read_text())
    rounds = []
    for number, point in enumerate(points_of(writes), 2):
        alter(url, number)
        before = whole_number(store)
        code = in_child(partial(doomed, config, point))
        at = writes[point - 1] if isinstance(point, int) else point
        rounds.append([at, code, whole_number(store) - before])
        if number % KILLS_IN_A_ROW == 0:
            repairs.append(in_child(partial(plain, config, url)))
    repairs.append(in_child(partial(plain, config, url)))
    json.dump({"repairs": repairs, "writes": writes, "rounds": rounds}, sys.stdout)


def alter(url: str, now: int) -> None:
    """Make the database, or change it for the n-th time."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CHANGE.format(now=now, before=now - 1) if now else SEED)


def kill_refreshes(config: Path, home: Path, times: int = KILLS_IN_A_ROW) -> list[int]:
    """Refreshes in processes of their own, each killed in its step ``columns``; the exit codes."""
    command = [sys.executable, "-m", "tests.killed", "columns", str(config)]
    environment = {**os.environ, "DAGSTER_HOME": str(home)}
    root = Path(__file__).parents[1]
    return [
        subprocess.run(command, env=environment, cwd=root, check=False).returncode
        for _ in range(times)
    ]


if __name__ == "__main__":
    if sys.argv[1] == "campaign":
        campaign(Path(sys.argv[2]), sys.argv[3])
    else:
        refresh_watched(Path(sys.argv[2]), instance=own_home, progress=DieInColumns())

"""Refreshes that are killed at a chosen point; what was seen is printed as JSON.

``python -m tests.killed columns CONFIG TIMES`` kills refreshes while they read columns and hold
their pool's slot; ``python -m tests.killed campaign CONFIG URL`` at every point of interest.
"""

import json
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import psycopg

from incremental_assets.config import load_config
from incremental_assets.wiring import open_objects
from resources.state_store.store import StateStore
from tests.crashes import whole_number
from tests.live import NAME, current, state
from tests.oracle import differing
from tests.watched import in_child, learn, refresh_by_command, refresh_watched, run_module

KILLS_IN_A_ROW = 4
SEED = """
    create table lasting (id integer primary key, note text); create table moved_0 (id integer);
    create view seen as select id from lasting; create table dropped_0 ()
"""
# The same kinds of change every time, so that every refresh writes the same.
CHANGE = """
    alter table lasting add column note_{now} text; comment on table lasting is '{now}';
    alter table moved_{before} rename to moved_{now};
    drop table dropped_{before}; create table dropped_{now} ();
    create or replace function number() returns integer language sql return {now}
"""


def alter(url: str, now: int) -> None:
    """Make the database, or change it for the n-th time."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CHANGE.format(now=now, before=now - 1) if now else SEED)


def die() -> None:
    """As by a person's kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


def doomed(config: Path, point: int | str) -> None:
    """A refresh that is killed before a write (by number) or after a step (by name)."""

    def die_there(here: int | str, _what: str = "") -> None:
        if here == point:
            die()

    refresh_watched(config, die_there, die_there)


def plain(config: Path, url: str) -> None:
    """A refresh that nobody kills, after which the state is what the oracle sees."""
    seen = differing(url, state(current(refresh_watched(config))), partitions=False)
    assert seen == {}, seen


def write_down(config: Path, report: Path) -> None:
    """A refresh that writes to ``report`` what it wrote to the store."""
    writes: list[str] = []
    refresh_watched(config, lambda _number, what: writes.append(what))
    report.write_text(json.dumps(writes))


def points_of(writes: Sequence[str]) -> list[int | str]:
    """Every write from the first of the new version on, a few of those before, and two steps."""
    first = next(number for number, what in enumerate(writes, 1) if f"{NAME}/versions/" in what)
    return [*range(2, first, 6), *range(first, len(writes) + 1), "current_state", "marker"]


def campaign(config: Path, url: str) -> None:
    """Kill refreshes at one point after the other; after every fourth one that nobody kills."""
    store = StateStore(open_objects(load_config(config)), NAME)
    report = config.parent / "writes.json"
    alter(url, 0)
    repairs = [learn(partial(plain, config, url), config.parent / "modules")]
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


def kill_in_columns(config: Path) -> None:
    """``refresh``, killed when its step ``columns`` has read the first batch."""

    def watch(_number: int, what: str) -> None:
        if "/batches/" in what:
            die()

    refresh_by_command(config, Path(os.environ["DAGSTER_HOME"]), watch)


def kill_refreshes(config: Path, home: Path, times: int = KILLS_IN_A_ROW) -> list[int]:
    """Kill that many refreshes, one after the other, in their step ``columns``; the exit codes."""
    told = run_module(home, "tests.killed", "columns", config, times)
    assert told.returncode == 0, told.stderr
    codes: list[int] = json.loads(told.stdout)
    return codes


if __name__ == "__main__":
    what, configuration, more = sys.argv[1:]
    if what == "campaign":
        campaign(Path(configuration), more)
    else:
        kill = partial(kill_in_columns, Path(configuration))
        json.dump([in_child(kill) for _ in range(int(more))], sys.stdout)

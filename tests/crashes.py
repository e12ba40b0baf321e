"""Kills a refresh at every point where it touches the disk; runs as a process of its own.

Forked children do the work, so that each can be killed; what it saw is printed as JSON.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from incremental_resources.state_store.errors import StateConflict
from incremental_resources.state_store.local import LocalObjects
from incremental_resources.state_store.store import StateStore
from tests.states import head_at, opened, refresh, staged, tables

# Everything that changes what is on the disk goes through one of these.
TOUCHES = [
    (os, "fsync"),
    (Path, "hardlink_to"),
    (Path, "replace"),
    (Path, "unlink"),
    (Path, "mkdir"),
]


def in_child(work: Callable[[], object]) -> int:
    """Run in a forked process; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(touch: int) -> None:
    """Be killed before the given touch of the disk."""
    seen = [0]

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            seen[0] += 1
            if seen[0] == touch:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        return call

    for owner, name in TOUCHES:
        setattr(owner, name, counted(getattr(owner, name)))


def whole_number(store: StateStore) -> int:
    """The current version's number, all of its files verified."""
    version = store.current()
    if version is None:
        return 0
    version.verify()
    return version.number


def campaign(root: Path) -> None:
    """Kill a refresh at its first touch, its second and so on, until one gets through."""

    def run(id: str) -> None:
        refresh(StateStore(LocalObjects(root), "shop"), id, "a", "b")

    def doomed(touch: int) -> None:
        die_at(touch)
        run(f"e{touch:04}-a")

    store, rounds, ended = StateStore(LocalObjects(root), "shop"), [], -1
    for touch in count(1):
        before = whole_number(store)
        ended = in_child(partial(doomed, touch))
        found = whole_number(store)
        repaired = in_child(partial(run, f"e{touch:04}-b"))
        rounds.append([before, found, whole_number(store), ended, repaired])
        if ended == 0:
            break
    in_child(lambda: store.prune(1, 0))
    in_child(lambda: LocalObjects(root).scratch())
    files = sorted(at.relative_to(root).as_posix() for at in root.rglob("*") if at.is_file())
    json.dump({"rounds": rounds, "files": files}, sys.stdout)


def race(root: Path, racers: int) -> None:
    """Several processes commit on the same base at the same moment."""
    in_child(lambda: refresh(StateStore(LocalObjects(root), "shop"), "e0", "a"))
    ready, go = os.pipe(), os.pipe()

    def run(id: str) -> None:
        store = StateStore(LocalObjects(root), "shop")
        base = store.head()
        version = staged(store, opened(store, id, base), tables(id), store.current())
        os.write(ready[1], b".")
        os.read(go[0], 1)
        try:
            store.move_head(head_at(version, id), base)
        except StateConflict:
            os._exit(3)

    children = []
    for number in range(racers):
        child = os.fork()
        if child == 0:
            try:
                run(f"e{number + 1}")
                os._exit(0)
            finally:
                os._exit(70)
        children.append(child)
    for _ in children:
        os.read(ready[0], 1)
    os.write(go[1], b"." * racers)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    head = StateStore(LocalObjects(root), "shop").head()
    assert head is not None
    json.dump({"codes": codes, "winner": head.head.extraction}, sys.stdout)


if __name__ == "__main__":
    if sys.argv[1] == "campaign":
        campaign(Path(sys.argv[2]))
    else:
        race(Path(sys.argv[2]), int(sys.argv[3]))

"""Refreshes in forked children, told of every write to the store before it is done.

Whoever forks must not have used Polars: its threads do not live on in the child. So the modules
that use this one run as programs of their own, which ``run_module`` starts.
"""

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg

from incremental_assets import wiring
from incremental_assets.batches import Silence
from incremental_assets.cli import running
from incremental_assets.cli.app import main
from incremental_assets.config import load_config
from resources.state_store.objects import ObjectStore
from tests.live import NAME

ROOT = Path(__file__).parents[1]
WRITES = ("create", "create_file", "copy", "swap", "delete", "check")

Watch = Callable[[int, str], None]


class Watched:
    """An object store that calls ``watch`` before each write, with its number and what it is."""

    def __init__(self, objects: ObjectStore, watch: Watch) -> None:
        self._objects = objects
        self._watch = watch
        self._count = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._objects, name)
        if name not in WRITES:
            return method

        def write(*arguments: Any) -> Any:
            self._count += 1
            # A copy is known by where it goes.
            paths = [one for one in arguments if isinstance(one, str)]
            path = paths[1 if name == "copy" else 0] if paths else ""
            self._watch(self._count, f"{name} {path}")
            return method(*arguments)

        return write


def nobody(_number: int, _what: str) -> None:
    """Watch nothing."""


def learn(work: Callable[[], object], report: Path) -> int:
    """Run in a child, and then import here, once for all later ones, what it imported late."""

    def reported() -> None:
        try:
            work()
        finally:
            report.write_text("\n".join(sys.modules))

    code = in_child(reported)
    for name in report.read_text().splitlines():
        with suppress(ImportError):
            import_module(name)
    return code


def start_child(work: Callable[[], object], told: Path | None = None) -> int:
    """Run in a forked process; its id. What it writes to stderr goes to ``told``."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            if told:
                os.dup2(os.open(told, os.O_CREAT | os.O_WRONLY), 2)
            work()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        except BaseException:  # noqa: BLE001 - the parent is told by the exit code
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def ended(child: int) -> int:
    """Wait for a child; its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def in_child(work: Callable[[], object]) -> int:
    """Run in a forked process to its end."""
    return ended(start_child(work))


def refresh_watched(
    config: Path, watch: Watch = nobody, after_step: Callable[[str], None] = lambda step: None
) -> running.Refresher:
    """One refresh that must succeed; its run is recorded nowhere, which takes half the time."""
    loaded = load_config(config)

    def tell(event: dg.DagsterEvent) -> None:
        if event.event_type == dg.DagsterEventType.STEP_SUCCESS:
            after_step(str(event.step_key).removeprefix(f"{NAME}__"))

    with dg.DagsterInstance.ephemeral() as instance:
        objects = Watched(wiring.open_objects(loaded), watch)
        refresher = running.Refresher(loaded, instance, Silence(), objects)
        outcome = refresher.run(NAME, running.Wish(), tell)
    assert outcome.ok, outcome.error
    return refresher


def refresh_by_command(config: Path, home: Path, watch: Watch = nobody) -> None:
    """``refresh`` as a person types it, in the Dagster home ``home``; ends the process."""
    os.environ["DAGSTER_HOME"] = str(home)
    running.open_objects = lambda loaded: Watched(wiring.open_objects(loaded), watch)
    main(["--config", str(config), "refresh"])


def run_module(home: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run a module as a program, with ``home`` as its Dagster home."""
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        env={**os.environ, "DAGSTER_HOME": str(home)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

"""Refreshes in forked children, over a store whose every operation somebody stands around.

Whoever forks must not have used Polars: its threads do not live on in the child. So the modules
that use this one run as programs of their own, which ``run_module`` starts.
"""

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg

from incremental_assets import wiring
from incremental_assets.cli import running
from incremental_assets.cli.app import main
from incremental_assets.config.model import Config
from incremental_assets.steps.batches import NoProgress
from incremental_resources.state_store.objects import ObjectStore, prove
from tests.live import NAME

ROOT = Path(__file__).parents[1]
WRITES = ("create", "create_file", "replace_file", "copy", "swap", "delete")


@dataclass(frozen=True)
class Operation:
    """What is about to be asked of a store; ``number`` counts the writes, and is 0 for a read."""

    objects: ObjectStore
    name: str
    arguments: tuple[Any, ...]
    number: int

    @property
    def path(self) -> str:
        """The object or folder it is about; a copy's is where it goes."""
        paths = [one for one in self.arguments if isinstance(one, str)]
        return paths[1 if self.name == "copy" else 0] if paths else ""

    @property
    def what(self) -> str:
        """Its name and path."""
        return f"{self.name} {self.path}"

    def do(self) -> Any:
        """Let it happen; what it returned."""
        return getattr(self.objects, self.name)(*self.arguments)


Around = Callable[[Operation], Any]
OnEvent = Callable[[str, str], None]


class Watched:
    """An object store that hands every operation to ``around``, which does it, or does not."""

    def __init__(self, objects: ObjectStore, around: Around) -> None:
        self._objects = objects
        self._around = around
        self._writes = count(1)

    @property
    def uri(self) -> str:
        return self._objects.uri

    def check(self) -> None:
        prove(self)

    def __getattr__(self, name: str) -> Any:
        def operate(*arguments: Any) -> Any:
            number = next(self._writes) if name in WRITES else 0
            return self._around(Operation(self._objects, name, arguments, number))

        return operate


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


def attempt_watched(
    config: Config, objects: ObjectStore, on_event: OnEvent = lambda _kind, _step: None
) -> running.Outcome:
    """One refresh, however it ends; its run is recorded nowhere, which takes half the time.

    ``on_event`` is told the kind of every event and the step it is about.
    """

    def tell(event: dg.DagsterEvent) -> None:
        on_event(event.event_type_value, str(event.step_key).removeprefix(f"{NAME}__"))

    with dg.DagsterInstance.ephemeral() as instance:
        refresher = running.Refresher(config, instance, NoProgress(), objects)
        return refresher.run(NAME, running.RefreshRequest(), tell)


def refresh_by_command(config: Path, home: Path, around: Around = Operation.do) -> None:
    """``refresh`` as a person types it, in the Dagster home ``home``; ends the process."""
    os.environ["DAGSTER_HOME"] = str(home)
    running.open_objects = lambda loaded: Watched(wiring.open_objects(loaded), around)
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

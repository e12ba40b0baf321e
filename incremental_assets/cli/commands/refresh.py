"""``refresh``: one refresh per connection, with progress, and what came of it."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click
import dagster as dg
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from incremental_assets.cli.printing.changes import parts_of_frames
from incremental_assets.cli.printing.show import wide_console
from incremental_assets.cli.printing.tables import print_parts
from incremental_assets.cli.running import Outcome, Refresher, RefreshRequest
from incremental_assets.cli.shell import (
    INTERRUPTED,
    console,
    ending_with_our_message,
    print_json,
)
from incremental_assets.core.names import escaped
from incremental_assets.instance.home import locate_home, open_instance
from incremental_assets.steps.batches import Batch
from incremental_assets.steps.failures import OUR_ERRORS
from incremental_assets.wiring import current_config


@click.command("refresh")
@click.argument("connections", nargs=-1, metavar="[CONNECTION…]")
@click.option("--full", is_flag=True, help="Read every table again.")
@click.option(
    "--accept-deletions",
    is_flag=True,
    help="Accept that what the last refused refresh listed is gone.",
)
@click.option(
    "--accept-new-state",
    is_flag=True,
    help="Begin with version 1 although the state that was committed before is not there any more.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change; commit nothing.")
@click.option("--wait", is_flag=True, help="Wait for a refresh of the same connection to end.")
@click.option("--reason", default="", metavar="TEXT", help="Kept with the extraction.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_obj
@ending_with_our_message
def refresh_command(
    settings: dict[str, object],
    connections: tuple[str, ...],
    full: bool,
    accept_deletions: bool,
    accept_new_state: bool,
    dry_run: bool,
    wait: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Refresh connections (all, if none is named), one after another.

    Exits with 1 if any of them fails; the others are refreshed all the same.
    """
    config = current_config(settings["config"])
    names = connections or tuple(one.name for one in config.connections)
    for name in names:
        config.connection(name)
    wish = RefreshRequest(
        full=full,
        accept_deletions=accept_deletions,
        accept_new_state=accept_new_state,
        reason=reason,
        dry_run=dry_run,
        wait=wait,
        verbose=bool(settings["verbose"]),
    )
    outcomes = []
    with (
        open_instance(locate_home(os.environ, Path.cwd())) as instance,
        ProgressBars() as bars,
    ):
        refresher = Refresher(config, instance, bars)
        for name in names:
            outcomes.append(refresh_one(refresher, name, wish, bars))
            if not as_json:
                show(outcomes[-1], dry_run=dry_run)
            if outcomes[-1].interrupted:
                break
    if as_json:
        print_json({"connections": [outcome.to_json() for outcome in outcomes]})
    if outcomes[-1].interrupted:
        _end_interrupted(names[len(outcomes) :])
    sys.exit(0 if all(outcome.ok for outcome in outcomes) else 1)


def _end_interrupted(left: Sequence[str]) -> NoReturn:
    rest = f" Not begun: {', '.join(left)}." if left else ""
    click.echo(f"Interrupted.{rest}", err=True)
    sys.exit(INTERRUPTED)


def refresh_one(
    refresher: Refresher, name: str, wish: RefreshRequest, bars: "ProgressBars"
) -> Outcome:
    """Refresh one connection; an error of ours is an outcome, so that the next one has its turn."""
    with bars.connection(name):
        try:
            return refresher.run(name, wish, bars.step, bars.expect)
        except OUR_ERRORS as error:
            return Outcome(name, error=f"{type(error).__name__}: {error}")
        except KeyboardInterrupt:
            told = f"interrupted; `incremental-assets status {name}` tells what is committed"
            return Outcome(name, error=told, interrupted=True)


class CountColumn(MofNCompleteColumn):
    """How many of how many; nothing while that is not known."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.total is not None else Text()


class ProgressBars:
    """Progress on the terminal: the step that runs now, and the batches as they arrive.

    While a step runs Dagster sends this process's stderr to its compute log: the bars are drawn
    on a copy of it that was made before.
    """

    def __init__(self) -> None:
        self._file = os.fdopen(os.dup(2), "w", encoding="utf-8")
        self._bars = self._new_bars()
        self._name = ""
        self._steps: int | None = None
        self._batches: int | None = None

    def __enter__(self) -> "ProgressBars":
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def _new_bars(self) -> Progress:
        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            CountColumn(),
            TimeElapsedColumn(),
            console=Console(file=self._file),
            transient=True,
            disable=not sys.stderr.isatty(),
        )

    @contextmanager
    def connection(self, name: str) -> Iterator[None]:
        """ProgressBars for one refresh; gone when it is over, so that they overwrite nothing."""
        self._bars = self._new_bars()
        self._name, self._steps, self._batches = name, self._bars.add_task(name, total=None), None
        with self._bars:
            yield

    def expect(self, steps: int) -> None:
        """So many steps are going to run."""
        self._bars.update(self._steps, total=steps)

    def step(self, event: dg.DagsterEvent) -> None:
        """Show the step that an event tells of."""
        if event.step_key and event.event_type == dg.DagsterEventType.STEP_START:
            label = f"{self._name}: {event.step_key.partition('__')[2]}"
            self._bars.update(self._steps, description=label)
        elif event.event_type == dg.DagsterEventType.STEP_SUCCESS:
            self._bars.advance(self._steps)

    def begin(self, batches: int) -> None:
        """So many batches are going to be read."""
        self._batches = self._bars.add_task(f"{self._name}: column batches", total=batches)

    def advance(self, batch: Batch) -> None:
        """One more is there."""
        self._bars.advance(self._batches)


def show(outcome: Outcome, *, dry_run: bool = False) -> None:
    """What came of it, for people."""
    out = console()
    if not outcome.ok:
        click.echo(f"{outcome.name}: failed", err=True)
        for line in (outcome.error or "see the run in the UI").split("\n"):
            click.echo(escaped(line), err=True)
        return
    counts = ", ".join(f"{count:,} {entity}" for entity, count in outcome.counts.items())
    state = "would change" if dry_run else f"version {outcome.version}"
    if not outcome.changed:
        state = "nothing changed" + ("" if dry_run else f", version {outcome.version} stays")
    why = f" ({outcome.why})" if outcome.why else ""
    out.print(f"{outcome.name}: {state} in {outcome.seconds:.1f} s", style="bold", markup=False)
    out.print(f"  {outcome.mode}{why}; {outcome.tables_read:,} tables read", markup=False)
    out.print(f"  {counts}", markup=False)
    for entity, changes in outcome.changes.items():
        told = ", ".join(f"{count:,} {change}" for change, count in changes.items() if count)
        if told:
            out.print(f"  {entity}: {told}", markup=False)
    if outcome.diff:
        print_parts(wide_console(), parts_of_frames(outcome.diff, outcome.changes))
    for warning in outcome.warnings:
        out.print(f"  warning: {warning}", style="yellow", markup=False)

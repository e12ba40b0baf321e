"""``demo``: the main job on a real server, and the proof that increments equal a full read."""

import os
import shlex
import sys
import time
from pathlib import Path

import click
import dagster as dg
from rich.console import Console

from incremental_assets.cli.commands.refresh import ProgressBars, refresh_one, show
from incremental_assets.cli.printing.changes import condensed_parts, parts_of
from incremental_assets.cli.printing.show import wide_console
from incremental_assets.cli.printing.tables import print_parts
from incremental_assets.cli.running import Outcome, Refresher, RefreshRequest
from incremental_assets.cli.shell import console, ending_with_our_message, fail
from incremental_assets.config.loading import demo_config
from incremental_assets.config.model import Config
from incremental_assets.core.equality import unequal
from incremental_assets.instance.home import Home, home_errors, locate_home, open_instance
from incremental_assets.instance.runs import is_served
from incremental_resources.demo.server import DemoServer
from incremental_resources.demo.shop import apply_changes, create_shop
from incremental_resources.state_store.memory import MemoryObjects
from incremental_resources.state_store.version import Version

NAME = "demo"
SHOWN_ROWS = 8


@click.command("demo")
@click.option("--keep", metavar="DIR", type=click.Path(path_type=Path), help="Keep it all in DIR.")
@click.option("--stop", "only_stop", is_flag=True, help="Only stop the demo's server.")
@click.pass_obj
@ending_with_our_message
def demo_command(settings: dict[str, object], keep: Path | None, only_stop: bool) -> None:
    """Refresh a shop on an embedded PostgreSQL in full, change it, refresh what changed.

    Exits with 0 only if the state reached by increments equals a fresh full extraction.
    """
    environ = {"DAGSTER_HOME": str(keep)} if keep else os.environ
    home = locate_home(environ, Path.cwd())
    server = DemoServer(home.demo)
    if only_stop:
        with home_errors(home):
            stop(server, home)
        return
    with open_instance(home) as instance:
        if is_served(instance):
            fail("A UI uses this demo. Stop it, or keep another demo with --keep DIR.")
        try:
            equal = play(server, instance, home, verbose=bool(settings["verbose"]))
            print_next_steps(server, home, keep)
        finally:
            server.stop()
    sys.exit(0 if equal else 1)


def stop(server: DemoServer, home: Home) -> None:
    """Stop the server and say whether there was one."""
    ran = home.demo.is_dir() and server.running()
    server.stop()
    none = f"No server of a demo in {home.demo} is running."
    click.echo("The demo's server is stopped." if ran else none)


def play(server: DemoServer, instance: dg.DagsterInstance, home: Home, *, verbose: bool) -> bool:
    """The whole story; whether it ends well."""
    out, config = console(), demo_config(home.demo)
    # Its home was just emptied.
    wish = RefreshRequest(verbose=verbose, accept_new_state=True)
    started = time.monotonic()
    server.reset()
    url = server.url()
    create_shop(url)
    out.print(f"PostgreSQL with a shop is up ({time.monotonic() - started:.1f} s).")
    with ProgressBars() as bars:
        refresher = Refresher(config, instance, bars)
        out.print("\nFirst refresh, everything is read", style="bold")
        _succeed(refresh_one(refresher, NAME, wish, bars))
        labels = apply_changes(url)
        out.print(f"\n{len(labels)} changes to the shop", style="bold")
        for label in labels:
            out.print(f"  {label}", markup=False)
        out.print("\nSecond refresh, what changed is read", style="bold")
        _succeed(refresh_one(refresher, NAME, wish, bars))
        version = refresher.store(NAME).current()
        assert version is not None
        parts = condensed_parts(parts_of(version))
        hidden = sum(print_parts(wide_console(), [part], SHOWN_ROWS, whole=True) for part in parts)
        out.print(f"and {hidden} more rows: incremental-assets diff demo --limit 0")
        out.print("\nThird refresh, nothing has changed", style="bold")
        _succeed(refresh_one(refresher, NAME, wish, bars))
        return _prove(out, version, fresh_full(config, bars))


def fresh_full(config: Config, bars: ProgressBars) -> Version:
    """A full extraction of the same server into memory, by an instance of its own."""
    with dg.DagsterInstance.ephemeral() as instance:
        refresher = Refresher(config, instance, bars, objects=MemoryObjects())
        outcome = refresh_one(refresher, NAME, RefreshRequest(full=True), bars)
        version = refresher.store(NAME).current()
    if version is None:
        fail(f"The fresh full extraction failed.\n{outcome.error}")
    return version


def _succeed(outcome: Outcome) -> None:
    show(outcome)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if not outcome.ok:
        sys.exit(1)


def _prove(out: Console, version: Version, fresh: Version) -> bool:
    differing = unequal(
        {name: version.scan(name) for name in version.entities},
        {name: fresh.scan(name) for name in fresh.entities},
    )
    rows = sum(fresh.manifest.counts.values())
    if differing:
        out.print(f"\nThe increments differ from a fresh full extraction: {differing}", style="red")
    else:
        out.print(
            f"\nincremental equals a fresh full: {rows:,} rows compared, none differs",
            style="bold green",
        )
    return not differing


def print_next_steps(server: DemoServer, home: Home, keep: Path | None) -> None:
    """Where to look now."""
    prefix = f"DAGSTER_HOME={shlex.quote(str(home.directory))} " if keep else ""
    click.echo(
        f"\nOpen the UI:    {prefix}incremental-assets ui\n"
        f"Look at it:     {prefix}incremental-assets diff demo\n"
        f"Files:          {home.demo / 'catalog'}\n"
        f"Server, while the UI runs:  {server.psql_command()}"
    )

"""``status`` and ``history``: looking at what is kept, without changing anything.

What is looked up is in ``statuses`` and ``last_runs``; they are imported when a command runs,
because Dagster and Polars take a second.
"""

import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from incremental_assets.cli.printing.show import (
    age_text,
    bytes_text,
    changes_text,
    counts_text,
    moment_shown,
    table,
    wide_console,
)
from incremental_assets.cli.shell import console, ending_with_our_message, print_json
from incremental_assets.core.names import escaped

if TYPE_CHECKING:
    from incremental_assets.config.model import Config

TOO_OLD = 3
SHOWN_BREAKS = 10
Settings = Mapping[str, Any]


class Duration(click.ParamType):
    """``90``, ``30m``, ``6h``, ``2d``: a length of time in seconds."""

    name = "duration"
    UNITS: Mapping[str, int] = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw]?)", str(value), re.ASCII)
        if found is None:
            self.fail(f"{value!r} is no duration; write 90, 30m, 6h or 2d.", param, ctx)
        return float(found[1]) * self.UNITS[found[2]]


@click.command("status")
@click.argument("connection", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option(
    "--max-age",
    type=Duration(),
    metavar="DURATION",
    help="Exit with 3 if a state is older than this (90, 30m, 6h, 2d) or there is none. The age "
    "is the time since the marker, which is the source's clock, measured with this machine's.",
)
@click.pass_obj
@ending_with_our_message
def status_command(
    settings: Settings, connection: str | None, as_json: bool, max_age: float | None
) -> None:
    """How connections are doing: version, age, counts, last change, and the last error.

    Nothing is changed or created. A connection that was never refreshed has no version.
    """
    from incremental_assets.cli.reading import chosen
    from incremental_assets.wiring import current_config

    config = current_config(settings["config"], connecting=False)
    names = [one.name for one in chosen(config, connection)]
    statuses, broken = _statuses(config, names)
    if as_json:
        print_json({"connections": statuses})
    else:
        for status in statuses:
            _show_status(status)
    if broken:
        sys.exit(1)
    stale = [one["name"] for one in statuses if _too_old(one["age_seconds"], max_age)]
    if stale:
        click.echo(f"older than --max-age, or never refreshed: {', '.join(stale)}", err=True)
        sys.exit(TOO_OLD)


def _statuses(config: "Config", names: list[str]) -> tuple[list[dict[str, Any]], bool]:
    """The statuses, and whether the state of any connection could not be read."""
    from incremental_assets.cli.last_runs import existing_instance
    from incremental_assets.cli.statuses import status_of, unreadable
    from incremental_assets.instance.home import locate_home
    from incremental_assets.wiring import open_state
    from incremental_resources.errors import ResourceError

    statuses, broken = [], False
    with existing_instance(locate_home(os.environ, Path.cwd())) as instance:
        for name in names:
            try:
                connection, store = config.connection(name), open_state(config, name)
                statuses.append(status_of(connection, store, instance, datetime.now(UTC)))
            except ResourceError as error:
                statuses.append(unreadable(name, error))
                broken = True
    return statuses, broken


def _show_sinks(out: Any, connection: str, sinks: list[dict[str, Any]]) -> None:
    for sink in sinks:
        had = f"version {sink['version']}" if sink["version"] else "no version yet"
        state = ", publishing now" if sink["publishing"] else ", behind" if sink["behind"] else ""
        style = "yellow" if sink["behind"] else None
        named = sink["name"] if sink["name"] == sink["kind"] else f"{sink['name']} ({sink['kind']})"
        when = f", {moment_shown(sink['published_at'])}" if sink["published_at"] else ""
        out.print(f"  sink {named}: {had}{when}{state}", style=style, markup=False)
        if sink["error"]:
            since = moment_shown(sink["failing_since"])
            said = sink["error"].removeprefix(f"Sink {sink['name']}: ")
            told = f"    failing since {since}, attempt {sink['attempts']}: {said}"
            out.print(escaped(told), markup=False)
    if any(sink["behind"] and not sink["publishing"] for sink in sinks):
        out.print(f"    deliver: incremental-assets publish {connection}", markup=False)


def _too_old(age: float | None, limit: float | None) -> bool:
    return limit is not None and (age is None or age > limit)


def _show_status(status: Mapping[str, Any]) -> None:
    out = console()
    name, version, last = status["name"], status["version"], status["last_change"]
    if version is None:
        line = "no version" if status["last_error"] else "never refreshed"
    else:
        line = f"version {version}, true as of {moment_shown(status['marker'])}"
        line += f" ({age_text(status['age_seconds'])} ago by this machine's clock)"
    out.print(f"{name}: {line}", style="bold", markup=False)
    if version is not None:
        out.print(f"  {counts_text(status['counts'])}", markup=False)
    if last:
        out.print(
            f"  last change: version {last['version']}, {moment_shown(last['at'])}", markup=False
        )
        for entity, changes in last["changes"].items():
            out.print(f"    {entity}: {changes_text(changes)}", markup=False)
    for rule in status["watch"]:
        told = f"{len(rule['breaks'])} since version {rule['breaks'][0]['since_version']}"
        out.print(f"  {rule['rule']}: {told}", style="red", markup=False)
        for one in rule["breaks"][:SHOWN_BREAKS]:
            line = f"    {one['kind']} {one['object']} {one['what']}"
            out.print(escaped(line), markup=False)
    _show_sinks(out, name, status["sinks"])
    if status["running"]:
        out.print(f"  running: {status['running']}", style="cyan", markup=False)
    if status["last_error"]:
        text = escaped(" ".join(status["last_error"].split()))
        out.print(f"  last error: {text}", style="red", markup=False)


@click.command("history")
@click.argument("connection")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_obj
@ending_with_our_message
def history_command(settings: Settings, connection: str, as_json: bool) -> None:
    """The versions of a connection that are kept, newest first."""
    from incremental_assets.cli.statuses import versions_of
    from incremental_assets.wiring import current_config, open_state

    config = current_config(settings["config"], connecting=False)
    versions = versions_of(open_state(config, connection))
    if as_json:
        print_json({"connection": connection, "versions": versions})
    elif not versions:
        click.echo(f"{connection} has no version yet.")
    else:
        table(
            wide_console(),
            ["version", "created", "true as of", "size", "changes", "state"],
            map(_history_line, versions),
        )


def _history_line(version: Mapping[str, Any]) -> tuple[Any, ...]:
    changes = [f"{entity}: {changes_text(told)}" for entity, told in version["changes"].items()]
    return (
        version["version"],
        moment_shown(version["created_at"]),
        moment_shown(version["marker"]),
        bytes_text(version["bytes"]),
        f"{_origin(version)}{'; '.join(changes) or 'no change'}",
        counts_text(version["counts"]),
    )


def _origin(version: Mapping[str, Any]) -> str:
    target = version["rolled_back_to"]
    return "" if target is None else f"rollback to {target}: "

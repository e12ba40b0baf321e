"""``rollback``: going back to an earlier version. What that comes to is in ``rolling_back``."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from incremental_assets.cli.printing.show import changes_text, moment_shown
from incremental_assets.cli.shell import console, ending_with_our_message, print_json

if TYPE_CHECKING:
    from incremental_assets.config.model import Config
    from incremental_assets.steps.rolling_back import RolledBack

NEXT = {
    True: "The next refresh compares every token with the source",
    False: "The next refresh reads every table again",
}
UNDOES = (
    "and undoes this where the source still differs; the guard of deletions holds for that refresh "
    "too."
)

# What a rollback that changed something has to tell besides the version.
DONE = ("rolled_back_to", "parent", "recovered", "marker", "changes", "next_refresh")


@click.command("rollback")
@click.argument("connection")
@click.argument("number", metavar="N", type=int)
@click.option("--wait", is_flag=True, help="Wait for a refresh of the connection to end.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_obj
@ending_with_our_message
def rollback_command(
    settings: Mapping[str, Any], connection: str, number: int, wait: bool, as_json: bool
) -> None:
    """Make version N the current state again, as a new version with a diff of its own.

    The marker becomes that of version N. Nothing is asked of the source: the next refresh compares
    every token with it, and so undoes the rollback where the source still differs. That refresh is
    refused like any other when too much of version N is gone from the source. Going back also works
    where the current version is damaged: that one and those back to N are then removed by the next
    refresh.
    """
    from incremental_assets.wiring import current_config

    config = current_config(settings["config"])
    done = _roll_back(config, connection, number, wait=wait)
    facts = _facts(connection, number, done)
    if as_json:
        print_json(facts)
    elif done is None:
        click.echo(f"{connection}: version {number} is the current one; nothing was changed.")
    else:
        _show(facts)
        if config.connection(connection).sinks:
            click.echo(
                "  Its sinks get it with the next refresh, or by "
                f"`incremental-assets publish {connection}`."
            )


def _roll_back(
    config: "Config", connection: str, number: int, *, wait: bool
) -> "RolledBack | None":
    """Where Dagster has been used, no run may be going on, and the UI is told of the new head."""
    from incremental_assets.cli.last_runs import existing_instance
    from incremental_assets.instance.event_log import log_together
    from incremental_assets.instance.home import locate_home
    from incremental_assets.instance.runs import make_way
    from incremental_assets.lineage.reporting import table_report
    from incremental_assets.lineage.translating import TableTranslator
    from incremental_assets.steps.rolling_back import roll_back
    from incremental_assets.steps.state_metadata import rolled_back
    from incremental_assets.wiring import open_state

    store, dialect = open_state(config, connection), config.connection(connection).dialect()
    with existing_instance(locate_home(os.environ, Path.cwd())) as instance:
        if instance is not None:
            make_way(instance, connection, wait=wait)
        done = roll_back(store, dialect, number)
        if instance is not None and done is not None:
            try:
                told = table_report(
                    config.connection(connection),
                    done.version,
                    TableTranslator(),
                    all_tables=done.recovered,
                )
                events = [*rolled_back(connection, store.uri, done), *told.events]
                log_together(instance, instance.report_runless_asset_event, events)
            except Exception as error:  # noqa: BLE001 - whatever it is, the state has moved on
                reason = f"{type(error).__name__}: {error}"
                click.echo(
                    f"The rollback is committed; the UI was not told of it: {reason}", err=True
                )
    return done


def _facts(connection: str, number: int, done: "RolledBack | None") -> dict[str, Any]:
    """The same keys whether anything changed or not; None where there is nothing to tell."""
    facts = {"connection": connection, "changed": done is not None, "version": number}
    return facts | (dict.fromkeys(DONE) if done is None else _done(done))


def _done(done: "RolledBack") -> dict[str, Any]:
    from incremental_resources.state_store.documents import moment_text

    manifest = done.version.manifest
    return {
        "version": done.version.number,
        "rolled_back_to": done.target.number,
        "parent": manifest.parent and manifest.parent.version,
        "recovered": done.recovered,
        "marker": moment_text(done.head.head.marker),
        "changes": manifest.changes,
        "next_refresh": f"{NEXT[done.trusted]} {UNDOES}",
    }


def _show(facts: Mapping[str, Any]) -> None:
    out = console()
    out.print(
        f"{facts['connection']}: version {facts['version']} equals version "
        f"{facts['rolled_back_to']}, true as of {moment_shown(facts['marker'])}",
        style="bold",
        markup=False,
    )
    if facts["recovered"]:
        out.print(
            "  A version on the way back is damaged: there is no diff against the current one, and "
            "the next refresh removes what lies between.",
            markup=False,
        )
    for entity, changes in facts["changes"].items():
        if any(changes.values()):
            out.print(f"  {entity}: {changes_text(changes)}", markup=False)
    out.print(f"  {facts['next_refresh']}", markup=False)

"""``acknowledge``: what watch rules found is accepted as it is now."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from incremental_assets.cli.shell import ending_with_our_message, fail, print_json
from incremental_assets.core.names import escaped

if TYPE_CHECKING:
    from incremental_assets.config.connection import Connection
    from incremental_assets.config.watch import WatchRule


@click.command("acknowledge")
@click.argument("connection")
@click.argument("rules", nargs=-1)
@click.option("--reason", default="", metavar="TEXT", help="Kept with what is compared with.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_obj
@ending_with_our_message
def acknowledge_command(
    settings: Mapping[str, Any], connection: str, rules: tuple[str, ...], reason: str, as_json: bool
) -> None:
    """Accept what watch rules found: they compare with the current version from now on.

    Without RULES all rules of the connection. A rule can be named as in the configuration, or by
    its check.
    """
    from incremental_assets.steps.watch import acknowledged, rules_named
    from incremental_assets.wiring import current_config, open_state

    config = current_config(settings["config"], connecting=False)
    known = config.connection(connection)
    store = open_state(config, connection)
    facts = []
    for rule in rules_named(known, rules):
        baseline = acknowledged(store, rule, reason)
        if baseline is None:
            fail(f"{connection} has no version yet: there is nothing to acknowledge.")
        _tell_the_ui(known, rule)
        facts.append({"rule": rule.check_name, "version": baseline.version})
    if as_json:
        print_json({"connection": connection, "acknowledged": facts})
        return
    for fact in facts:
        click.echo(
            escaped(
                f"{connection}: {fact['rule']} compares with version {fact['version']} from now on."
            )
        )


def _tell_the_ui(connection: "Connection", rule: "WatchRule") -> None:
    from incremental_assets.assets.watch_checks import settled
    from incremental_assets.cli.last_runs import existing_instance
    from incremental_assets.instance.home import locate_home

    with existing_instance(locate_home(os.environ, Path.cwd())) as instance:
        if instance is not None:
            try:
                instance.report_runless_asset_event(settled(connection, rule))
            except Exception as error:  # noqa: BLE001 - whatever it is, the baseline has moved
                told = f"{type(error).__name__}: {error}"
                click.echo(f"It is acknowledged; the UI was not told of it: {told}", err=True)

"""``publish``: what sinks have not had, delivered from here. How is decided in ``publishing``."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from incremental_assets.cli.shell import console, ending_with_our_message, fail, print_json
from incremental_assets.core.names import escaped

if TYPE_CHECKING:
    from incremental_assets.config.model import Config
    from incremental_assets.steps.due import Again
    from incremental_assets.steps.publishing import Published


@click.command("publish")
@click.argument("connection", required=False)
@click.option("--sink", "names", multiple=True, metavar="NAME", help="Only this one; repeatable.")
@click.option(
    "--again",
    type=int,
    metavar="FROM",
    help="Deliver version FROM and those after it once more.",
)
@click.option("--whole", is_flag=True, help="Deliver the current version whole, once more.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_obj
@ending_with_our_message
def publish_command(
    settings: Mapping[str, Any],
    connection: str | None,
    names: tuple[str, ...],
    again: int | None,
    whole: bool,
    as_json: bool,
) -> None:
    """Deliver to sinks the versions that they have not had, in their order.

    Every refresh does the same, and the publish sensor where Dagster's daemon runs. Without
    CONNECTION, to the sinks of all. The source is not asked. Exits with 1 if any sink could not be
    delivered to; the others are all the same.
    """
    from incremental_assets.steps.due import WHOLE
    from incremental_assets.wiring import current_config

    if whole and again is not None:
        raise click.UsageError("--whole and --again exclude each other.")
    if connection is None and (names or whole or again is not None):
        raise click.UsageError("--sink, --again and --whole need a CONNECTION.")
    config = current_config(settings["config"], connecting=False, publishing=True)
    wanted = [connection] if connection else [one.name for one in config.connections if one.sinks]
    if not wanted:
        fail("No connection has sinks. `sinks:` in the configuration names them.")
    repeated = WHOLE if whole else again
    done = {name: _published(config, name, names, repeated, connection) for name in wanted}
    if as_json:
        facts = [_of_connection(name, ones) for name, ones in done.items()]
        print_json(facts[0] if connection else {"connections": facts})
    else:
        for name, ones in done.items():
            for one in ones:
                _show(name, one)
    all_of_them = [one for ones in done.values() for one in ones]
    undone = any(one.failed or (one.busy and one.behind) for one in all_of_them)
    unrepeated = repeated is not None and any(not one.versions for one in all_of_them)
    sys.exit(1 if undone or unrepeated else 0)


def _published(
    config: "Config",
    connection: str,
    names: tuple[str, ...],
    again: "Again | None",
    asked_for: str | None,
) -> "list[Published]":
    """What came of it; nothing where there is no version yet, and it was not asked for by name."""
    from incremental_assets.steps.publishing import publish_all
    from incremental_assets.wiring import configured_sinks, open_state

    store = open_state(config, connection)
    known = {sink.name: sink for sink in configured_sinks(config)[connection]}
    if not known:
        fail(f"{connection} has no sinks. `sinks:` in the configuration names them.")
    for name in names:
        if name not in known:
            fail(f"{connection} has no sink {name}. There is: {', '.join(known)}.")
    if store.head() is None:
        if asked_for is None:
            return []
        fail(
            f"{connection} has no version yet. Refresh it: incremental-assets refresh {connection}"
        )
    chosen = [sink for name, sink in known.items() if not names or name in names]
    return publish_all(store, config.connection(connection).dialect(), chosen, again)


def _of_connection(connection: str, done: "list[Published]") -> dict[str, Any]:
    return {"connection": connection, "sinks": [_facts(one) for one in done]}


def _facts(one: "Published") -> dict[str, Any]:
    from incremental_assets.cli.statuses import facts_of

    return {**facts_of(one), "delivered": one.versions, "whole": one.whole, "figures": one.figures}


def _show(connection: str, one: "Published") -> None:
    if one.failed:
        click.echo(escaped(f"{connection}: {one.failed.message}"), err=True)
        return
    if one.busy:
        told = "another publisher is at work; nothing was delivered from here"
    elif not one.versions:
        told = f"has version {one.version} already"
    else:
        first, last = one.versions[0], one.versions[-1]
        told = f"version {first}" if first == last else f"versions {first} to {last}"
        if first in one.whole:
            told += ", the whole state" if first == last else ", the first one whole"
        told += "".join(f"; {name}: {value}" for name, value in one.figures.items())
    console().print(escaped(f"{connection}: {one.sink}: {told}"), markup=False)

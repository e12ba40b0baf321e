"""``publish``: what sinks have not had, delivered from here. How is decided in ``publishing``."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from incremental_assets.cli.shell import console, ending_with_our_message, fail, print_json
from incremental_assets.core.names import escaped

if TYPE_CHECKING:
    from incremental_assets.steps.publishing import Published


@click.command("publish")
@click.argument("connection")
@click.option("--sink", "names", multiple=True, metavar="NAME", help="Only this one; repeatable.")
@click.option(
    "--again",
    type=int,
    metavar="FROM",
    help="Deliver version FROM and those after it once more.",
)
@click.option("--whole", is_flag=True, help="Deliver the current version whole, as to a new sink.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_obj
@ending_with_our_message
def publish_command(
    settings: Mapping[str, Any],
    connection: str,
    names: tuple[str, ...],
    again: int | None,
    whole: bool,
    as_json: bool,
) -> None:
    """Deliver to sinks the versions that they have not had, in their order.

    Every refresh does the same, and the publish sensor where Dagster's daemon runs. The source is
    not asked. Exits with 1 if any sink could not be delivered to; the others are all the same.
    """
    from incremental_assets.steps.due import WHOLE
    from incremental_assets.steps.publishing import publish_all
    from incremental_assets.wiring import configured_sinks, current_config, open_state

    if whole and again is not None:
        raise click.UsageError("--whole and --again exclude each other.")
    config = current_config(settings["config"], connecting=False, publishing=True)
    store = open_state(config, connection)
    known = {sink.name: sink for sink in configured_sinks(config)[connection]}
    if not known:
        fail(f"{connection} has no sinks. `sinks:` in the configuration names them.")
    for name in names:
        if name not in known:
            fail(f"{connection} has no sink {name}. There is: {', '.join(known)}.")
    if store.head() is None:
        fail(
            f"{connection} has no version yet. Refresh it: incremental-assets refresh {connection}"
        )
    chosen = [sink for name, sink in known.items() if not names or name in names]
    dialect = config.connection(connection).dialect()
    done = publish_all(store, dialect, chosen, WHOLE if whole else again)
    if as_json:
        print_json({"connection": connection, "sinks": [_facts(one) for one in done]})
    else:
        for one in done:
            _show(connection, one)
    sys.exit(1 if any(one.failed for one in done) else 0)


def _facts(one: "Published") -> dict[str, Any]:
    from incremental_assets.cli.statuses import facts_of

    return {**facts_of(one), "delivered": one.versions, "whole": one.whole, "figures": one.figures}


def _show(connection: str, one: "Published") -> None:
    if one.failed:
        click.echo(escaped(f"{connection}: {one.failed.error}: {one.failed.message}"), err=True)
        return
    if one.busy:
        told = "another publisher is at work; nothing was delivered from here"
    elif not one.versions:
        told = f"has version {one.version} already"
    else:
        first, last = one.versions[0], one.versions[-1]
        told = f"version {first}" if first == last else f"versions {first} to {last}"
        told += ", the whole state" if first in one.whole else ""
        told += "".join(f"; {value} {name}" for name, value in one.figures.items())
    console().print(escaped(f"{connection}: {one.sink}: {told}"), markup=False)

"""``log``: when a table or a column changed, from what to what, as far as is known."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from incremental_assets.cli.printing.show import moment_shown, table, wide_console
from incremental_assets.cli.shell import ending_with_our_message, print_json
from incremental_assets.core.names import escaped, parts_of, path_of

if TYPE_CHECKING:
    from incremental_assets.steps.logged import Step
    from incremental_assets.steps.object_log import ObjectLog

MOST_PARTS = 4
Record = dict[str, Any]


class ObjectPath(click.ParamType):
    """``[DATABASE.]SCHEMA.TABLE[.COLUMN]``; a name with a dot in it in quotes, as JSON has them."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        try:
            parts = parts_of(str(value))
        except ValueError as error:
            self.fail(f"{value!r} is no path: {error}.", param, ctx)
        if not 2 <= len(parts) <= MOST_PARTS:
            self.fail(f"{value!r} is not [DATABASE.]SCHEMA.TABLE[.COLUMN].", param, ctx)
        return parts


@click.command("log")
@click.argument("connection")
@click.argument("path", type=ObjectPath(), metavar="[DATABASE.]SCHEMA.TABLE[.COLUMN]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.pass_obj
@ending_with_our_message
def log_command(
    settings: Mapping[str, Any], connection: str, path: list[str], as_json: bool
) -> None:
    """When a table or a column changed, and from what to what: newest first.

    All versions that are kept are looked through, and before them those of the change log; renames
    are followed; a former name will do too.
    A change happened between the time that the version before it is true as of and its own.
    """
    from incremental_assets.cli.reading import version_of
    from incremental_assets.steps.logged import steps_of
    from incremental_assets.steps.object_log import log_of
    from incremental_assets.wiring import current_config, open_state
    from incremental_resources.state_store.errors import StateCorrupt

    store = open_state(current_config(settings["config"], connecting=False), connection)
    versions = [version_of(store, None)]
    # Of what lies before a damaged manifest the change log tells.
    with suppress(StateCorrupt):
        versions.extend(store.ancestors(versions[0]))
    steps = steps_of(store, versions, path)
    log = log_of(connection, versions[0], steps, path)
    records = _records(log, {step.version: step for step in steps})
    if as_json:
        print_json({"connection": connection, **_subject(log), "changes": records})
    else:
        _show(connection, log, records, steps[-1])


def _subject(log: "ObjectLog") -> Record:
    database, schema, name = log.key
    return {
        "database": database,
        "schema": schema,
        "table": name,
        "column": log.column,
        "exists": log.exists,
    }


def _records(log: "ObjectLog", steps: Mapping[int, "Step"]) -> list[Record]:
    """The entries with the times that they happened between, values decoded."""
    import json

    from incremental_resources.state_store.documents import moment_text

    records = []
    for entry in log.entries:
        step = steps[entry.version]
        row = dict(entry.row)
        for side in ("before", "after"):
            row[side] = None if row[side] is None else json.loads(row[side])
        since = moment_text(step.since) if step.since else None
        until = moment_text(step.until)
        records.append(
            {"version": entry.version, "since": since, "until": until, "entity": entry.entity} | row
        )
    return records


def _show(connection: str, log: "ObjectLog", records: list[Record], oldest: "Step") -> None:
    from incremental_assets.core.diff_lines import line_of
    from incremental_assets.core.entities import ENTITIES
    from incremental_resources.state_store.documents import moment_text

    out = wide_console()
    named = path_of([*log.key, *([log.column] if log.column else [])])
    now = "" if log.exists else ", which is not there any more"
    out.print(f"{connection}: {named}{now}", style="bold", markup=False)
    lines = []
    for entry, record in zip(log.entries, records, strict=True):
        change, what, said = line_of(ENTITIES[entry.entity], entry.row)
        lines.append((entry.version, moment_shown(record["until"]), change, what, said))
    if lines:
        table(out, ["version", "true as of", "change", "object", "what"], lines)
    if not lines or not oldest.first:
        told = f"Nothing older than version {oldest.version} is kept."
        since = f" That one is true as of {moment_shown(moment_text(oldest.until))}."
        click.echo(escaped(told + since))

"""``diff``: what changed in a version, or between two of them, of everything or of one table."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from incremental_assets.cli.printing.show import wide_console
from incremental_assets.cli.shell import ending_with_our_message
from incremental_assets.core.names import parts_of as names_in
from incremental_assets.core.names import path_of

if TYPE_CHECKING:
    from incremental_assets.cli.printing.changes import Part
    from incremental_assets.config.model import Config
    from incremental_resources.state_store.version import Version

TABLE_ROWS = 100
Between = tuple[int | None, int | None]


class Versions(click.ParamType):
    """``N``, or ``A..B`` with A before B."""

    name = "versions"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Between:
        found = re.fullmatch(r"(?:(\d+)\.\.)?(\d+)", str(value), re.ASCII)
        if found is None:
            self.fail(f"{value!r} is neither a version (12) nor two of them (8..12).", param, ctx)
        before, after = found[1] and int(found[1]), int(found[2])
        if before is not None and before >= after:
            self.fail(f"{value!r}: the earlier version comes first.", param, ctx)
        return before, after


class TablePath(click.ParamType):
    """``[DATABASE.]SCHEMA.TABLE``; a name with a dot in it in quotes, as JSON has them."""

    name = "table"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        try:
            parts = names_in(str(value))
        except ValueError as error:
            self.fail(f"{value!r} is no path: {error}.", param, ctx)
        if len(parts) not in (2, 3):
            self.fail(f"{value!r} is not [DATABASE.]SCHEMA.TABLE.", param, ctx)
        return parts


@dataclass(frozen=True)
class Shown:
    """The diff that was asked for: between which versions, and of which table if not of all."""

    connection: str
    version: "Version"
    parent: int | None
    table: Sequence[str] | None
    parts: Sequence["Part"]
    whole: bool


@click.command("diff")
@click.argument("connection")
@click.option(
    "--version",
    "between",
    type=Versions(),
    metavar="N|A..B",
    help="What version N changed, or all that changed from A to B. Default: the current version.",
)
@click.option(
    "--table",
    "path",
    type=TablePath(),
    metavar="[DATABASE.]SCHEMA.TABLE",
    help="Only what concerns this table and its columns.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "jsonl", "json"]),
    default="table",
    show_default=True,
    help="jsonl: one JSON object per row; json: one object with the rows, and under `hidden` how "
    "many --limit left out.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="ROWS",
    help=f"At most so many rows; 0 is all. Default: {TABLE_ROWS} in a table, else all.",
)
@click.option(
    "--whole",
    is_flag=True,
    help="In a table, list also each column of a table that came or went, and what servers keep "
    "for themselves (native_id, ordinal); the other formats have every row.",
)
@click.pass_obj
@ending_with_our_message
def diff_command(
    settings: Mapping[str, Any],
    connection: str,
    between: Between | None,
    path: list[str] | None,
    form: str,
    limit: int | None,
    whole: bool,
) -> None:
    """What changed in a version, compared with the one it was made from or with an earlier one.

    In a version that was made from none, everything is CREATED. Names and values with control
    characters, and names with dots, are shown in quotes as JSON writes them. How one table or
    column came to be what it is, over all versions: `log`.
    """
    from incremental_assets.wiring import current_config

    config = current_config(settings["config"], connecting=False)
    shown = _found(config, connection, between or (None, None), path, whole=whole)
    if limit is None and form == "table":
        limit = TABLE_ROWS
    write: Callable[[Shown, int | None], None]
    write = {"table": _print_table, "jsonl": _print_lines, "json": _print_object}[form]
    write(shown, limit or None)


def _found(
    config: "Config",
    connection: str,
    between: Between,
    path: Sequence[str] | None,
    *,
    whole: bool,
) -> Shown:
    from incremental_assets.cli.printing.changes import parts_between, parts_of, parts_of_table
    from incremental_assets.cli.reading import version_of
    from incremental_assets.wiring import open_state

    store, (before, number) = open_state(config, connection), between
    version = version_of(store, number)
    if before is None:
        parts, parent = parts_of(version), version.manifest.parent
        since = parent and parent.version
    else:
        dialect = config.connection(connection).dialect()
        parts, since = parts_between(store.find(before), version, dialect), before
    if path:
        parts = parts_of_table(parts, path)
    return Shown(connection, version, since, path, list(parts), whole)


def _print_lines(shown: Shown, limit: int | None) -> None:
    from incremental_assets.cli.printing.changes import record_texts

    for text in record_texts(shown.parts, limit):
        sys.stdout.write(f"{text}\n")


def _print_object(shown: Shown, limit: int | None) -> None:
    from incremental_assets.cli.printing.changes import header_text, record_texts

    # Written piece by piece: the diff of a first version is as large as its state.
    header = header_text(shown.connection, shown.version, shown.parent, shown.parts, limit)
    sys.stdout.write(f'{header[:-1]}, "rows": [')
    for count, text in enumerate(record_texts(shown.parts, limit)):
        sys.stdout.write(f"{',' if count else ''}\n  {text}")
    sys.stdout.write("\n]}\n")


def _print_table(shown: Shown, limit: int | None) -> None:
    from incremental_assets.cli.printing.tables import print_parts

    out, target = wide_console(), shown.version.manifest.rolled_back_to
    since = f"compared with version {shown.parent}" if shown.parent else "nothing came before it"
    origin = f", rollback to version {target.version}" if target else ""
    of = f", table {path_of(shown.table)}" if shown.table else ""
    out.print(
        f"{shown.connection}, version {shown.version.number}{of}: {since}{origin}",
        style="bold",
        markup=False,
    )
    if not shown.parts:
        told = "No change of it." if shown.table else "No change; only tokens or statistics differ."
        out.print(told)
    hidden = print_parts(out, shown.parts, limit, whole=shown.whole)
    if hidden:
        click.echo(f"\nand {hidden:,} more rows; --limit 0 shows all.")

"""``export``: a state or a diff as one file for others. How files are written is ``exporting``."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from incremental_assets.cli.shell import ending_with_our_message, fail

if TYPE_CHECKING:
    import polars as pl

STDOUT = "-"
ENTITY_NAMES = ("databases", "schemas", "tables", "columns", "procedures")


class Output(click.ParamType):
    """A file that may be replaced, or ``-``."""

    name = "output"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value:
            self.fail("it is empty; name a file.", param, ctx)
        path = Path(value)
        if value != STDOUT and path.exists() and not path.is_file():
            self.fail(f"{value} is no regular file; it is not replaced.", param, ctx)
        return str(value)


@click.command("export")
@click.argument("connection")
@click.option("--entity", required=True, type=click.Choice(ENTITY_NAMES), help="What to write.")
@click.option(
    "--format", "form", required=True, type=click.Choice(["parquet", "csv", "jsonl"]), help="How."
)
@click.option(
    "--output",
    required=True,
    type=Output(),
    metavar="PATH",
    help="The file, replaced once the new one is whole; - is stdout (csv, jsonl).",
)
@click.option("--version", "number", type=int, metavar="N", help="Default: the current version.")
@click.option("--diff", "as_diff", is_flag=True, help="What changed in the version, not its state.")
@click.option(
    "--safe-for-spreadsheets",
    "guarded",
    is_flag=True,
    help="csv only: put a ' before text that a spreadsheet would run as a formula.",
)
@click.pass_obj
@ending_with_our_message
def export_command(
    settings: Mapping[str, Any],
    connection: str,
    entity: str,
    form: str,
    output: str,
    number: int | None,
    as_diff: bool,
    guarded: bool,
) -> None:
    """Write an entity of a version, all its columns, into one file.

    Every format holds every name and value exactly. In csv all text is in quotes, and a missing
    value is an empty cell without them. Names and comments are other people's: a spreadsheet runs
    text that begins with = + - @, a tab or a line break as a formula, quotes or not. For people who
    open the file in one there is --safe-for-spreadsheets, which puts a ' before such text.
    """
    if guarded and form != "csv":
        raise click.UsageError("--safe-for-spreadsheets is for --format csv.")
    if output == STDOUT and form == "parquet":
        raise click.UsageError("parquet cannot be written to stdout; name a file.")
    frame, number = _rows(settings["config"], connection, entity, number, as_diff=as_diff)
    if guarded:
        from incremental_assets.cli.exporting import without_formulas

        frame = without_formulas(frame)
    _write(frame, form, output)
    if output != STDOUT:
        what = f"the diff of {entity}" if as_diff else entity
        click.echo(f"Wrote {what} of {connection}, version {number}, to {output}.", err=True)


def _rows(
    config: str | None, connection: str, entity: str, number: int | None, *, as_diff: bool
) -> "tuple[pl.LazyFrame, int]":
    """The rows, and the number of the version they are of."""
    from incremental_assets.cli.reading import version_of
    from incremental_assets.core.entities import ENTITIES
    from incremental_assets.steps.stored import diff_frame, scan_of
    from incremental_assets.wiring import current_config, open_state

    version = version_of(open_state(current_config(config, connecting=False), connection), number)
    if as_diff:
        return diff_frame(version, ENTITIES[entity]), version.number
    return scan_of(version, ENTITIES[entity]), version.number


def _write(frame: "pl.LazyFrame", form: str, output: str) -> None:
    from polars.exceptions import ComputeError

    from incremental_assets.cli.exporting import to_file, to_stream

    if output == STDOUT:
        to_stream(frame, form, sys.stdout.buffer)
        return
    try:
        to_file(frame, form, Path(output))
    except (OSError, ComputeError) as error:
        # Polars reports a full disk as a ComputeError.
        reason = getattr(error, "strerror", None) or str(error)
        fail(f"{output} cannot be written: {reason}. Nothing was changed there.")

"""``export``: a state or a diff as one file for others. How files are written is ``exporting``."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from incremental_assets.cli.shell import ending_with_our_message, fail

if TYPE_CHECKING:
    import polars as pl

STDOUT = "-"
# Kinds of sinks whose first snapshot is one stream.
CATALOGS = ("atlan", "datahub", "openlineage")
FORMS = ("parquet", "csv", "jsonl", *CATALOGS)
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
@click.option(
    "--entity", type=click.Choice(ENTITY_NAMES), help="What to write as parquet, csv or jsonl."
)
@click.option("--format", "form", required=True, type=click.Choice(FORMS), help="How.")
@click.option(
    "--output",
    required=True,
    type=Output(),
    metavar="PATH",
    help="The file, replaced once the new one is whole; - is stdout (not for parquet).",
)
@click.option("--version", "number", type=int, metavar="N", help="Default: the current version.")
@click.option("--diff", "as_diff", is_flag=True, help="What changed in the version, not its state.")
@click.option(
    "--safe-for-spreadsheets",
    "guarded",
    is_flag=True,
    help="csv only: put a ' before text that a spreadsheet would run as a formula.",
)
@click.option(
    "--sink", metavar="NAME", help="Whose settings a catalog's format takes, where several fit."
)
@click.pass_obj
@ending_with_our_message
def export_command(
    settings: Mapping[str, Any],
    connection: str,
    entity: str | None,
    form: str,
    output: str,
    number: int | None,
    as_diff: bool,
    guarded: bool,
    sink: str | None,
) -> None:
    """Write a version into one file: an entity with all its columns, or all of it for a catalog.

    parquet, csv and jsonl hold every name and value of one entity exactly. In csv all text is in
    quotes, and a missing value is an empty cell without them. Names and comments are other
    people's: a spreadsheet runs text that begins with = + - @, a tab or a line break as a formula,
    quotes or not. For people who open the file in one there is --safe-for-spreadsheets, which puts
    a ' before such text.

    atlan, datahub and openlineage are what a new sink of that kind gets first, with the settings of
    the connection's sink of that kind, or else the kind's own.
    """
    if guarded and form != "csv":
        raise click.UsageError("--safe-for-spreadsheets is for --format csv.")
    if output == STDOUT and form == "parquet":
        raise click.UsageError("parquet cannot be written to stdout; name a file.")
    if form in CATALOGS:
        if entity or as_diff:
            raise click.UsageError(f"--format {form} is the whole state: no --entity, no --diff.")
        _export_for_catalog(settings["config"], connection, form, output, number, sink)
        return
    if entity is None:
        raise click.UsageError(f"--format {form} needs --entity.")
    if sink:
        raise click.UsageError(f"--sink is for --format {' or '.join(CATALOGS)}.")
    frame, number = _rows(settings["config"], connection, entity, number, as_diff=as_diff)
    if guarded:
        from incremental_assets.cli.exporting import without_formulas

        frame = without_formulas(frame)
    _write_frame(frame, form, output)
    if output != STDOUT:
        what = f"the diff of {entity}" if as_diff else entity
        click.echo(f"Wrote {what} of {connection}, version {number}, to {output}.", err=True)


def _export_for_catalog(
    config: str | None,
    connection: str,
    form: str,
    output: str,
    number: int | None,
    sink: str | None,
) -> None:
    from incremental_assets.cli.reading import version_of
    from incremental_assets.steps.delivering import snapshot_as_delivery
    from incremental_assets.wiring import current_config, open_state, snapshot_writer

    known = current_config(config, connecting=False, publishing=form)
    write_to = snapshot_writer(known, connection, form, sink)
    version = version_of(open_state(known, connection), number)
    dialect = known.connection(connection).dialect()
    delivery = snapshot_as_delivery(connection, dialect, version)

    def write(path: Path) -> None:
        with path.open("wb") as stream:
            write_to(delivery, stream)

    _write(write, output)
    if output != STDOUT:
        click.echo(f"Wrote {connection}, version {version.number}, to {output}.", err=True)


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


def _write_frame(frame: "pl.LazyFrame", form: str, output: str) -> None:
    from incremental_assets.cli.exporting import WRITERS

    _write(lambda path: WRITERS[form](frame, path), output)


def _write(write: Callable[[Path], None], output: str) -> None:
    from polars.exceptions import ComputeError

    from incremental_assets.cli.exporting import to_file, to_stream

    if output == STDOUT:
        try:
            to_stream(write, sys.stdout.buffer)
        except (OSError, ComputeError) as error:
            if isinstance(error, OSError) and error.filename is None:
                raise
            reason = getattr(error, "strerror", None) or str(error)
            fail(f"A temporary file cannot be written ({reason}): set TMPDIR to a larger place.")
        return
    try:
        to_file(write, Path(output))
    except (OSError, ComputeError) as error:
        # Polars reports a full disk as a ComputeError.
        reason = getattr(error, "strerror", None) or str(error)
        fail(f"{output} cannot be written: {reason}. Nothing was changed there.")

"""A diff on the console: by entity, coloured by change, no longer than a person reads.

Which rows there are is in ``changes``, what a line says of one in the core.
"""

from collections.abc import Iterable

from rich.console import Console

from incremental_assets.cli.printing.changes import Part, parts_of, read_rows
from incremental_assets.cli.printing.show import changes_text, table
from incremental_assets.core.diff_lines import line_of
from incremental_resources.state_store.version import Version


def print_diff(out: Console, version: Version, limit: int | None = None) -> int:
    """The diff of a version; how many rows were left out."""
    parts = list(parts_of(version))
    if not parts:
        out.print("No change; only tokens or statistics differ.")
    return print_parts(out, parts, limit)


def print_parts(out: Console, parts: Iterable[Part], limit: int | None = None) -> int:
    """At most ``limit`` rows, all parts together; how many were left out."""
    hidden = 0
    for part in parts:
        shown = part.rows if limit is None else min(part.rows, limit)
        title = f"{part.entity.name}: {changes_text(part.changes)}"
        out.print(f"\n{title}", style="bold", markup=False)
        if shown:
            lines = (line_of(part.entity, row) for row in read_rows(part.frame, shown))
            table(out, ["change", part.entity.singular, "what"], lines)
        hidden += part.rows - shown
        limit = None if limit is None else limit - shown
    return hidden

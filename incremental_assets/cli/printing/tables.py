"""A diff on the console: by entity, coloured by change, no longer than a person reads.

Which rows there are is in ``changes``, which of them are listed and what a line says, in the core.
"""

from collections.abc import Iterable

from rich.console import Console

from incremental_assets.cli.printing.changes import Part, condensed_parts, read_rows
from incremental_assets.cli.printing.show import changes_text, table
from incremental_assets.core.diff_lines import line_of


def print_parts(
    out: Console, parts: Iterable[Part], limit: int | None = None, *, whole: bool = False
) -> int:
    """At most ``limit`` rows, all parts together; how many were left out.

    Not ``whole``: columns of whole tables and incidental changes are counted, not listed.
    """
    hidden = 0
    for part in parts if whole else condensed_parts(parts):
        shown = part.rows if limit is None else min(part.rows, limit)
        title = f"{part.entity.name}: {changes_text(part.changes)}"
        out.print(f"\n{title}", style="bold", markup=False)
        if shown:
            lines = (line_of(part.entity, row) for row in read_rows(part.frame, shown))
            table(out, ["change", part.entity.singular, "what"], lines)
        if part.not_listed:
            out.print(f"not listed (--whole): {part.not_listed}", style="dim", markup=False)
        hidden += part.rows - shown
        limit = None if limit is None else limit - shown
    return hidden

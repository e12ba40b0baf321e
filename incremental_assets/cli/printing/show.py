"""Values of others on a terminal: harmless there. How names are written is in ``core.names``.

What is told is decided in the commands. Only ``rich.text.Text`` is handed to rich: no markup.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from incremental_assets.cli.shell import console
from incremental_assets.core.names import escaped

WIDEST = 10_000
STYLES = {
    "CREATED": "green",
    "BACKFILL": "blue",
    "UPDATED": "yellow",
    "RENAMED": "cyan",
    "DELETED": "red",
    "OUT_OF_SCOPE": "magenta",
    "ok": "green",
    "warn": "yellow",
    "failed": "bold red",
}


def changes_text(changes: Mapping[str, int]) -> str:
    """``3 CREATED, 1 UPDATED``."""
    told = [f"{count:,} {change}" for change, count in changes.items() if count]
    return ", ".join(told) or "no change"


def counts_text(counts: Mapping[str, int]) -> str:
    """``schemas 2, tables 31``."""
    return ", ".join(f"{entity} {count:,}" for entity, count in counts.items()) or "nothing"


def moment_shown(text: str) -> str:
    """A time as the state writes it, to the second."""
    return f"{text[:19].replace('T', ' ')} UTC"


def bytes_text(count: int) -> str:
    """``3.4 MB``."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"


def age_text(seconds: float) -> str:
    """``3 min``, in the largest unit of which there are two."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def wide_console() -> Console:
    """The console; where it is no terminal, with room for any line."""
    out = console()
    if not out.is_terminal:
        out.width = WIDEST
    return out


# Columns whose cells a narrow terminal does not break: half a date says nothing.
UNBROKEN = frozenset({"version", "created", "true as of", "size"})


def table(out: Console, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows below headings; a cell that is one of the known words has its colour."""
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        grid.add_column(Text(heading), overflow="fold", no_wrap=heading in UNBROKEN)
    for row in rows:
        grid.add_row(*map(_cell, row))
    out.print(grid)


def _cell(value: Any) -> Text:
    text = escaped(str(value))
    return Text(text, style=STYLES.get(text, ""))

"""What people see of a materialization: counts that plot, changes by kind, tables to read."""

import re
import string
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import dagster as dg
import polars as pl

from incremental_assets.core.change import Change
from incremental_assets.core.entities import TABLES, Entity
from incremental_assets.core.plan import batch_count
from incremental_assets.steps.batches import Batch
from incremental_assets.steps.failures import MESSAGE
from incremental_assets.steps.listing import LEFT_OUT
from incremental_assets.steps.refresh import Refresh

SHOWN_ROWS = 20
LONGEST_CELL = 100
LONGEST_MESSAGE = 10_000
# Stands for a control character, a line break, a mark without a shape, a space at an edge.
MARK = "·"
PUNCTUATION = frozenset(string.punctuation)
# What means something to Markdown wherever it stands in a line; at its beginning, marks and numbers
# by themselves do too. Not more: the UI shows some of these texts without reading the Markdown.
MEANS_SOMETHING = re.compile(r"[\\`*~\[\]<|]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)", re.ASCII)
BEGINS_SOMETHING = re.compile(r"[\W\d_]+(?=\s|$)|>+", re.ASCII)
# Viewers make links of bare addresses, whatever they were escaped with; a word joiner, which is not
# seen, stops them.
LOOKS_LIKE_A_LINK = re.compile(r":(?=//)|www(?=\.)|@|mailto:|xmpp:", re.IGNORECASE)
JOINER = "\u2060"
ROWS = "dagster/row_count"
# The rows of what is not committed, as a text: what is a number is plotted with the state's.
FOUND = "rows found"
EXTRACTION = "extraction"
LEFT_OUT_ROWS = "left out"
NOT_COMMITTED = (
    "Not committed: what the extraction found. `marker` commits it, unless a check or another "
    "refresh keeps it from that."
)


def table_of(
    frame: pl.DataFrame, columns: Sequence[str] | None = None, *, rows: int | None = None
) -> dg.MarkdownMetadataValue:
    """The first rows of a frame as a Markdown table whose cells cannot break out of it.

    ``rows`` is how many there are where the frame itself has only the first ones.
    """
    shown = frame.select(columns or frame.columns).head(SHOWN_ROWS)
    if shown.is_empty():
        return dg.MetadataValue.md("_none_")
    lines = [
        _line(shown.columns),
        _line(["---"] * shown.width),
        *(_line([_cell(value) for value in row]) for row in shown.iter_rows()),
    ]
    more = (frame.height if rows is None else rows) - SHOWN_ROWS
    if more > 0:
        lines.append(f"\n_and {more:,} more_")
    return dg.MetadataValue.md("\n".join(lines))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    """Text as text: no HTML, no links, no line breaks, no more than a cell can show.

    Written as character references, which make no structure anywhere in Markdown.
    """
    return inert("" if value is None else str(value))


def inert(text: str, longest: int = LONGEST_CELL) -> str:
    """``text`` for one line of Markdown, in which nothing of it means anything."""
    shown = LOOKS_LIKE_A_LINK.sub(f"\\g<0>{JOINER}", shortened(text, longest))
    begins = BEGINS_SOMETHING.match(shown)
    first = begins.end() if begins else 0
    rest = MEANS_SOMETHING.sub(lambda found: f"&#{ord(found[0])};", shown[first:])
    return "".join(f"&#{ord(one)};" if one in PUNCTUATION else one for one in shown[:first]) + rest


def code_of(text: str, longest: int) -> dg.MarkdownMetadataValue:
    """``text`` as a block of SQL that it cannot end; cut where it is longer."""
    shown = text if len(text) <= longest else f"{text[:longest]}\n… {len(text):,} characters"
    lines = (
        "".join(one if one.isprintable() else MARK for one in line) for line in shown.split("\n")
    )
    ticks = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, ticks + 1)
    return dg.MetadataValue.md("\n".join([f"{fence}sql", *lines, fence]))


def failed_check(name: str, message: str, **metadata: Any) -> dg.AssetCheckResult:
    """A check that did not hold; ``message`` may repeat anybody's names."""
    return dg.AssetCheckResult(
        check_name=name,
        passed=False,
        description=as_markdown(message),
        metadata={MESSAGE: dg.MetadataValue.json(message.splitlines()), **metadata},
    )


def as_markdown(message: str) -> str:
    """Lines in which nothing means anything; those that ours indents, to be copied, as code."""
    lines = (line for line in message.splitlines() if line.strip())
    return "\n\n".join(
        f"    {shortened(line.strip(), LONGEST_MESSAGE)}"
        if line.startswith("  ")
        else inert(line, LONGEST_MESSAGE)
        for line in lines
    )


def shortened(text: str, longest: int = LONGEST_CELL) -> str:
    """``text`` for one line: cut, and visible marks for whatever has no shape of its own."""
    text = text if len(text) <= longest else f"{text[: longest - 1]}…"
    visible = "".join(one if one.isprintable() else MARK for one in text)
    inner = visible.strip(" ")
    before = len(visible) - len(visible.lstrip(" ")) if inner else len(visible)
    return f"{MARK * before}{inner}{MARK * (len(visible) - before - len(inner))}"


def names_of(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - SHOWN_ROWS
    told = ", ".join(shortened(name) for name in names[:SHOWN_ROWS])
    return f"{told} and {more:,} more" if more > 0 else told


def opened(refresh: Refresh) -> dict[str, Any]:
    """Of a new extraction."""
    record, base = refresh.record, refresh.base
    return {
        "extraction": refresh.extraction.id,
        "mode": record["mode"],
        "why": record["mode_reason"],
        "base version": base.number if base else 0,
        "marker": dg.MetadataValue.timestamp(datetime.fromisoformat(record["marker"])),
    }


def result(refresh: Refresh, metadata: dict[str, Any]) -> dg.MaterializeResult:
    """Of a step. What ``marker`` reports of it later has the same data version, so that nothing
    looks out of date that was made of it meanwhile."""
    return dg.MaterializeResult(
        metadata=metadata, data_version=dg.DataVersion(refresh.extraction.id)
    )


def unchanged(refresh: Refresh, entity: str | None = None) -> dg.MaterializeResult:
    """Of a step that had nothing to do: the base version's figures stay true."""
    base = refresh.base
    counts = base.manifest.counts if base else {}
    metadata: dict[str, Any] = {"changed": False, "version": base.number if base else 0}
    if entity:
        metadata[ROWS] = counts.get(entity, 0)
    else:
        metadata |= {"changes": 0, **counts}
    return result(refresh, metadata)


def listed(refresh: Refresh, entity: Entity, rows: pl.DataFrame) -> dg.MaterializeResult:
    """Of a listing before the commit; of tables also how many the options left out."""
    metadata = _found(refresh, rows.height)
    if entity is TABLES:
        metadata[LEFT_OUT_ROWS] = f"{refresh.frame(LEFT_OUT).height:,}"
    return result(refresh, metadata)


def _found(refresh: Refresh, rows: int) -> dict[str, Any]:
    return {
        FOUND: f"{rows:,}",
        "committed": False,
        EXTRACTION: refresh.extraction.id,
        "note": NOT_COMMITTED,
    }


def planned(refresh: Refresh, plan: pl.DataFrame) -> dg.MaterializeResult:
    """Of a plan: tables by change, what is read again, and the first of them."""
    again = plan.filter("reread")
    counts = dict(plan["change"].value_counts().iter_rows())
    return result(
        refresh,
        {
            **{f"tables {change}": int(counts.get(change, 0)) for change in Change},
            "tables read again": again.height,
            "columns read again": int(again["column_count"].sum()),
            "batches": batch_count(plan),
            "extraction": refresh.extraction.id,
            "first tables": table_of(
                plan.filter(pl.col("change") != Change.NO_CHANGE),
                ["database", "schema", "table", "change"],
            ),
        },
    )


def merged(
    refresh: Refresh, batches: Sequence[Batch], report: pl.DataFrame
) -> dg.MaterializeResult:
    """Of columns merged before the commit: rows, what was read now, how long the source took."""
    rows = refresh.current_scan("columns").select(pl.len()).collect().item()
    return result(
        refresh,
        {
            **_found(refresh, int(rows)),
            "batches read now": len(batches),
            "columns read now": sum(batch.rows for batch in batches),
            "seconds in the source": round(sum(batch.seconds for batch in batches), 3),
            "tables to be read again": report.height,
        },
    )

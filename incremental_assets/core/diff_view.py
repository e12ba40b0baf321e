"""A diff as a person wants to read it: what says little is counted instead of listed.

The stored diff keeps everything. What a line says is in diff_lines; lines are shown elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from incremental_assets.core.change import APPEARED, GONE, Change
from incremental_assets.core.entities import COLUMNS, ENTITIES, TABLES, Entity
from incremental_assets.core.names import path_of

# What a server or this program keeps for itself; it changes when a dump is loaded again, or because
# something else did that has a line of its own.
INCIDENTAL = {
    "databases": ("native_id",),
    "schemas": ("native_id",),
    "tables": ("native_id", "created_at", "column_count"),
    "columns": ("ordinal",),
    "procedures": ("native_id", "created_at"),
}
WHOLE = (*APPEARED, *GONE)
# The number of its columns, in the row of a table that appeared or is gone.
COLUMN_TOTAL = "columns"


@dataclass(frozen=True)
class View:
    """What is listed of one entity, lazily, and what is not.

    ``rows`` has the columns of a diff, those of tables ``columns`` too. ``incidental`` counts rows
    by attribute; ``with_tables`` counts columns that appeared or are gone with their table.
    """

    entity: Entity
    rows: pl.LazyFrame
    incidental: Mapping[str, int]
    with_tables: int = 0

    @property
    def not_listed(self) -> str | None:
        """What is not listed, in words."""
        told = [f"{name} of {count:,}" for name, count in self.incidental.items()]
        if self.with_tables:
            told.insert(0, f"{self.with_tables:,} that came or went with their table")
        return ", ".join(told) or None


def condensed(diffs: Mapping[str, pl.LazyFrame]) -> dict[str, View]:
    """The views of a diff's entities, by name."""
    views = {}
    for name, rows in diffs.items():
        entity = ENTITIES[name]
        said, incidental = _without_incidental(entity, rows)
        views[name] = View(entity, said, incidental)
    tables, columns = diffs.get(TABLES.name), diffs.get(COLUMNS.name)
    if tables is None or columns is None:
        return views
    # A column that is gone from a renamed table has the name of one that is gone as a whole.
    whole = tables.filter(pl.col("change").is_in(WHOLE)).select(*TABLES.key, "change").unique()
    stayed = pl.col("previous_table").is_null()
    on = [*TABLES.key, "change"]
    own = columns.filter(stayed).join(whole, on=on, how="semi")
    totals = own.group_by(on).agg(pl.len().alias(COLUMN_TOTAL)).collect().lazy()
    with_total = views[TABLES.name].rows.join(totals, on=on, how="left", maintain_order="left")
    views[TABLES.name] = View(TABLES, with_total, views[TABLES.name].incidental)
    rest = views[COLUMNS.name].rows.join(totals, on=on, how="left", maintain_order="left")
    rest = rest.filter(pl.col(COLUMN_TOTAL).is_null() | ~stayed).drop(COLUMN_TOTAL)
    count = int(totals.select(pl.col(COLUMN_TOTAL).sum()).collect().item())
    views[COLUMNS.name] = View(COLUMNS, rest, views[COLUMNS.name].incidental, count)
    return views


def changes_by_schema(diffs: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """How many objects changed where and how: schema, entity, change, objects; most first.

    A schema is written as its path; an object with several changed attributes counts once.
    """
    parts = []
    for name, rows in diffs.items():
        entity = ENTITIES[name]
        place = entity.key[:2]
        objects = rows.select(*entity.key, "change", *_former(entity)).unique()
        for *names, change, count in objects.group_by(*place, "change").len().collect().iter_rows():
            parts.append((path_of(names), name, change, count))
    if not parts:
        return pl.DataFrame()
    headings = ["schema", "entity", "change", "objects"]
    return pl.DataFrame(parts, schema=headings, orient="row").sort(
        "objects", "schema", "entity", "change", descending=[True, False, False, False]
    )


def incidental(entity: str, row: Mapping[str, Any]) -> bool:
    """Whether a row of a diff only tells of what a server or this program keeps for itself."""
    return row["change"] == Change.UPDATED and row["attribute"] in INCIDENTAL[entity]


def _former(entity: Entity) -> list[str]:
    return [f"previous_{name}" for name in entity.key]


def _without_incidental(
    entity: Entity, rows: pl.LazyFrame
) -> tuple[pl.LazyFrame, Mapping[str, int]]:
    little = pl.col("attribute").is_in(INCIDENTAL[entity.name]).fill_null(value=False)
    little &= pl.col("change") == Change.UPDATED
    counts = rows.filter(little).group_by("attribute").len().sort("attribute").collect()
    return rows.filter(~little), dict(counts.iter_rows())

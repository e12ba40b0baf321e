"""Which views read the columns that a diff says changed.

How a view is read is in views. A view counts as a reader where it reads the table and its text has
the column's name anywhere, or a star: rather one too many than one that is not told.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from incremental_assets.core.change import GONE, Change
from incremental_assets.core.diff_view import INCIDENTAL
from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_assets.core.lineage import Key, Place
from incremental_assets.core.scope import VIEW_KINDS
from incremental_assets.core.sql_budget import StepBudget

if TYPE_CHECKING:
    from incremental_assets.core.views import ViewReader

Column = tuple[str, str, str, str]  # database, schema, table, column
Impact = Mapping[Column, Sequence[Key]]


def changed_columns(columns: pl.LazyFrame) -> list[Column]:
    """The columns of a diff that changed, were renamed or are gone, by their present key."""
    little = pl.col("attribute").is_in(INCIDENTAL[COLUMNS.name]).fill_null(value=False)
    told = pl.col("change").is_in([Change.UPDATED, Change.RENAMED, *GONE])
    found = columns.filter(told & ~little).select(COLUMNS.key).unique().collect()
    return found.sort(COLUMNS.key).rows()


def impact_of(
    columns: Sequence[Column], tables: pl.DataFrame, dialect: str, *, qualified: bool
) -> Impact:
    """The views that read each of the ``columns``; without those that nobody reads.

    Args:
        columns: what changed; their tables may be gone.
        tables: those of the version, views among them.
        dialect: as sqlglot calls the product.
        qualified: whether definitions name the schema of every table.
    """
    names = sorted({table for _, _, table, _ in columns})
    mentioning = pl.col("definition").str.contains_any(names, ascii_case_insensitive=True)
    views = tables.filter(pl.col("kind").is_in(VIEW_KINDS), mentioning)
    if views.is_empty():
        return {}
    # It imports sqlglot, which takes time that only those pay who have such views.
    from incremental_assets.core.views import ViewReader

    budget = StepBudget()
    known = {
        database: dict.fromkeys(_places(database, columns, tables), ())
        for database in views["database"].unique()
    }
    readers = {
        database: ViewReader(dialect, places, qualified, budget)
        for database, places in known.items()
    }
    found: dict[Column, list[Key]] = {}
    for *key, definition in views.select(*TABLES.key, "definition").iter_rows():
        database, *place = key
        for column in _read_by(readers[database], definition, tuple(place), database, columns):
            found.setdefault(column, []).append(tuple(key))
    return found


def _places(database: str, columns: Sequence[Column], tables: pl.DataFrame) -> Iterator[Place]:
    """The tables of a database, those that are gone too."""
    here = tables.filter(pl.col("database") == database)
    yield from here.select("schema", "table").iter_rows()
    yield from (column[1:3] for column in columns if column[0] == database)


def _read_by(
    reader: "ViewReader", definition: str, view: Place, database: str, columns: Sequence[Column]
) -> Iterator[Column]:
    reads = reader.read(definition, view, tracing=False)
    for column in columns:
        known = column[0] == database and column[1:3] in reads.tables
        if known and reader.mentions(reads, column[3]):
            yield column

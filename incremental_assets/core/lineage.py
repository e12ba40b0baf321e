"""Which tables of a state are shown as assets, what is known of each, and which ones changed.

What a view reads is found out in views; assets are made of it outside the core.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from incremental_assets.core.change import GONE
from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_assets.core.scope import VIEW_KINDS, Scope

Key = tuple[str, str, str]  # database, schema, table
Place = tuple[str, str]  # schema, table
Source = tuple[str, str, str]  # schema, table, column
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A table of a state: its row of ``tables``, and its rows of ``columns`` by ordinal."""

    row: Row
    columns: tuple[Row, ...]

    @property
    def key(self) -> Key:
        """Database, schema, table."""
        return (self.row["database"], self.row["schema"], self.row["table"])

    @property
    def place(self) -> Place:
        """Schema and table: its name for others of its database."""
        return (self.row["schema"], self.row["table"])

    @property
    def is_view(self) -> bool:
        """Whether it has no rows of its own making: a view, materialized or not."""
        return self.row["kind"] in VIEW_KINDS

    @property
    def column_names(self) -> tuple[str, ...]:
        """Its columns' names in their order."""
        return tuple(column["column"] for column in self.columns)


@dataclass(frozen=True)
class Reads:
    """What a view reads of the tables known here.

    ``names``: every name in its text, folded as the product does, and ``*`` where it has one.
    ``columns``: column of the view -> the columns its value is made of; one that is not in it could
    not be derived. ``problem``: why the definition could not be read, else None. ``untraced``: why
    none of its columns was looked for, else None.
    """

    tables: tuple[Place, ...] = ()
    columns: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    problem: str | None = None
    untraced: str | None = None
    names: frozenset[str] = frozenset()


def shown(tables: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    """The rows of ``tables`` in the schemas that ``scope`` admits, sorted by key."""
    return scope.admitted(tables).sort(TABLES.key)


def table_facts(tables: pl.DataFrame, columns: pl.LazyFrame | None) -> list[Table]:
    """Each row of ``tables`` with its columns; none where ``columns`` is None."""
    of_table: dict[Key, list[Row]] = {}
    for row in _columns_of(tables, columns).iter_rows(named=True):
        of_table.setdefault((row["database"], row["schema"], row["table"]), []).append(row)
    rows = tables.iter_rows(named=True)
    keyed = (((row["database"], row["schema"], row["table"]), row) for row in rows)
    return [Table(row, tuple(of_table.get(key, ()))) for key, row in keyed]


def _columns_of(tables: pl.DataFrame, columns: pl.LazyFrame | None) -> pl.DataFrame:
    if columns is None:
        return COLUMNS.empty()
    # The filter on names comes first: a scan of Parquet skips what it leaves out.
    names = tables["table"].unique().implode()
    return (
        columns.filter(pl.col("table").is_in(names))
        .join(tables.select(TABLES.key).lazy(), on=TABLES.key, how="semi")
        .sort("ordinal", "column", nulls_last=True)
        .collect()
    )


def changed_tables(tables: pl.LazyFrame, columns: pl.LazyFrame | None) -> pl.DataFrame:
    """The keys of tables that changed, or whose columns did; those that are gone are not in.

    Args:
        tables: the diff of tables.
        columns: the diff of columns, if there is one.
    """
    own = tables.select(*TABLES.key, "change").unique().collect()
    gone = pl.col("change").is_in(GONE)
    # A name that another table has taken is both gone and there.
    left = own.filter(gone).join(own.filter(~gone), on=TABLES.key, how="anti")
    of_columns = own.lazy() if columns is None else columns
    changed = pl.concat([own.select(TABLES.key), of_columns.select(TABLES.key).unique().collect()])
    return changed.unique().join(left, on=TABLES.key, how="anti").sort(TABLES.key)

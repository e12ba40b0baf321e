"""One table or column through the diffs of many versions, under whatever name it had.

A diff is what ``core.diff`` makes; which versions there are, and how a line of them reads, is
decided elsewhere.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from incremental_assets.core.change import GONE, Change
from incremental_assets.core.entities import COLUMNS, TABLES, TEXT

Key = tuple[str, str, str]  # database, schema, table
Row = Mapping[str, Any]
PREVIOUS = tuple(f"previous_{name}" for name in TABLES.key)


@dataclass(frozen=True)
class Entry:
    """What one version changed of a table or of one of its columns; ``row`` is a diff's row."""

    version: int
    entity: str
    row: Row

    @property
    def column(self) -> str | None:
        """The column's name in that version; None where the change is the table's own."""
        return self.row.get("column")


Diffs = Mapping[str, pl.LazyFrame]


def table_histories(
    keys: Iterable[Key], versions: Iterable[tuple[int, Diffs]]
) -> dict[Key, list[Entry]]:
    """The changes of each table and of its columns, newest first.

    Args:
        keys: the tables' names in the newest of the versions.
        versions: number and diffs (``tables``, and ``columns`` where there are any) of each,
            newest first.
    """
    found: dict[Key, list[Entry]] = {key: [] for key in keys}
    # Two tables may lead to one name: one that was renamed, and another that has taken it since.
    subjects = {key: [key] for key in found}
    for number, diffs in versions:
        former: dict[Key, Key] = {}
        for entity in (TABLES, COLUMNS):
            for row in _rows_of(diffs[entity.name], subjects) if entity.name in diffs else ():
                for subject in subjects[_present(row)]:
                    found[subject].append(Entry(number, entity.name, row))
                if entity is TABLES and row["change"] == Change.RENAMED:
                    former[_present(row)] = _previous(row)
        subjects = _earlier(subjects, former)
    return found


def _earlier(subjects: Mapping[Key, list[Key]], former: Mapping[Key, Key]) -> dict[Key, list[Key]]:
    """Which tables had which name one version before; ``former``: those that were renamed."""
    before: dict[Key, list[Key]] = {}
    for name, those in subjects.items():
        # Whoever took the name of a renamed table has no past under it.
        if name in former or name not in former.values():
            before.setdefault(former.get(name, name), []).extend(those)
    return before


def names_through(names: Collection[str], renames: Iterable[tuple[str, str]]) -> set[str]:
    """The ``names``, and all that led to them or that they led to: present and previous name of
    every rename of a table, whichever schema it is in."""
    near: dict[str, set[str]] = {}
    for one, other in renames:
        near.setdefault(one, set()).add(other)
        near.setdefault(other, set()).add(one)
    found, open_ends = set(names), list(names)
    while open_ends:
        new = near.get(open_ends.pop(), set()) - found
        found |= new
        open_ends += new
    return found


def column_history(column: str, entries: Sequence[Entry], *, exists: bool) -> list[Entry]:
    """Those of a table's ``entries``, newest first, that one of its columns is concerned by.

    ``exists``: the table has a column of that name now; otherwise it is the one that had it last.
    """
    name = column
    for entry in () if exists else reversed(entries):
        if _renames(entry) and entry.row["previous_column"] == name:
            name = str(entry.column)
    found = []
    for entry in entries:
        if entry.column == name:
            found.append(entry)
            if _renames(entry):
                name = entry.row["previous_column"]
    return found


def newest_name(key: Key, versions: Sequence[tuple[int, Diffs]]) -> tuple[Key, int] | None:
    """The last name of the table that was called ``key`` but is not any more, and which of the
    versions is the first to tell of it; None where none does.

    Args:
        key: a name that no table has in the newest version.
        versions: as for ``table_histories``.
    """
    for index, (_, diffs) in enumerate(versions):
        rows = diffs[TABLES.name]
        for row in _rows(rows, PREVIOUS, key):
            if row["change"] == Change.RENAMED:
                return _forward(_present(row), versions[:index])
        if any(row["change"] in GONE for row in _rows(rows, TABLES.key, key)):
            return key, index
    return None


def _forward(key: Key, newer: Sequence[tuple[int, Diffs]]) -> tuple[Key, int]:
    """Where the renames of ``newer`` versions, newest first, take a table."""
    for index, (_, diffs) in reversed(list(enumerate(newer))):
        renamed = [
            row
            for row in _rows(diffs[TABLES.name], PREVIOUS, key)
            if row["change"] == Change.RENAMED
        ]
        if renamed:
            key = _present(renamed[0])
        elif any(row["change"] in GONE for row in _rows(diffs[TABLES.name], TABLES.key, key)):
            return key, index
    return key, 0


def _rows(diff: pl.LazyFrame, names: Sequence[str], key: Key) -> Iterator[Row]:
    # The filter on the table's name comes first: a scan of Parquet skips what it leaves out.
    conditions = [pl.col(name) == part for name, part in zip(names, key, strict=True)]
    return diff.filter(conditions[-1]).filter(*conditions).collect().iter_rows(named=True)


def _rows_of(diff: pl.LazyFrame, keys: Iterable[Key]) -> Iterator[Row]:
    wanted = pl.DataFrame(list(keys), dict.fromkeys(TABLES.key, TEXT), orient="row")
    names = wanted["table"].unique().implode()
    named = diff.filter(pl.col("table").is_in(names))
    found = named.join(wanted.lazy(), on=TABLES.key, how="semi", maintain_order="left")
    return found.collect().iter_rows(named=True)


def _renames(entry: Entry) -> bool:
    return entry.entity == COLUMNS.name and entry.row["change"] == Change.RENAMED


def _present(row: Row) -> Key:
    return (row["database"], row["schema"], row["table"])


def _previous(row: Row) -> Key:
    return (row["previous_database"], row["previous_schema"], row["previous_table"])

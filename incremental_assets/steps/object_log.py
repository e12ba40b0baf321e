"""The changes of one table or column over all versions that are told of, found by its name.

How an object is followed through renames is in ``core/history.py``; how the changes are shown, with
whoever shows them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, islice, takewhile

import polars as pl

from incremental_assets.core.entities import COLUMNS, TABLES
from incremental_assets.core.errors import UnknownObject
from incremental_assets.core.history import (
    Diffs,
    Entry,
    Key,
    column_history,
    newest_name,
    table_histories,
)
from incremental_assets.core.names import path_of
from incremental_assets.steps.logged import Step, diffs_of
from incremental_assets.steps.stored import scan_of
from incremental_resources.state_store.version import Version

FORMS = "[DATABASE.]SCHEMA.TABLE[.COLUMN]"
CLOSE_NAMES = 3


@dataclass(frozen=True)
class ObjectLog:
    """What was looked for, under the name it has now or had last, and its changes, newest first."""

    key: Key
    column: str | None
    exists: bool
    entries: Sequence[Entry]


def log_of(
    connection: str, current: Version, steps: Sequence[Step], path: Sequence[str]
) -> ObjectLog:
    """The changes of the table or column that ``path`` names, by its present name or a former one.

    Args:
        connection: for the message.
        current: the newest version.
        steps: it and those before it, newest first.
        path: two to four names; of three the first may be a database or a schema.

    Raises:
        UnknownObject: no version has it, or several databases do.
    """
    tables = scan_of(current, TABLES).select(TABLES.key).collect()
    diffs = [(step.version, step.diffs) for step in steps if step.diffs]
    for database, schema, table, column in _readings(path):
        for key, start, there in _keys(connection, tables, diffs, (database, schema, table)):
            entries = table_histories([key], diffs[start:])[key]
            exists = there and _has(current, key, column)
            if column is not None:
                entries = column_history(column, entries, exists=exists)
            if exists or entries:
                return ObjectLog(key, column, exists, entries)
    raise UnknownObject(_unknown(connection, steps, tables, path))


def histories_of(
    version: Version, keys: Sequence[Key], versions: int
) -> Mapping[Key, Sequence[Entry]]:
    """The changes of tables of ``version``, newest first, as far as the last ``versions`` tell."""
    line = islice(chain([version], version.ancestors()), versions)
    # The first version has no changes, only everything that was there.
    told = takewhile(lambda one: one.manifest.parent is not None, line)
    return table_histories(keys, ((one.number, diffs_of(one)) for one in told))


def _readings(
    path: Sequence[str],
) -> Iterator[tuple[str | None, str, str, str | None]]:
    """What the names may mean: database, schema, table, column."""
    if len(path) == 2:
        yield None, path[0], path[1], None
    elif len(path) == 3:
        yield path[0], path[1], path[2], None
        yield None, path[0], path[1], path[2]
    elif len(path) == 4:
        yield path[0], path[1], path[2], path[3]


def _keys(
    connection: str,
    tables: pl.DataFrame,
    diffs: Sequence[tuple[int, Diffs]],
    name: tuple[str | None, str, str],
) -> Iterator[tuple[Key, int, bool]]:
    """The present or last name of the table, the first version that tells of it, and whether it
    is there now."""
    database, schema, table = name
    databases = tables["database"].unique().sort().to_list() if database is None else [database]
    keys: list[Key] = [(one, schema, table) for one in databases]
    there = [key for key in keys if _is_in(tables, key)]
    if len(there) > 1:
        paths = ", ".join(path_of(key) for key in there)
        raise UnknownObject(f"{connection} has several tables of that name: {paths}. Name one.")
    if there:
        yield there[0], 0, True
        return
    for key, start in filter(None, (newest_name(one, diffs) for one in keys)):
        yield key, start, _is_in(tables, key)


def _is_in(tables: pl.DataFrame, key: Key) -> bool:
    conditions = [pl.col(name) == part for name, part in zip(TABLES.key, key, strict=True)]
    return not tables.filter(*conditions).is_empty()


def _has(version: Version, key: Key, column: str | None) -> bool:
    if column is None:
        return True
    if not version.has(COLUMNS.name):
        return False
    parts = zip(COLUMNS.key, (*key, column), strict=True)
    conditions = [pl.col(name) == part for name, part in parts]
    found = scan_of(version, COLUMNS).filter(*conditions).select(pl.len()).collect().item()
    return bool(found)


def _unknown(
    connection: str, steps: Sequence[Step], tables: pl.DataFrame, path: Sequence[str]
) -> str:
    known = [path_of(row[1:]) for row in tables.iter_rows()]
    close = get_close_matches(path_of(path), known, n=CLOSE_NAMES)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    return (
        f"{connection}: none of the versions {steps[-1].version} to {steps[0].version} has "
        f"a table or column {path_of(path)}.{hint} Write {FORMS}, names as "
        "`incremental-assets diff` prints them."
    )

"""What becomes of each kind of DDL: seen by the next refresh, rightly ignored, or read again.

The mechanism for every product: a product's cases are in a module of its own, what came of them is
in the table ``DDL.md`` of its dialect's folder. ``WRITE_DDL_TABLES=1 pytest
tests/contract/test_ddl_matrix.py`` writes the tables anew.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from incremental_assets.core.entities import COLUMNS, ENTITIES
from incremental_resources.source import dialects as folders
from incremental_resources.source.source import Source
from tests.sources import columns

CAUGHT = "caught"
IGNORED = "rightly ignored"
AGAIN = "read again without need"
MISSED = "missed"
HEAD = "| what | statements | comes to | shows in |\n|---|---|---|---|\n"
WRITING = "WRITE_DDL_TABLES"

Rows = frozenset[tuple[object, ...]]
Place = tuple[str, str]


@dataclass(frozen=True)
class Case:
    """Statements whose effect is looked at, after others that lay the ground.

    ``undo`` takes away what would outlast the database.
    """

    do: tuple[str, ...]
    after: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matrix:
    """A product's cases; ``base`` is there before each of them."""

    base: tuple[str, ...]
    cases: Mapping[str, Case]


def case(*do: str, after: Iterable[str] = (), undo: Iterable[str] = ()) -> Case:
    """``case("alter table …", after=("create table …",))``."""
    return Case(do, tuple(after), tuple(undo))


@dataclass(frozen=True)
class Look:
    """What a source prints at one moment: of each entity all that is compared."""

    listings: Mapping[str, Rows]
    columns: Mapping[Place, Rows]
    tokens: Mapping[Place, str | None]
    probe: str | None = field(compare=False)


def look(source: Source) -> Look:
    """Everything that a refresh would read now."""
    listings = {
        name: source.listing(name, entity.schema)
        for name, entity in ENTITIES.items()
        if name != COLUMNS.name and name in source.dialect.entities
    }
    tables = listings["tables"]
    read = columns(source, tables).partition_by("schema", "table", as_dict=True)
    return Look(
        listings={name: _compared(name, frame) for name, frame in listings.items()},
        columns={place: frozenset(part.rows()) for place, part in read.items()},
        tokens={(schema, name): token for schema, name, token in _tokens(tables)},
        probe=source.probe(),
    )


def _compared(name: str, frame: pl.DataFrame) -> Rows:
    # How many columns there are is the columns' to say.
    left_out = {*ENTITIES[name].bookkeeping, "column_count"} & {*frame.columns}
    return frozenset(frame.drop(left_out).rows())


def _tokens(tables: pl.DataFrame) -> list[tuple[str, str, str | None]]:
    return tables.select("schema", "table", "token").rows()


def outcome(before: Look, after: Look) -> tuple[str, str]:
    """What a refresh makes of the difference, and the entities that it shows in."""
    shows = [name for name in after.listings if before.listings[name] != after.listings[name]]
    both = before.tokens.keys() & after.tokens.keys()
    printed = {place for place in both if before.columns.get(place) != after.columns.get(place)}
    read = {place for place in both if _read_again(before.tokens[place], after.tokens[place])}
    if printed or before.columns.keys() != after.columns.keys():
        shows.append(COLUMNS.name)
    unseen = before.probe is not None and before.probe == after.probe
    if printed - read or (shows and unseen):
        return MISSED, ", ".join(shows)
    if shows:
        return CAUGHT, ", ".join(shows)
    always = {place for place in read if before.tokens[place] is None}
    return (AGAIN if read - always else IGNORED), ""


def _read_again(before: str | None, after: str | None) -> bool:
    return before is None or after is None or before != after


def row(name: str, one: Case, came_to: tuple[str, str]) -> str:
    """A line of the table; what lies before the statements is not part of it."""
    told = "; ".join(_shown(statement) for statement in one.do)
    return f"| {name} | `` {told} `` | {came_to[0]} | {came_to[1]} |"


def _shown(statement: str) -> str:
    return re.sub(r"\s+", " ", statement).replace("|", "\\|")


def path_of(product: str) -> Path:
    """The product's table."""
    return Path(folders.__path__[0]) / product / "DDL.md"


def table_of(product: str) -> dict[str, str]:
    """Name of the case -> its line, as they are written down."""
    path = path_of(product)
    lines = path.read_text().splitlines() if path.exists() else []
    found = (re.match(r"\| (.*?) \| ``", line) for line in lines)
    return {one[1]: line for one, line in zip(found, lines, strict=False) if one}


def write(product: str, title: str, rows: Mapping[str, str]) -> None:
    """The product's table anew, if that is asked for."""
    if os.environ.get(WRITING):
        text = (
            f"# What becomes of DDL on {title}\n\n"
            "Written by `tests/contract/test_ddl_matrix.py`, which does each of these on a live "
            "server.\nCaught: the next refresh shows it. Rightly ignored: nothing that is "
            f"compared changed, and\nnothing is read. Read again without need: {AGAIN_MEANS}\n\n"
        )
        path_of(product).write_text(text + HEAD + "\n".join(rows.values()) + "\n")


AGAIN_MEANS = "the token differs although nothing did."

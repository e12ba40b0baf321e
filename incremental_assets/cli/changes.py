"""The diff of a version as frames and as rows for people and programs.

What a diff is, is decided in ``core``; a version without a parent has none stored, and its diff is
made from its state here, lazily: it has as many rows as the state.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import polars as pl

from incremental_assets.cli.show import changes_text, cut, escaped, path_of
from incremental_assets.core.change import Change
from incremental_assets.core.compare import diff_schema
from incremental_assets.core.entities import ENTITIES, PROCEDURES, Entity
from incremental_assets.core.json_text import TIME_FORMAT
from resources.state_store.documents import moment_text
from resources.state_store.version import Version

ROWS_AT_A_TIME = 50_000
Row = dict[str, Any]

# What a line tells first of an object that came or went.
TELLING = {
    "databases": ("owner",),
    "schemas": ("owner",),
    "tables": ("kind",),
    "columns": ("data_type",),
    "procedures": ("return_type",),
}


def diff_frame(version: Version, entity: Entity) -> pl.LazyFrame:
    """The rows of the version's diff for one entity, in the order they are stored in."""
    if version.has(f"diff/{entity.name}"):
        return version.scan(f"diff/{entity.name}")
    if version.manifest.parent is None and version.has(entity.name):
        return _all_created(entity, version.scan(entity.name))
    return pl.LazyFrame(schema=diff_schema(entity))


def diff_rows(version: Version, entity: Entity) -> int:
    """How many rows that are, without reading them."""
    stored = f"diff/{entity.name}"
    if version.has(stored):
        return version.rows(stored)
    derived = version.manifest.parent is None and version.has(entity.name)
    return version.rows(entity.name) if derived else 0


def entities_of(version: Version) -> list[Entity]:
    """The entities that the version's diff has rows of, containers before what they contain."""
    return [entity for entity in ENTITIES.values() if diff_rows(version, entity)]


def header_text(connection: str, version: Version) -> str:
    """What a diff is of, as JSON."""
    manifest = version.manifest
    facts = {
        "connection": connection,
        "version": version.number,
        "parent": manifest.parent and manifest.parent.version,
        "created_at": moment_text(manifest.created_at),
        "marker": moment_text(manifest.marker),
        "changes": manifest.changes,
    }
    return json.dumps(facts, ensure_ascii=False)


def record_texts(version: Version, limit: int | None) -> Iterator[str]:
    """The rows of the diff, entity by entity, as JSON; ``before`` and ``after`` as values."""
    rows = (
        {"entity": entity.name, **row}
        for entity in entities_of(version)
        for row in read_rows(diff_frame(version, entity), limit)
    )
    for row in islice(rows, limit):
        values = {side: _decoded(row[side]) for side in ("before", "after")}
        yield escaped(json.dumps(row | values, ensure_ascii=False))


@dataclass(frozen=True)
class Section:
    """The part of a diff that is about one entity; so many of its rows are shown."""

    version: Version
    entity: Entity
    rows: int
    shown: int

    @property
    def title(self) -> str:
        """``tables: 2 CREATED, 1 UPDATED``; objects, of which one can have several rows."""
        changes = self.version.manifest.changes.get(self.entity.name, {})
        return f"{self.entity.name}: {changes_text(changes)}"

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """The rows that are shown, for people."""
        rows = read_rows(diff_frame(self.version, self.entity), self.shown)
        return (line_of(self.entity, row) for row in rows)


def sections(version: Version, limit: int | None) -> Iterator[Section]:
    """The diff by entity; ``limit`` is for all of them together."""
    for entity in entities_of(version):
        rows = diff_rows(version, entity)
        shown = rows if limit is None else min(rows, limit)
        limit = None if limit is None else limit - shown
        yield Section(version, entity, rows, shown)


def read_rows(frame: pl.LazyFrame, limit: int | None) -> Iterator[Row]:
    """The rows one by one, never many of them in memory."""
    start = 0
    while limit is None or start < limit:
        wanted = ROWS_AT_A_TIME if limit is None else min(ROWS_AT_A_TIME, limit - start)
        part = frame.slice(start, wanted).collect()
        yield from part.iter_rows(named=True)
        if part.height < wanted:
            return
        start += wanted


def line_of(entity: Entity, row: Row) -> tuple[str, str, str]:
    """A row for people: the change, the object, and what there is to say."""
    return row["change"], object_name(entity, row), _what(entity, row)


def object_name(entity: Entity, row: Mapping[str, Any], prefix: str = "") -> str:
    """The object's path; a routine with its signature."""
    parts = [row[f"{prefix}{name}"] for name in entity.key]
    if entity is not PROCEDURES:
        return path_of(parts)
    *path, kind, signature = parts
    return f"{path_of(path)}({escaped(signature)}) {escaped(kind)}"


def _what(entity: Entity, row: Row) -> str:
    if row["change"] == Change.UPDATED:
        return f"{row['attribute']}: {_value(row['before'])} → {_value(row['after'])}"
    if row["change"] == Change.RENAMED:
        return f"was {object_name(entity, row, 'previous_')}"
    told = _decoded(row["after"] or row["before"]) or {}
    values = [told.get(name) for name in TELLING[entity.name]]
    return escaped(cut(", ".join(str(value) for value in values if value is not None)))


def _value(text: str | None) -> str:
    return escaped(cut(text or "null"))


def _decoded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _all_created(entity: Entity, rows: pl.LazyFrame) -> pl.LazyFrame:
    """What ``core.diff`` says of a state that nothing came before."""
    attributes = [
        pl.col(name).dt.strftime(TIME_FORMAT) if isinstance(dtype, pl.Datetime) else pl.col(name)
        for name, dtype in entity.attributes.items()
    ]
    made = {
        "change": pl.lit(Change.CREATED.value),
        "after": pl.struct(attributes).struct.json_encode(),
    }
    return rows.select(
        pl.col(name) if name in entity.key else made.get(name, pl.lit(None, dtype)).alias(name)
        for name, dtype in diff_schema(entity).items()
    )

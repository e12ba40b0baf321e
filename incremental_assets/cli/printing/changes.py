"""The diff of a version as frames and as rows for people and programs.

What a diff is, and what a line says of a row of it, is decided in ``core``. A version without a
parent has none stored, and its diff is made from its state here, lazily: it has as many rows as the
state.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import polars as pl

from incremental_assets.core.change import Change
from incremental_assets.core.compare import diff_schema
from incremental_assets.core.entities import ENTITIES, Entity
from incremental_assets.core.json_text import TIME_FORMAT
from incremental_assets.core.names import escaped
from incremental_assets.steps.stored import scan_of
from incremental_resources.state_store.documents import moment_text
from incremental_resources.state_store.version import Version

ROWS_AT_A_TIME = 50_000
Row = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """What a diff has of one entity: its rows, and its objects counted by change."""

    entity: Entity
    frame: pl.LazyFrame
    rows: int
    changes: Mapping[str, int]


def diff_frame(version: Version, entity: Entity) -> pl.LazyFrame:
    """The rows of the version's diff for one entity, in the order they are stored in."""
    if version.has(f"diff/{entity.name}"):
        return version.scan(f"diff/{entity.name}")
    if version.manifest.parent is None and version.has(entity.name):
        return _all_created(entity, scan_of(version, entity))
    return pl.LazyFrame(schema=diff_schema(entity))


def parts_of(version: Version) -> Iterator[Part]:
    """What the version's diff has rows of, containers before what they contain."""
    for entity in ENTITIES.values():
        rows = _rows(version, entity)
        if rows:
            changes = version.manifest.changes.get(entity.name, {})
            yield Part(entity, diff_frame(version, entity), rows, changes)


def parts_of_frames(
    frames: Mapping[str, pl.DataFrame | pl.LazyFrame], changes: Mapping[str, Mapping[str, int]]
) -> Iterator[Part]:
    """The same for a diff that is no version's, as a dry run has it."""
    for name, entity in ENTITIES.items():
        frame = frames.get(name, pl.DataFrame()).lazy()
        rows = frame.select(pl.len()).collect().item()
        if rows:
            yield Part(entity, frame, rows, changes.get(name, {}))


def _rows(version: Version, entity: Entity) -> int:
    """As the manifest has it; nothing is read."""
    if version.has(f"diff/{entity.name}"):
        return version.rows(f"diff/{entity.name}")
    derived = version.manifest.parent is None and version.has(entity.name)
    return version.rows(entity.name) if derived else 0


def header_text(connection: str, version: Version, limit: int | None) -> str:
    """What a diff is of, and how many of its rows ``limit`` leaves out, as JSON."""
    manifest = version.manifest
    facts = {
        "connection": connection,
        "version": version.number,
        "parent": manifest.parent and manifest.parent.version,
        "created_at": moment_text(manifest.created_at),
        "marker": moment_text(manifest.marker),
        "changes": manifest.changes,
        "hidden": _beyond(version, limit),
    }
    return json.dumps(facts, ensure_ascii=False)


def _beyond(version: Version, limit: int | None) -> int:
    rows = sum(part.rows for part in parts_of(version))
    return 0 if limit is None else max(0, rows - limit)


def record_texts(version: Version, limit: int | None) -> Iterator[str]:
    """The rows of the diff, entity by entity, as JSON; ``before`` and ``after`` as values."""
    texts = (
        text
        for part in parts_of(version)
        for piece in _pieces(part.frame.select(_record(part.entity)), limit)
        for text in piece.to_series()
    )
    return map(escaped, islice(texts, limit))


def _record(entity: Entity) -> pl.Expr:
    """A row as a JSON object, in which the JSON texts of the two values are put as they are."""
    names = list(diff_schema(entity))
    middle = names.index("before")
    start = pl.struct(pl.lit(entity.name).alias("entity"), *names[:middle]).struct.json_encode()
    end = pl.struct(names[middle + 2 :]).struct.json_encode()
    before, after = (pl.col(side).fill_null("null") for side in ("before", "after"))
    return pl.concat_str(
        start.str.strip_suffix("}"),
        pl.lit(',"before":'),
        before,
        pl.lit(',"after":'),
        after,
        pl.lit(","),
        end.str.strip_prefix("{"),
    )


def read_rows(frame: pl.LazyFrame, limit: int | None) -> Iterator[Row]:
    """The rows one by one, never many of them in memory."""
    for piece in _pieces(frame, limit):
        yield from piece.iter_rows(named=True)


def _pieces(frame: pl.LazyFrame, limit: int | None) -> Iterator[pl.DataFrame]:
    start = 0
    while limit is None or start < limit:
        wanted = ROWS_AT_A_TIME if limit is None else min(ROWS_AT_A_TIME, limit - start)
        piece = frame.slice(start, wanted).collect()
        yield piece
        if piece.height < wanted:
            return
        start += wanted


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

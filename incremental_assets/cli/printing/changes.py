"""The diff of a version as frames and as rows for people and programs.

What a diff is, and what a line says of a row of it, is decided in ``core``.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from typing import Any

import polars as pl

from incremental_assets.core.compare import diff_schema
from incremental_assets.core.diff import summary
from incremental_assets.core.diff_view import condensed
from incremental_assets.core.entities import ENTITIES, TABLES, Entity
from incremental_assets.core.names import escaped
from incremental_assets.steps.comparing import changes_between, same_source, sources_of
from incremental_assets.steps.stored import diff_frame
from incremental_resources.source.dialect import Dialect
from incremental_resources.state_store.documents import moment_text
from incremental_resources.state_store.version import Version

ROWS_AT_A_TIME = 50_000
Row = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """What a diff has of one entity: its rows, and its objects counted by change.

    ``not_listed`` says what the rows leave out.
    """

    entity: Entity
    frame: pl.LazyFrame
    rows: int
    changes: Mapping[str, int]
    not_listed: str | None = None


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


def parts_between(before: Version, after: Version, dialect: Dialect) -> Iterator[Part]:
    """The same for the difference of two versions, ``before`` an ancestor of ``after``."""
    line = [after, *takewhile(lambda one: one.number > before.number, after.ancestors()), before]
    trusted = same_source(sources_of(line))
    changes = changes_between(before, after, dialect, trusted=trusted)
    return parts_of_frames(changes, summary(changes))


def parts_of_table(parts: Iterable[Part], path: Sequence[str]) -> Iterator[Part]:
    """The rows of one table and its columns, under its name before or after the change.

    Args:
        parts: of a diff.
        path: schema and table, or database, schema and table.
    """
    names = TABLES.key[-len(path) :]
    for part in parts:
        if not set(TABLES.key) <= set(part.entity.key):
            continue
        now = [pl.col(name) == one for name, one in zip(names, path, strict=True)]
        then = [pl.col(f"previous_{name}") == one for name, one in zip(names, path, strict=True)]
        rows = part.frame.filter(
            pl.all_horizontal(now) | pl.all_horizontal(then).fill_null(value=False)
        ).collect()
        changes = summary({part.entity.name: rows})
        if rows.height:
            yield Part(part.entity, rows.lazy(), rows.height, changes[part.entity.name])


def condensed_parts(parts: Iterable[Part]) -> Iterator[Part]:
    """The same parts with the rows that a person wants listed."""
    listed = {part.entity.name: part for part in parts}
    views = condensed({name: part.frame for name, part in listed.items()})
    for name, part in listed.items():
        view = views[name]
        rows = int(view.rows.select(pl.len()).collect().item())
        yield replace(part, frame=view.rows, rows=rows, not_listed=view.not_listed)


def header_text(
    connection: str, version: Version, parent: int | None, parts: Sequence[Part], limit: int | None
) -> str:
    """What a diff is of, and how many of its rows ``limit`` leaves out, as JSON."""
    manifest, rows = version.manifest, sum(part.rows for part in parts)
    facts = {
        "connection": connection,
        "version": version.number,
        "parent": parent,
        "created_at": moment_text(manifest.created_at),
        "marker": moment_text(manifest.marker),
        "changes": {part.entity.name: part.changes for part in parts},
        "hidden": 0 if limit is None else max(0, rows - limit),
    }
    return json.dumps(facts, ensure_ascii=False)


def record_texts(parts: Iterable[Part], limit: int | None) -> Iterator[str]:
    """The rows of the diff, entity by entity, as JSON; ``before`` and ``after`` as values."""
    texts = (
        text
        for part in parts
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

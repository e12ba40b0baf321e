"""A row of a diff in words for people: the change, the object, and what there is to say.

Printable and short, but no markup of any kind: that is added by whoever shows it.
"""

import json
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from incremental_assets.core.change import Change
from incremental_assets.core.diff_view import COLUMN_TOTAL
from incremental_assets.core.entities import PROCEDURES, Entity
from incremental_assets.core.names import escaped, path_of

LONGEST = 80
# What is shown before the first difference of two long texts.
CONTEXT = 20
# What a line tells first of an object that came or went.
TELLING = {
    "databases": ("owner",),
    "schemas": ("owner",),
    "tables": ("kind",),
    "columns": ("data_type",),
    "procedures": ("return_type",),
}


def line_of(entity: Entity, row: Mapping[str, Any]) -> tuple[str, str, str]:
    """A row for people: the change, the object, and what there is to say."""
    return row["change"], object_name(entity, row), _what(entity, row)


def object_name(entity: Entity, row: Mapping[str, Any], prefix: str = "") -> str:
    """The object's path; a routine with its signature."""
    parts = [row[f"{prefix}{name}"] for name in entity.key]
    if entity is not PROCEDURES:
        return path_of(parts)
    *path, kind, signature = parts
    return f"{path_of(path)}({escaped(signature)}) {escaped(kind)}"


def cells_of(entity: Entity, row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """A row for a table that is about one object: the change, the attribute, before and after."""
    change = row["change"]
    if change == Change.RENAMED:
        return change, "name", *_names(entity, row)
    if change == Change.UPDATED:
        return change, row["attribute"], *_sides(row)
    facts = _of_whole(entity, row)
    return (change, "", facts, "") if row["after"] is None else (change, "", "", facts)


def _names(entity: Entity, row: Mapping[str, Any]) -> tuple[str, str]:
    """Former and present name; with the whole path where the object has moved too."""
    *parents, own = entity.key
    if entity is PROCEDURES or any(row[f"previous_{name}"] != row[name] for name in parents):
        return object_name(entity, row, "previous_"), object_name(entity, row)
    return path_of([row[f"previous_{own}"]]), path_of([row[own]])


def _what(entity: Entity, row: Mapping[str, Any]) -> str:
    if row["change"] == Change.RENAMED:
        return f"was {object_name(entity, row, 'previous_')}"
    if row["change"] == Change.UPDATED:
        before, after = _sides(row)
        said = f"{row['attribute']}: {before} → {after}"
    else:
        said = _of_whole(entity, row)
    # Where another object has taken the name, two lines would look the same.
    if row.get(f"previous_{entity.key[0]}") is not None:
        said += f" (was {object_name(entity, row, 'previous_')})"
    return said


def _sides(row: Mapping[str, Any]) -> tuple[str, str]:
    """The value before and after."""
    before, after = row["before"] or "null", row["after"] or "null"
    if row["attribute"] == "references":
        before, after = _targets(before), _targets(after)
    return _around_difference(before, after)


def _targets(value: str) -> str:
    """The paths of the columns that a column's foreign keys lead to."""
    return ", ".join(reference_paths(json.loads(value))) or "null"


def reference_paths(references: str | None) -> list[str]:
    """The attribute ``references`` as paths, without the database, which is the column's own."""
    targets = json.loads(references) if references else []
    return [path_of(part or "?" for part in target[1:]) for target in targets]


def _of_whole(entity: Entity, row: Mapping[str, Any]) -> str:
    """The first facts of an object that came or went; of a table also how many columns it has."""
    facts = json.loads(row["after"] or row["before"] or "{}")
    values = [facts.get(name) for name in TELLING[entity.name]]
    said = [escaped(_cut(", ".join(str(value) for value in values if value is not None)))]
    if columns := row.get(COLUMN_TOTAL):
        said.append(f"{columns:,} column{'s' if columns > 1 else ''}")
    return ", ".join(filter(None, said))


def _around_difference(before: str, after: str) -> tuple[str, str]:
    """Both texts, cut to the part around what differs first where they are long."""
    if max(len(before), len(after)) <= LONGEST:
        return escaped(before), escaped(after)
    pairs = zip(before, after, strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    start = max(0, same - CONTEXT)
    return _part(before, start), _part(after, start)


def _part(text: str, start: int) -> str:
    end = start + LONGEST
    cut = f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
    return escaped(cut)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

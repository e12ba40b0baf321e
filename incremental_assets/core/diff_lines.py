"""A row of a diff in words for people: the change, the object, and what there is to say.

Printable and short, but no markup of any kind: that is added by whoever shows it.
"""

import json
from collections.abc import Mapping
from typing import Any

from incremental_assets.core.change import Change
from incremental_assets.core.entities import PROCEDURES, Entity
from incremental_assets.core.names import escaped, path_of

LONGEST = 80
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


def _what(entity: Entity, row: Mapping[str, Any]) -> str:
    if row["change"] == Change.UPDATED:
        return f"{row['attribute']}: {_value(row['before'])} → {_value(row['after'])}"
    if row["change"] == Change.RENAMED:
        return f"was {object_name(entity, row, 'previous_')}"
    told = json.loads(row["after"] or row["before"] or "{}")
    values = [told.get(name) for name in TELLING[entity.name]]
    return escaped(_cut(", ".join(str(value) for value in values if value is not None)))


def _value(text: str | None) -> str:
    return escaped(_cut(text or "null"))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

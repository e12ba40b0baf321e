"""Small frames for tests: rows with only the attributes that matter, conformed to their entity.

Names default to the database ``shop`` and the schema ``public``.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from incremental_assets.core.entities import COLUMNS, ENTITIES, Entity, conform

Row = Mapping[str, Any]


def frame(entity: Entity | str, rows: Iterable[Row] = ()) -> pl.DataFrame:
    """The rows as a frame of the entity; attributes that a row leaves out are null."""
    kind = ENTITIES[entity] if isinstance(entity, str) else entity
    full = [dict.fromkeys(kind.schema) | dict(row) for row in rows]
    return conform(kind, pl.DataFrame(full, schema=kind.schema))


def database(name: str = "shop", native_id: str | None = "d1", **attributes: Any) -> Row:
    return {"database": name, "native_id": native_id, **attributes}


def schema(name: str = "public", native_id: str | None = None, **attributes: Any) -> Row:
    return {"database": "shop", "schema": name, "native_id": native_id, **attributes}


def table(name: str, native_id: str | None = None, token: str | None = "t", **more: Any) -> Row:
    return {
        "database": "shop",
        "schema": "public",
        "table": name,
        "kind": "TABLE",
        "native_id": native_id,
        "token": token,
        **more,
    }


def column(table_name: str, name: str, ordinal: int = 1, **attributes: Any) -> Row:
    return {
        "database": "shop",
        "schema": "public",
        "table": table_name,
        "column": name,
        "ordinal": ordinal,
        "data_type": "integer",
        "nullable": True,
        **attributes,
    }


def procedure(name: str, native_id: str | None = None, **attributes: Any) -> Row:
    return {
        "database": "shop",
        "schema": "public",
        "procedure": name,
        "kind": "FUNCTION",
        "signature": "",
        "native_id": native_id,
        **attributes,
    }


def state(**entities: Iterable[Row]) -> dict[str, pl.DataFrame]:
    """A frame for every entity; databases default to ``shop``, the others to no rows.

    Tables count their columns.
    """
    frames = {name: frame(name, entities.get(name, ())) for name in ENTITIES}
    if "databases" not in entities:
        frames["databases"] = frame("databases", [database()])
    key = list(COLUMNS.key[:3])
    counts = frames["columns"].group_by(key).agg(pl.len().cast(pl.Int32).alias("n"))
    frames["tables"] = (
        frames["tables"]
        .join(counts, on=key, how="left", maintain_order="left")
        .with_columns(column_count=pl.col("n").fill_null(0))
        .drop("n")
    )
    return frames

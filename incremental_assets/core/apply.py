"""The inverse of diff: a version and its changes give the next version.

Equal to it in keys and compared attributes; bookkeeping of objects that stay is left as it was.
"""

import polars as pl

from incremental_assets.core.change import APPEARED, GONE, Change
from incremental_assets.core.compare import diff_schema, previous_key
from incremental_assets.core.diff import Diff, Frames
from incremental_assets.core.entities import COLUMNS, ENTITIES, TABLES, Entity
from incremental_assets.core.json_text import decode_object, decode_value


def apply(previous: Frames, changes: Diff) -> dict[str, pl.DataFrame]:
    """Move all renamed objects at once, then delete, create and update.

    Deletions name the object by the key it had before the moves: a name may be free for a renamed
    object only because its former holder goes.
    """
    tables = changes.get(TABLES.name, pl.DataFrame(schema=diff_schema(TABLES)))
    return {
        name: _applied(
            entity,
            previous.get(name, entity.empty()).lazy().collect(),
            changes.get(name, pl.DataFrame(schema=diff_schema(entity))),
            tables.filter(pl.col("change") == Change.RENAMED),
        )
        for name, entity in ENTITIES.items()
        if name in previous or name in changes
    }


def _applied(
    entity: Entity, rows: pl.DataFrame, changes: pl.DataFrame, moved_tables: pl.DataFrame
) -> pl.DataFrame:
    gone = changes.filter(pl.col("change").is_in(GONE)).select(
        pl.coalesce(f"previous_{name}", name).alias(f"previous_{name}") for name in entity.key
    )
    rows = rows.select(*entity.schema).with_columns(
        pl.col(name).alias(f"previous_{name}") for name in entity.key
    )
    rows = rows.join(gone, on=previous_key(entity), how="anti")
    if entity is COLUMNS:
        rows = _moved(rows, TABLES, moved_tables)
    rows = _moved(rows, entity, changes.filter(pl.col("change") == Change.RENAMED))
    rows = _updated(entity, rows.drop(previous_key(entity)), changes)
    return pl.concat([rows, _created(entity, changes)]).sort(entity.key)


def _moved(rows: pl.DataFrame, entity: Entity, renames: pl.DataFrame) -> pl.DataFrame:
    """Give rows the key that their object, or the table they belong to, has now."""
    old = previous_key(entity)
    places = renames.select(*old, *(pl.col(name).alias(f"new_{name}") for name in entity.key))
    return (
        rows.join(places, on=old, how="left")
        .with_columns(pl.coalesce(f"new_{name}", name).alias(name) for name in entity.key)
        .drop(f"new_{name}" for name in entity.key)
    )


def _updated(entity: Entity, rows: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    updates = changes.filter(pl.col("change") == Change.UPDATED)
    for (name,), part in updates.group_by("attribute"):
        attribute = str(name)
        values = part.select(
            *entity.key,
            decode_value(part["after"], entity.attributes[attribute]).alias("after"),
            is_updated=pl.lit(value=True),
        )
        rows = (
            rows.join(values, on=entity.key, how="left")
            .with_columns(pl.when("is_updated").then("after").otherwise(attribute).alias(attribute))
            .drop("after", "is_updated")
        )
    return rows


def _created(entity: Entity, changes: pl.DataFrame) -> pl.DataFrame:
    created = changes.filter(pl.col("change").is_in(APPEARED))
    attributes = decode_object(created["after"], entity.attributes)
    return pl.concat([created.select(entity.key), attributes], how="horizontal")

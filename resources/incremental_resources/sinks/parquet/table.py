"""One table of changes: the diffs of all entities in the same columns, one file for each version.

Where the files go is the sink's matter.
"""

from collections.abc import Iterator

import polars as pl

from incremental_resources.sinks.delivery import Delivery

TEXT = pl.String()
TIME = pl.Datetime("us", "UTC")
# The parts of an object's key, whichever entity it is of; null where it has no such part.
KEY = ("database", "schema", "table", "column", "procedure", "kind", "signature")
PREVIOUS = tuple(f"previous_{name}" for name in KEY)
SCHEMA: dict[str, pl.DataType] = {
    "connection": TEXT,
    "version": pl.Int64(),
    "identity": TEXT,
    "previous": TEXT,
    "whole": pl.Boolean(),
    "marker": TIME,
    "committed_at": TIME,
    "entity": TEXT,
    **dict.fromkeys(KEY, TEXT),
    "change": TEXT,
    "attribute": TEXT,
    "before": TEXT,
    "after": TEXT,
    **dict.fromkeys(PREVIOUS, TEXT),
}
COLUMNS = {
    "connection": "The connection's name.",
    "version": "The version's number; numbers begin again where a state was removed.",
    "identity": "The version's identity, in every row of one file.",
    "previous": "The identity of the version that the changes lead from; null if there is none.",
    "whole": "True where the rows are the whole state (each CREATED) and replace all before them.",
    "marker": "The source's clock: the version is known to be true as of then.",
    "committed_at": "When the version was made.",
    "entity": "The entity of the object; null in the first row of each version.",
    **dict.fromkeys(KEY, "Part of the object's key; null where its entity has no such part."),
    "change": "CREATED, UPDATED, RENAMED, DELETED, BACKFILL, OUT_OF_SCOPE.",
    "attribute": "The attribute that was UPDATED; null otherwise.",
    "before": "JSON: the value, or all attributes of what is gone.",
    "after": "JSON: the value, or all attributes of what appeared.",
    **dict.fromkeys(PREVIOUS, "The part of the key before, where the key is another one now."),
}


def rows_of(delivery: Delivery, *, with_changes: bool = True) -> pl.LazyFrame:
    """The rows of one file; the first one, without an entity, says that there is the version."""
    begun = pl.LazyFrame({"entity": [None]}, schema={"entity": TEXT})
    told = _of_entities(delivery) if with_changes else ()
    parts: list[pl.LazyFrame] = [_in_all_columns(delivery, begun), *told]
    return pl.concat(parts)


def _of_entities(delivery: Delivery) -> Iterator[pl.LazyFrame]:
    for entity, changes in delivery.changes.items():
        yield _in_all_columns(delivery, changes.with_columns(entity=pl.lit(entity)))


def _in_all_columns(delivery: Delivery, rows: pl.LazyFrame) -> pl.LazyFrame:
    constant = {
        "connection": delivery.connection,
        "version": delivery.version,
        "identity": delivery.identity,
        "previous": delivery.previous,
        "whole": delivery.begins_anew,
        "marker": delivery.marker,
        "committed_at": delivery.created_at,
    }
    there = rows.collect_schema().names()
    return rows.select(
        pl.lit(constant[name], dtype).alias(name)
        if name in constant
        else pl.col(name)
        if name in there
        else pl.lit(None, dtype).alias(name)
        for name, dtype in SCHEMA.items()
    )

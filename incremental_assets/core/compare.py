"""The rows of a diff for one entity, once it is known which object is which.

Finding that out is identity's work; which words fit is decided in change.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from incremental_assets.core.change import Change, Comparison, label_appeared, label_gone
from incremental_assets.core.entities import TEXT, Entity
from incremental_assets.core.identity import Pairs, identity_columns, pair, with_database_id
from incremental_assets.core.json_text import encode_object, encode_value


@dataclass(frozen=True)
class Match:
    """Two frames of one entity, which row is which, and the words for those that have no partner.

    ``previous`` has the key that its objects have now (that of the current version where only
    their table moved) and, as ``previous_<key>``, the key they had. ``appeared`` goes with
    ``pairs.new``, ``gone`` with ``pairs.gone``.
    """

    previous: pl.DataFrame
    current: pl.DataFrame
    pairs: Pairs
    appeared: pl.Series
    gone: pl.Series


def previous_key(entity: Entity) -> list[str]:
    """The names of the columns that hold the key in the previous version."""
    return [f"previous_{name}" for name in entity.key]


def diff_schema(entity: Entity) -> dict[str, pl.DataType]:
    """Columns of a diff file: key, change, attribute, before, after, previous_<key>."""
    names = (*entity.key, "change", "attribute", "before", "after", *previous_key(entity))
    return dict.fromkeys(names, TEXT)


def match_objects(
    entity: Entity,
    previous: pl.DataFrame,
    current: pl.DataFrame,
    comparison: Comparison,
    databases: tuple[pl.DataFrame | None, pl.DataFrame | None],
) -> Match:
    """Match databases, schemas, tables or procedures; ``databases`` are those of the two sides."""
    before = with_database_id(previous, databases[0]).with_columns(
        pl.col(name).alias(f"previous_{name}") for name in entity.key
    )
    after = with_database_id(current, databases[1])
    identity = identity_columns(entity) if comparison.durable_ids else None
    pairs = pair(before, after, entity.key, identity)
    return Match(
        previous=before,
        current=after,
        pairs=pairs,
        appeared=label_appeared(entity, after[pairs.new], comparison),
        gone=label_gone(entity, before[pairs.gone], comparison),
    )


def difference(entity: Entity, match: Match) -> pl.DataFrame:
    """The diff of one entity, sorted by key, change, attribute."""
    appeared = match.current[match.pairs.new]
    gone = match.previous[match.pairs.gone]
    parts = [
        *_kept(entity, match),
        appeared.with_columns(
            match.appeared.alias("change"),
            encode_object(appeared, entity.attributes).alias("after"),
        ),
        gone.with_columns(
            match.gone.alias("change"), encode_object(gone, entity.attributes).alias("before")
        ),
    ]
    rows = pl.concat([_shaped(entity, part) for part in parts])
    return rows.sort(*entity.key, "change", "attribute", *previous_key(entity))


def _kept(entity: Entity, match: Match) -> Iterator[pl.DataFrame]:
    """RENAMED rows and one frame of UPDATED rows per attribute."""
    kept = match.pairs.kept
    keys = pl.concat(
        [
            match.current.select(entity.key)[kept["c"]],
            match.previous.select(previous_key(entity))[kept["p"]],
        ],
        how="horizontal",
    )
    yield keys.filter(kept["moved"]).with_columns(change=pl.lit(Change.RENAMED))
    for name in entity.compared:
        before = match.previous[name].gather(kept["p"])
        after = match.current[name].gather(kept["c"])
        differs = before.ne_missing(after)
        yield keys.filter(differs).with_columns(
            encode_value(before.filter(differs)).alias("before"),
            encode_value(after.filter(differs)).alias("after"),
            change=pl.lit(Change.UPDATED),
            attribute=pl.lit(name),
        )


def _shaped(entity: Entity, part: pl.DataFrame) -> pl.DataFrame:
    """Bring rows to the columns of a diff; the previous key is null where it is the key."""
    schema = diff_schema(entity)
    full = part.with_columns(
        pl.lit(None, TEXT).alias(name) for name in schema if name not in part.columns
    )
    differs = pl.any_horizontal(pl.col(name) != pl.col(f"previous_{name}") for name in entity.key)
    return full.select(*schema).with_columns(
        pl.when(differs).then(pl.col(name)).alias(name) for name in previous_key(entity)
    )

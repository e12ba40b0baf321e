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
    parts = [*_unpaired(entity, match), *_renamed(entity, match), *_updated(entity, match)]
    if not parts:
        return pl.DataFrame(schema=diff_schema(entity))
    rows = pl.concat([_shaped(entity, part) for part in parts])
    return rows.sort(*entity.key, "change", "attribute", *previous_key(entity))


def _unpaired(entity: Entity, match: Match) -> Iterator[pl.DataFrame]:
    """What appeared and what is gone, whole."""
    if len(match.pairs.new):
        rows = match.current[match.pairs.new]
        whole = encode_object(rows, entity.attributes)
        had_no_key = (pl.lit(None, TEXT).alias(name) for name in previous_key(entity))
        yield rows.with_columns(match.appeared.alias("change"), whole.alias("after"), *had_no_key)
    if len(match.pairs.gone):
        rows = match.previous[match.pairs.gone]
        whole = encode_object(rows, entity.attributes)
        yield rows.with_columns(match.gone.alias("change"), whole.alias("before"))


def _renamed(entity: Entity, match: Match) -> Iterator[pl.DataFrame]:
    moved = match.pairs.kept.filter("moved")
    if moved.height:
        yield _keys(entity, match, moved).with_columns(change=pl.lit(Change.RENAMED))


def _updated(entity: Entity, match: Match) -> Iterator[pl.DataFrame]:
    """One frame for each attribute that differs anywhere."""
    kept = match.pairs.kept
    before = match.previous.select(entity.compared)[kept["p"]]
    after = match.current.select(entity.compared)[kept["c"]]
    both = pl.concat([before.select(pl.all().name.prefix("was ")), after], how="horizontal")
    differs = {name: pl.col(name).ne_missing(pl.col(f"was {name}")) for name in entity.compared}
    anywhere = both.select(differ.any().alias(name) for name, differ in differs.items())
    for name, differ in differs.items():
        if anywhere[name].item():
            rows = both.select(differ.alias("differ"))["differ"]
            yield _keys(entity, match, kept.filter(rows)).with_columns(
                encode_value(before[name].filter(rows)).alias("before"),
                encode_value(after[name].filter(rows)).alias("after"),
                change=pl.lit(Change.UPDATED),
                attribute=pl.lit(name),
            )


def _keys(entity: Entity, match: Match, kept: pl.DataFrame) -> pl.DataFrame:
    """Key and previous key of objects that are in both versions."""
    now = match.current.select(entity.key)[kept["c"]]
    before = match.previous.select(previous_key(entity))[kept["p"]]
    return pl.concat([now, before], how="horizontal")


def _shaped(entity: Entity, part: pl.DataFrame) -> pl.DataFrame:
    """Bring rows to the columns of a diff; the previous key is null where it is the key."""
    differs = pl.any_horizontal(pl.col(name) != pl.col(f"previous_{name}") for name in entity.key)
    optional = ("attribute", "before", "after")
    return part.select(
        *entity.key,
        "change",
        *(name if name in part.columns else pl.lit(None, TEXT).alias(name) for name in optional),
        *(pl.when(differs).then(pl.col(name)).alias(name) for name in previous_key(entity)),
    )

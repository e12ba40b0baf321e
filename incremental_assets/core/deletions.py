"""Whether so much disappeared at once that a person should look before it becomes true.

Refusing is the caller's act, the words for it are in ``refusals``; here are the suspicions.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from incremental_assets.core.change import GONE, Change
from incremental_assets.core.diff import Frames
from incremental_assets.core.entities import COLUMNS, ENTITIES, PROCEDURES, SCHEMAS, TABLES
from incremental_assets.core.losses import (
    GONE_SCHEMA,
    PLACE,
    SIDES,
    amounts,
    beyond,
    gone_objects,
    keys_of,
)

What = Literal["share", "schema", "database", "empty listing", "source"]

# Ordinary migrations of small catalogs drop one or two routines or columns, which are a large share
# there. Tables have no such floor.
FEW = 3


@dataclass(frozen=True)
class Suspicion:
    """One reason to stop. ``database`` and ``schema`` are empty where it concerns more."""

    what: What
    entity: str
    database: str
    schema: str
    gone: int
    of: int
    text: str


@dataclass(frozen=True)
class Share:
    """How many objects of an entity are gone, of so many."""

    entity: str
    gone: int
    of: int

    def is_too_much(self, percent: float) -> bool:
        """Whether it is strictly more; of fewer than ``FEW`` it is not, unless it is of tables, or
        ``percent`` is 0, which lets nothing go."""
        counts = self.entity == TABLES.name or self.gone >= FEW or not percent
        return bool(self.gone) and counts and self.gone * 100 > percent * self.of


@dataclass(frozen=True)
class Verdict:
    """Findings (none: go on), what is gone (``GONE_SCHEMA``; containers first), how many of that
    are not accepted, and the shares from which other percentages make other findings."""

    suspicions: tuple[Suspicion, ...]
    gone: pl.DataFrame
    beyond: int
    shares: tuple[Share, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether the head has to stay."""
        return bool(self.suspicions)

    def facts(self) -> dict[str, Any]:
        """What ``would_stand`` has to know of a refusal, as plain JSON values."""
        return {
            "shares": {share.entity: [share.gone, share.of] for share in self.shares},
            "other": [finding.text for finding in self.suspicions if finding.what != "share"],
        }


def nothing_gone() -> Verdict:
    """The verdict on nothing."""
    return Verdict((), pl.DataFrame(schema=GONE_SCHEMA), 0)


def would_stand(facts: Mapping[str, Any], percent: float) -> bool:
    """Whether a refusal with these ``facts`` would be one with this percentage too."""
    shares = (Share(entity, *amounts) for entity, amounts in facts["shares"].items())
    return bool(facts["other"]) or any(share.is_too_much(percent) for share in shares)


def guard(
    base: Frames,
    current: Frames,
    changes: Frames,
    *,
    percent: float,
    left_out: pl.DataFrame | None = None,
    accepted: pl.DataFrame | None = None,
    doubt: str | None = None,
) -> Verdict:
    """Judge what is gone.

    Args:
        base: the base version's entities; columns are counted by their tables.
        current: the entities as they would be.
        changes: the diff of the two.
        percent: strictly more than this share of the connection's tables, of its procedures, or
            of the columns of tables that stay, is too much.
        left_out: what the options left out of the tables; it proves that a schema can be seen.
        accepted: what the last refused extraction recorded (``GONE_SCHEMA``), if a person accepted
            it; None if nobody did. Anything gone beyond it is refused again.
        doubt: why the source may not be the one the base version was read from, or not as far on;
            then whatever is gone is too much.
    """
    seen = keys_of(current, TABLES, "column_count")
    if left_out is not None:
        seen = pl.concat([seen, left_out.select(TABLES.key)], how="diagonal")
    # An empty listing is suspicious even if the filters are said to explain it.
    gone = gone_objects(changes, (Change.DELETED,) if seen.height else GONE)
    if gone.is_empty():
        return nothing_gone()
    lost = amounts(base, current, changes, gone, seen)
    shares = tuple(
        Share(name, int(frame["gone"].sum()), int(frame["of"].sum()))
        for name, frame in lost.items()
        if name != SCHEMAS.name
    )
    found = tuple(_findings(lost, shares, percent))
    if doubt:
        had = sum(share.of for share in shares if share.entity != COLUMNS.name)
        found = (Suspicion("source", "", "", "", gone.height, had, doubt), *found)
    unaccepted = beyond(gone, accepted)
    return Verdict(found if unaccepted else (), gone, unaccepted, shares)


def _findings(
    lost: Mapping[str, pl.DataFrame], shares: tuple[Share, ...], percent: float
) -> Iterator[Suspicion]:
    unlisted = [share for share in shares if _is_unlisted(share, lost[share.entity])]
    for share in unlisted:
        text = f"the listing is empty; the state has {counted(share.of, share.entity)}"
        yield Suspicion("empty listing", share.entity, "", "", share.gone, share.of, text)
    for share in shares:
        if share not in unlisted and share.is_too_much(percent):
            text = f"{_gone_of_all(share)} are gone, more than {percent:g} %"
            yield Suspicion("share", share.entity, "", "", share.gone, share.of, text)
    # Where no table is left anywhere, there is no place to name.
    judged = set(lost) - {share.entity for share in unlisted if share.entity == TABLES.name}
    databases = list(_emptied("database", lost, judged))
    yield from databases
    told = {finding.database for finding in databases}
    for finding in _emptied("schema", lost, judged - {SCHEMAS.name}):
        if finding.database not in told:
            yield finding


def _is_unlisted(share: Share, places: pl.DataFrame) -> bool:
    enough = {TABLES.name: 1, PROCEDURES.name: FEW}.get(share.entity)
    return enough is not None and share.gone >= enough and not places["left"].sum()


def _emptied(
    what: Literal["database", "schema"], lost: Mapping[str, pl.DataFrame], judged: set[str]
) -> Iterator[Suspicion]:
    """Places that lost objects of a judged entity and have none of it now.

    That fewer than ``FEW`` are gone is a finding for tables, and for routines where the place has
    no tables left either.
    """
    place = PLACE[: PLACE.index(what) + 1]
    sums = pl.concat(
        frame.group_by(place).agg(pl.col(SIDES).sum()).with_columns(entity=pl.lit(name))
        for name, frame in lost.items()
    )
    entity, inside = pl.col("entity"), pl.col("entity").is_in([TABLES.name, PROCEDURES.name])
    bare = pl.col("left").filter(inside).sum().over(place) == 0
    enough = (entity == TABLES.name) | (pl.col("gone") >= FEW)
    enough |= (entity == PROCEDURES.name) & pl.col("bare")
    emptied = (
        sums.with_columns(bare=bare)
        .filter((pl.col("gone") > 0) & (pl.col("left") == 0) & entity.is_in(judged))
        .filter(enough.any().over(place) & (enough | pl.col("bare")))
    )
    for _, rows in emptied.sort(place).group_by(place, maintain_order=True):
        yield _place_finding(what, rows)


def _place_finding(what: Literal["database", "schema"], rows: pl.DataFrame) -> Suspicion:
    order = [TABLES.name, PROCEDURES.name, COLUMNS.name, SCHEMAS.name]
    found = {row["entity"]: row for row in rows.iter_rows(named=True)}
    first, *others = [found[name] for name in order if name in found]
    database, schema = first["database"], first.get("schema", "")
    place = f"database {database!r}"
    place = f"schema {schema!r} of {place}" if what == "schema" else place
    inside = [one for one in (first, *others) if one["entity"] in (TABLES.name, PROCEDURES.name)]
    told = ", ".join(
        f"{one['gone']} of its {counted(one['of'], one['entity'])}" for one in inside or [first]
    )
    left = "nothing" if first["bare"] else f"no {ENTITIES[first['entity']].singular}"
    text = f"{left} is left of {place} ({told} gone)"
    return Suspicion(what, first["entity"], database, schema, first["gone"], first["of"], text)


def _gone_of_all(share: Share) -> str:
    of = " of tables that stay" if share.entity == COLUMNS.name else ""
    return f"{share.gone} of {counted(share.of, share.entity)}{of}"


def counted(number: int, entity: str) -> str:
    """``1 table``, ``2 tables``."""
    return f"{number} {ENTITIES[entity].singular if number == 1 else entity}"

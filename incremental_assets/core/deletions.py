"""Whether so much disappeared at once that a person should look before it becomes true.

Refusing is the caller's act; here are the suspicions and the words for them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl

from incremental_assets.core.change import GONE, Change
from incremental_assets.core.entities import TABLES
from incremental_assets.core.names import path_of

What = Literal["share", "schema", "database", "empty listing", "grants", "source"]
NAMED = 10


@dataclass(frozen=True)
class Suspicion:
    """One reason to stop. ``database`` and ``schema`` are empty where it concerns more."""

    what: What
    database: str
    schema: str
    gone: int
    of: int
    text: str


@dataclass(frozen=True)
class Verdict:
    """Findings (none: go on), the keys of what is gone, and how many of them are not accepted."""

    suspicions: tuple[Suspicion, ...]
    gone: pl.DataFrame
    beyond: int

    @property
    def refused(self) -> bool:
        """Whether the head has to stay."""
        return bool(self.suspicions)


def guard(
    base_tables: pl.DataFrame,
    plan: pl.DataFrame,
    *,
    percent: float,
    left_out: pl.DataFrame | None = None,
    accepted: pl.DataFrame | None = None,
    doubt: str | None = None,
) -> Verdict:
    """Judge the tables that are gone.

    Args:
        base_tables: the base version's tables.
        plan: as classified (batches do not matter).
        percent: strictly more of the connection's tables than this is too much.
        left_out: what the options left out of the listing; it proves that a schema can be seen.
        accepted: database, schema, table of what the last refused extraction recorded, if a person
            accepted it; None if nobody did. Anything gone beyond it is refused again.
        doubt: why the source may not be the one the base version was read from, or not as far on;
            then whatever is gone is too much.
    """
    seen = plan.filter(~pl.col("change").is_in(GONE)).select(TABLES.key)
    if left_out is not None:
        seen = pl.concat([seen, left_out.select(TABLES.key)])
    # An empty listing is suspicious even if the filters are said to explain it.
    words = [Change.DELETED] if seen.height else GONE
    gone = plan.filter(pl.col("change").is_in(words)).select(TABLES.key)
    suspicions = tuple(_findings(base_tables, gone, seen, percent)) if gone.height else ()
    if doubt and gone.height:
        suspicions = (
            Suspicion("source", "", "", gone.height, base_tables.height, doubt),
            *suspicions,
        )
    beyond = gone if accepted is None else gone.join(accepted, on=TABLES.key, how="anti")
    return Verdict(suspicions if beyond.height else (), gone, beyond.height)


def _findings(
    base: pl.DataFrame, gone: pl.DataFrame, seen: pl.DataFrame, percent: float
) -> Iterator[Suspicion]:
    total, lost = base.height, gone.height
    if not seen.height:
        text = f"the listing is empty; the state has {_tables(total)}"
        yield Suspicion("empty listing", "", "", lost, total, text)
        return
    if lost * 100 > percent * total:
        text = f"{lost} of {_tables(total)} are gone, more than {percent:g} %"
        yield Suspicion("share", "", "", lost, total, text)
    databases = _emptied(base, gone, seen, ["database"])
    for database, lost, total in databases.iter_rows():
        text = f"nothing is left of database {database!r} ({lost} of its {_tables(total)} gone)"
        yield Suspicion("database", database, "", lost, total, text)
    schemas = _emptied(base, gone, seen, ["database", "schema"])
    for database, schema, lost, total in (
        schemas.join(databases, on="database", how="anti").sort("database", "schema").iter_rows()
    ):
        place = f"schema {schema!r} of database {database!r}"
        text = f"nothing is left of {place} ({lost} of its {_tables(total)} gone)"
        yield Suspicion("schema", database, schema, lost, total, text)


def _emptied(
    base: pl.DataFrame, gone: pl.DataFrame, seen: pl.DataFrame, place: list[str]
) -> pl.DataFrame:
    """Places that lost tables and have none now: place, gone, of."""
    return (
        gone.group_by(place)
        .agg(gone=pl.len())
        .join(seen.select(place), on=place, how="anti")
        .join(base.group_by(place).agg(of=pl.len()), on=place, how="left")
        .sort(place)
    )


def _tables(number: int) -> str:
    return "1 table" if number == 1 else f"{number} tables"


def refusal_message(verdict: Verdict, connection: str) -> str:
    """What would go and the two ways on, for people."""
    return (
        f"Connection {connection!r}: too much disappeared at once, so nothing was changed. "
        f"Findings: {reasons(verdict)}. Would be deleted: {_listed(verdict.gone, connection)}\n"
        "If they still exist, give the login its grants (or the filters their schemas) back, or "
        "let the address lead to the right server, and refresh again. If they are really gone, "
        "accept exactly this list:\n"
        f"  incremental-assets refresh {connection} --accept-deletions\n"
        "or in the launchpad:\n"
        f"  ops: {{{connection}__extraction: {{config: {{accept_deletions: true}}}}}}"
    )


def reasons(verdict: Verdict) -> str:
    """The first suspicions, and how many more there are."""
    told = "; ".join(finding.text for finding in verdict.suspicions[:NAMED])
    more = len(verdict.suspicions) - NAMED
    return f"{told}; and {more} more" if more > 0 else told


def _listed(gone: pl.DataFrame, connection: str) -> str:
    """The first names, and how to see the others."""
    names = ", ".join(map(path_of, gone.head(NAMED).iter_rows()))
    if gone.height <= NAMED:
        return f"{names}."
    return (
        f"{names} and {gone.height - NAMED} more. This lists all of them:\n"
        f"  incremental-assets refresh {connection} --dry-run"
    )

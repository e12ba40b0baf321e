"""What the guard says to people when it refuses: findings, what would go, and the two ways on.

What is too much is decided in ``deletions``.
"""

from collections.abc import Mapping

import polars as pl

from incremental_assets.core.deletions import Verdict, counted
from incremental_assets.core.diff_lines import object_name
from incremental_assets.core.entities import ENTITIES

NAMED = 10


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
        f"  {_config(connection)}"
    )


def acceptance(connection: str) -> str:
    """How a refusal is accepted, in one line."""
    return (
        f"To accept what would be deleted: incremental-assets refresh {connection} "
        f"--accept-deletions, or the job {connection}_refresh with {_config(connection)} in its "
        "launchpad."
    )


def _config(connection: str) -> str:
    return f"ops: {{{connection}__extraction: {{config: {{accept_deletions: true}}}}}}"


def reasons(verdict: Verdict) -> str:
    """The first suspicions, and how many more there are."""
    told = "; ".join(finding.text for finding in verdict.suspicions[:NAMED])
    more = len(verdict.suspicions) - NAMED
    return f"{told}; and {more} more" if more > 0 else told


def gone_counts(gone: pl.DataFrame) -> Mapping[str, int]:
    """How many objects of every entity are gone."""
    found = dict(gone["entity"].value_counts().iter_rows())
    return {name: int(found.get(name, 0)) for name in ENTITIES}


def gone_names(gone: pl.DataFrame, first: int) -> pl.DataFrame:
    """Kind and name of the first objects that are gone."""
    rows = [
        (ENTITIES[row["entity"]].singular, object_name(ENTITIES[row["entity"]], row))
        for row in gone.head(first).iter_rows(named=True)
    ]
    return pl.DataFrame(rows, schema=["what", "name"], orient="row")


def _listed(gone: pl.DataFrame, connection: str) -> str:
    """How many objects of each entity, with the first names, and how to see the others."""
    told, room = [], NAMED
    for entity, number in gone_counts(gone).items():
        if number:
            names = gone_names(gone.filter(entity=entity), room)["name"].to_list()
            room -= len(names)
            told.append(_some(counted(number, entity), names, number - len(names)))
    if gone.height <= NAMED:
        return f"{'; '.join(told)}."
    return (
        f"{'; '.join(told)}. This lists all of them:\n"
        f"  incremental-assets refresh {connection} --dry-run"
    )


def _some(count: str, names: list[str], more: int) -> str:
    if not names:
        return count
    return f"{count}: {', '.join(names)}" + (f" and {more} more" if more else "")

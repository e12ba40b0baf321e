"""What a sink is given, and what it has to be able to do; making deliveries is no matter of this.

Frames have the columns of the state's files (their names are the contract) and are lazy.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

import polars as pl

Step = TypeVar("Step")
Frames = Mapping[str, pl.LazyFrame]


@dataclass(frozen=True)
class Delivery:
    """One version of a connection, whole (a snapshot) or as what changed since ``previous``.

    Every mapping has all five entities, by name; one that the version does not have is empty.

    Attributes:
        connection: its name.
        dialect: the name of its database product, ``postgresql`` for instance.
        version: the number, for people; numbers start again where a state was removed.
        identity: the version's, for good (hexadecimal). A delivery may come twice: what was done
            for this identity need not be done again.
        previous: the identity of the version that this sink had last; None if it had none.
        is_snapshot: the state replaces all that the sink has of the connection.
        begins_anew: a snapshot, and it is not known what the sink has, or does not matter: somebody
            asked for the whole state once more.
        marker: the state is known to be true as of then.
        created_at: when the version was made.
        extraction: the id of the extraction that read it.
        state: the whole version; key columns, then attributes.
        changes: rows of a diff (key, change, attribute, before, after, previous_<key>) that lead
            from what the sink had to the state; where it begins anew everything is CREATED.
        upserts: whole rows of ``state`` that are new or of which anything differs, also where only
            their table has another name. In a snapshot, all of them.
        removals: keys that the sink has and ``state`` has not, with ``change`` (DELETED,
            OUT_OF_SCOPE, RENAMED) and for what was renamed its key in ``state`` as ``new_<key>``.
            In a snapshot, as far as it is known what the sink has.
        datasets: rows of ``state["tables"]`` of which anything differs, a column for instance.
        affected_views: rows of views that name a table which differs: what they read may be
            something else now. A view may be in ``datasets`` too.
        lineage: what views read, given a frame with their keys (database, schema, table): a row
            with source_schema, source_table for each table, and with column and source_column too
            for each column that a column comes from, as far as definitions tell. Reading
            definitions takes time: ask for some thousand tables at once, and only if needed.
        proceed: raises where nothing more may be delivered from here, because somebody else has
            begun to, or nobody wants it any more. Who delivers in several steps calls it between.
    """

    connection: str
    dialect: str
    version: int
    identity: str
    previous: str | None
    is_snapshot: bool
    begins_anew: bool
    marker: datetime
    created_at: datetime
    extraction: str
    summary: Mapping[str, Mapping[str, int]]
    state: Frames
    changes: Frames
    upserts: Frames
    removals: Frames
    datasets: pl.LazyFrame
    affected_views: pl.LazyFrame
    lineage: Callable[[pl.DataFrame], pl.DataFrame]
    proceed: Callable[[], None] = field(default=lambda: None, repr=False)

    def paced(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The steps, for as long as one may ``proceed``."""
        for step in steps:
            self.proceed()
            yield step


class Sink(Protocol):
    """Somewhere to publish to."""

    @property
    def name(self) -> str:
        """Its name among the connection's sinks: small letters, digits, underscores."""
        ...

    def publish(self, delivery: Delivery) -> Mapping[str, Any] | None:
        """Take one version; once this returns, the sink has it for good.

        Deliveries come in the order of the versions, one at a time. One may come again, whole,
        after it was interrupted anywhere or its answer was lost.

        Returns:
            Figures for people, if there are any: ``{"entities": 12}``.

        Raises:
            SinkUnavailable: it is tried again later.
            SinkRefused: a person has to do something first; it is tried again later all the same.
        """
        ...

"""One step's view of the extraction it works for: its record, its base version, its frames.

Finds the extraction that a step belongs to. What is done with the frames is decided in ``core``
and wired in ``assets``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dagster as dg
import polars as pl

from incremental_assets.config.connection import Connection
from incremental_assets.core.change import Change, Comparison
from incremental_assets.core.entities import COLUMNS, ENTITIES
from incremental_assets.core.errors import ExtractionClosed, NoOpenExtraction
from incremental_assets.core.plan import batch_count
from incremental_assets.core.reconcile import REPORT_SCHEMA
from incremental_assets.core.scope import Scope
from incremental_assets.naming import EXTRACTION_TAG
from incremental_assets.steps.stored import scan_of
from incremental_resources.state_store.documents import FORMAT
from incremental_resources.state_store.extraction import Extraction
from incremental_resources.state_store.head import HeadRef
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version

BACKFILL_TAG = "dagster/backfill"
# The working file that says so.
SEVERAL_STARTS = "several_starts"


@dataclass(frozen=True)
class Refresh:
    """An extraction with all that its steps read; frames are written once and then reused."""

    connection: Connection
    store: StateStore
    extraction: Extraction

    @property
    def record(self) -> Mapping[str, Any]:
        """What ``extraction`` recorded when it opened this one."""
        return self.extraction.record

    @property
    def unchanged(self) -> bool:
        """Whether the probe proved that there is nothing to list."""
        return bool(self.record["mode"] == "unchanged")

    @property
    def committed(self) -> bool:
        """Whether the head was moved and that was recorded."""
        return self.extraction.state == "committed"

    @cached_property
    def base_head(self) -> HeadRef | None:
        """HEAD as it was when this extraction began."""
        return self.extraction.base

    @cached_property
    def base(self) -> Version | None:
        """The version this extraction compares with; None where there was no head."""
        return self.store.version(self.base_head.head.ref) if self.base_head else None

    @cached_property
    def scope(self) -> Scope:
        """The scope this extraction was opened with."""
        return Scope.from_json(self.record["scope"])

    @cached_property
    def comparison(self) -> Comparison:
        """How this extraction and its base version were taken."""
        dialect, base = self.connection.dialect(), self.base
        return Comparison(
            scope=self.scope,
            base_scope=Scope.from_json(base.manifest.scope) if base else None,
            marker=self.base_head.head.marker if self.base_head else None,
            left_out=self.frame("listings/left_out"),
            outdated=self.outdated,
            durable_ids=dialect.durable_ids and self.record["ids_last"],
            durable_ordinals=dialect.durable_ordinals and self.record["ids_last"],
            creation_times=dialect.creation_times,
        )

    @property
    def outdated(self) -> bool:
        """Whether the base version has an older format, so that all of it is read again."""
        return self.base is not None and self.base.manifest.format < FORMAT

    def once(self, name: str, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """The working file ``name``; ``make`` is only called where it is not there yet."""
        if not self.extraction.exists(name):
            self.extraction.write(name, make())
        return self.frame(name)

    def frame(self, name: str) -> pl.DataFrame:
        """The working file ``name``, whole."""
        return self.extraction.read(name).collect()

    @cached_property
    def plan(self) -> pl.DataFrame:
        """Every table of the listing and of the base version, with its change and its batch."""
        return self.frame("plan")

    def base_frame(self, entity: str) -> pl.DataFrame:
        """An entity as the base version has it."""
        return self.previous[entity].collect()

    @cached_property
    def previous(self) -> Mapping[str, pl.LazyFrame]:
        """The base version's entities; empty ones where there is no base version."""
        kept = self.base.entities if self.base else ()
        return {
            name: scan_of(self.base, entity)
            if self.base and name in kept
            else entity.empty().lazy()
            for name, entity in ENTITIES.items()
            if name in kept or name in self.scope.entities
        }

    @property
    def current(self) -> Mapping[str, pl.LazyFrame]:
        """The entities as this extraction leaves them."""
        return {name: self.current_scan(name) for name in self.scope.entities}

    def current_scan(self, entity: str) -> pl.LazyFrame:
        """One entity as this extraction leaves it."""
        if entity == COLUMNS.name and self.base and self.columns_carried:
            return self.base.scan(entity)
        return self.extraction.read(f"state/{entity}")

    @property
    def columns_carried(self) -> bool:
        """Whether every column is the base version's: nothing was read, moved or gone."""
        return (
            self.base is not None
            and not self.outdated
            and bool(
                (self.plan["change"] == Change.NO_CHANGE).all() and not self.plan["reread"].any()
            )
        )

    @cached_property
    def report(self) -> pl.DataFrame:
        """The tables whose columns must be read again; none where no columns are kept."""
        unread = self.unchanged or COLUMNS.name not in self.scope.entities
        return pl.DataFrame(schema=REPORT_SCHEMA) if unread else self.frame("report")

    @property
    def same(self) -> bool:
        """Whether the base version says all that this extraction found."""
        return self.unchanged or bool(self.extraction.read_json("diff/summary")["same"])

    @property
    def written(self) -> bool:
        """Whether there is a new version, committed or not, or none is needed."""
        if self.unchanged:
            return True
        compared = self.extraction.exists_json("diff/summary")
        return compared and (self.same or self.extraction.exists_json("candidate"))

    def batch_name(self, number: int) -> str:
        """The working file of a batch."""
        return f"batches/{number:04d}"

    def outstanding(self) -> list[int]:
        """The batches of the plan whose file is not there yet."""
        numbers = range(batch_count(self.plan))
        return [n for n in numbers if not self.extraction.exists(self.batch_name(n))]

    def batches(self) -> list[pl.LazyFrame]:
        """The columns of every batch of the plan, in the plan's order."""
        numbers = range(batch_count(self.plan))
        return [self.extraction.read(self.batch_name(number)) for number in numbers]


def of_step(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
    connection: Connection,
    store: StateStore,
    *,
    or_committed: bool = False,
) -> Refresh:
    """The refresh that an unpartitioned step belongs to, if it is still open.

    Raises:
        NoOpenExtraction: there is none.
        ExtractionClosed: it is over.
    """
    refresh = Refresh(connection, store, store.extraction(_extraction_id(context, store)))
    if not (or_committed and refresh.committed):
        stop_if_closed(refresh)
    return refresh


def of_head(connection: Connection, store: StateStore) -> Refresh | None:
    """The committed refresh that the head names; None if there is none, or retention removed it."""
    head = store.head()
    kept = {extraction.id: extraction for extraction in store.extractions()}
    made = kept.get(head.head.extraction) if head else None
    return Refresh(connection, store, made) if made and made.state == "committed" else None


def of_id(extraction_id: str, connection: Connection, store: StateStore) -> Refresh:
    """The refresh of an extraction that is named by a partition key."""
    return Refresh(connection, store, store.extraction(extraction_id))


def why_closed(refresh: Refresh) -> str | None:
    """Why an extraction is over, in words; None while it is open."""
    state = refresh.record["state"]
    if state != "open":
        return f"it is {state}"
    if refresh.record["format"] != FORMAT:
        return "another release of incremental-assets opened it"
    now = refresh.store.head()
    if now and now.head.extraction == refresh.extraction.id:
        return None
    if now != refresh.base_head:
        return "another refresh has moved the head since it began"
    return None


def stop_if_closed(refresh: Refresh) -> None:
    """Refuse to work for an extraction that can never be committed."""
    reason = why_closed(refresh)
    if reason:
        raise ExtractionClosed(
            f"extraction {refresh.extraction.id} of {refresh.connection.name} is closed: {reason}. "
            f"Run the job {refresh.connection.name}_refresh: it opens a new one."
        )


def _extraction_id(context: dg.AssetExecutionContext, store: StateStore) -> str:
    """The run's own extraction, its nearest ancestor's, its backfill's, else the latest open."""
    instance, run = context.instance, context.instance.get_run_by_id(context.run.run_id)
    tagged = run
    while tagged:
        if EXTRACTION_TAG in tagged.tags:
            return str(tagged.tags[EXTRACTION_TAG])
        parent = tagged.parent_run_id
        tagged = instance.get_run_by_id(parent) if parent else None
    backfill = run.tags.get(BACKFILL_TAG) if run else None
    for extraction in reversed(store.extractions()):
        if backfill and extraction.record["backfill_id"] == backfill:
            return extraction.id
        if not backfill and extraction.state == "open":
            return extraction.id
    raise NoOpenExtraction(
        f"no extraction of {store.connection} is open. Run the job {store.connection}_refresh: "
        "it opens one and takes it to the end."
    )

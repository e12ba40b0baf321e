"""Reading column batches from the source, a few at a time, each into a working file of its own.

Which tables a batch holds is decided in ``core/plan.py``. A batch whose file is there is done: a
retry, a re-execution and a person's click all read only what is missing.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Protocol

import dagster as dg
import polars as pl

from incremental_assets.config.connection import Connection
from incremental_assets.core.entities import COLUMNS, TABLES, conform
from incremental_assets.core.errors import BatchesFailed
from incremental_assets.core.plan import batch_count, batch_key, split_batch_key, tables_of_batch
from incremental_assets.instance.claims import add_tags
from incremental_assets.instance.runs import report_failed_partition
from incremental_assets.naming import BATCH_TAG, EXTRACTION_TAG
from incremental_assets.steps.listing import listed_at, note_starts
from incremental_assets.steps.refresh import Refresh, of_id, why_closed
from incremental_resources.source.source import Source
from incremental_resources.state_store.errors import ExtractionMissing
from incremental_resources.state_store.store import StateStore


@dataclass(frozen=True)
class Batch:
    """One batch that was read: its number, its tables, rows, the seconds it took."""

    number: int
    tables: int
    rows: int
    seconds: float


class Progress(Protocol):
    """Whoever wants to know how far the batches are; the default is not to tell anybody."""

    def begin(self, batches: int) -> None:
        """So many batches are going to be read."""

    def advance(self, batch: Batch) -> None:
        """One more is there."""


class NoProgress:
    """Progress that nobody watches."""

    def begin(self, batches: int) -> None:
        """Tell nobody."""

    def advance(self, batch: Batch) -> None:
        """Tell nobody."""


def read_batches(
    context: dg.AssetExecutionContext,
    step: Refresh,
    source: Source,
    numbers: Sequence[int],
    *,
    progress: Progress | None = None,
    as_partitions: bool = False,
) -> list[Batch]:
    """Read the batches ``numbers``, each reported as a partition of ``column_batches``.

    ``as_partitions``: the running step is ``column_batches`` itself, where the framework reports
    every partition that succeeds and only its metadata is added here.

    Raises:
        BatchesFailed: some could not be read; the others are kept.
    """
    watcher = progress or NoProgress()
    watcher.begin(len(numbers))
    done: list[Batch] = []
    failed: dict[int, Exception] = {}
    pinned = source.pinned_to(listed_at(step))
    with ThreadPoolExecutor(step.connection.options.batches_at_once) as pool:
        running = {pool.submit(read_batch, step, pinned, number): number for number in numbers}
        try:
            for future in as_completed(running):
                error = future.exception()
                if error is None:
                    done.append(future.result())
                    watcher.advance(done[-1])
                elif isinstance(error, Exception):
                    failed[running[future]] = error
                else:
                    raise error
        except BaseException:
            # An interrupt does not wait for batches that have not begun.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    # What follows needs no source for as long as it lasts.
    source.close()
    note_starts(step, pinned)
    _report(context, step, done, as_partitions=as_partitions and not failed)
    if failed:
        if not as_partitions:
            _report_failed(context, step, failed)
        raise _failure(step, failed)
    return done


def read_batch(step: Refresh, source: Source, number: int) -> Batch:
    """Read one batch into its working file; nothing is asked of the source if it is there."""
    started = time.monotonic()
    tables = tables_of_batch(step.plan, number)
    name = step.batch_name(number)
    if not step.extraction.exists(name):
        frames = source.columns(tables["database"][0], tables, COLUMNS.schema)
        rows = pl.concat([COLUMNS.empty(), *frames])
        # A table that took another's name meanwhile is that other batch's: one writer per key.
        mine = rows.join(tables, on=TABLES.key, how="semi")
        step.extraction.write(name, conform(COLUMNS, mine))
    count = step.extraction.read(name).select(pl.len()).collect().item()
    return Batch(number, tables.height, int(count), time.monotonic() - started)


def _report(
    context: dg.AssetExecutionContext, step: Refresh, done: Sequence[Batch], *, as_partitions: bool
) -> None:
    key = dg.AssetKey([step.connection.name, "column_batches"])
    for batch in sorted(done, key=lambda batch: batch.number):
        partition = batch_key(step.extraction.id, batch.number)
        facts = {
            "dagster/row_count": batch.rows,
            "tables": batch.tables,
            "seconds": round(batch.seconds, 3),
            "attempt": context.retry_number + 1,
        }
        if as_partitions:
            context.add_asset_metadata(facts, asset_key=key, partition_key=partition)
        else:
            context.log_event(
                dg.AssetMaterialization(asset_key=key, partition=partition, metadata=facts)
            )


def _report_failed(context: dg.AssetExecutionContext, step: Refresh, failed: Iterable[int]) -> None:
    key = dg.AssetKey([step.connection.name, "column_batches"])
    for number in failed:
        report_failed_partition(context, key, batch_key(step.extraction.id, number))


def _failure(step: Refresh, failed: dict[int, Exception]) -> BatchesFailed:
    told = "\n".join(
        f"- {batch_key(step.extraction.id, number)}: {type(error).__name__}: {error}"
        for number, error in sorted(failed.items())
    )
    return BatchesFailed(
        f"{len(failed)} of {batch_count(step.plan)} batches of {step.connection.name} failed; "
        "the others are kept. Re-execute the run from failure, or materialize the failed "
        f"partitions of column_batches and then columns: only these are read again.\n{told}",
        transient=all(getattr(error, "transient", False) for error in failed.values()),
    )


def batches_of_keys(
    context: dg.AssetExecutionContext, connection: Connection, store: StateStore
) -> Iterator[tuple[Refresh, list[int]]]:
    """The open extractions that the run's partition keys name, and which batches of them.

    Raises:
        BatchesFailed: the run's range of partitions holds no key at all (Dagster takes a reversed
            range for an empty one and would call that a success), or one that is no batch.
    """
    by_extraction = _by_extraction(connection, context.partition_keys)
    _tag(context, connection, list(by_extraction))
    for extraction_id, numbers in by_extraction.items():
        try:
            step = of_id(extraction_id, connection, store)
            reason = why_closed(step)
        except ExtractionMissing:
            reason = "its working files are gone"
        if reason:
            context.log.info("Nothing to do: extraction %s is closed (%s).", extraction_id, reason)
        else:
            yield step, numbers


def _by_extraction(connection: Connection, keys: Sequence[str]) -> dict[str, list[int]]:
    batches = {key: split_batch_key(key) for key in keys}
    if by_hand := [key for key, batch in batches.items() if batch is None]:
        raise BatchesFailed(
            f"{', '.join(map(repr, by_hand))} of column_batches of {connection.name} is no batch: "
            "somebody added it by hand. Batches are added by column_plan and named <extraction "
            "id>-<4 digits>. Choose those only; what was added by hand may be deleted.",
            transient=False,
        )
    if not batches:
        raise BatchesFailed(
            f"no batch of {connection.name} was named. Choose partitions of column_batches.",
            transient=False,
        )
    found: dict[str, list[int]] = {}
    for extraction_id, number in filter(None, batches.values()):
        found.setdefault(extraction_id, []).append(number)
    return found


def _tag(
    context: dg.AssetExecutionContext, connection: Connection, extractions: Sequence[str]
) -> None:
    """Let the run say for which extraction it reads, where it is one."""
    run = context.instance.get_run_by_id(context.run.run_id)
    if run and len(extractions) == 1 and EXTRACTION_TAG not in run.tags:
        tags = {EXTRACTION_TAG: extractions[0], BATCH_TAG: connection.name}
        add_tags(context.instance, run.run_id, tags)

"""Writing a version nobody sees yet, and moving the head to it.

Whether it may be committed is decided by ``checks``; how a head moves, by the store.
"""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from incremental_assets.core.plan import split_batch_key
from incremental_assets.instance.runs import is_backfilled
from incremental_assets.naming import partitions_name
from incremental_assets.steps.due import kept_for_sinks, unlogged_from
from incremental_assets.steps.refresh import SEVERAL_STARTS, Refresh
from incremental_resources.errors import ResourceError
from incremental_resources.state_store.head import Head, HeadRef, VersionRef
from incremental_resources.state_store.version import Version

KEPT_EXTRACTIONS = 2


def candidate(step: Refresh) -> Version | None:
    """The version that ``current_state`` wrote; None where the base version stays."""
    if step.same or not step.extraction.exists_json("candidate"):
        return None
    return step.store.version(VersionRef.model_validate(step.extraction.read_json("candidate")))


def write_candidate(step: Refresh) -> Version:
    """Write the new version's files and its manifest; found again by ``candidate``."""
    written = candidate(step)
    if written:
        return written
    base = step.base
    staged = step.store.stage_version(step.extraction, parent=base)
    for entity in step.scope.entities:
        if entity == "columns" and base and step.columns_carried:
            staged.adopt_from_parent(entity)
        else:
            staged.adopt_from_extraction(entity, f"state/{entity}")
    found = step.extraction.read_json("diff/summary")
    for name in step.extraction.names("diff"):
        staged.adopt_from_extraction(name)
    staged.write_summary(found["changes"])
    version = staged.finish(
        created_at=datetime.now(UTC),
        marker=datetime.fromisoformat(step.record["marker"]),
        probe=probe_to_keep(step),
        dialect=step.connection.dialect().name,
        scope=step.record["scope"],
        changes=found["changes"],
        source=source_to_keep(step),
    )
    step.extraction.write_json("candidate", version.ref.model_dump(mode="json"))
    return version


def probe_to_keep(step: Refresh) -> str | None:
    """The probe, unless something was left unread: then the next refresh has to list again."""
    return step.record["probe"] if step.report.is_empty() else None


def source_to_keep(step: Refresh) -> dict[str, Any]:
    """The server and how far it was, with the marker of the last full extraction."""
    before = step.base_head.head.source.get("full_at") if step.base_head else None
    full_at = step.record["marker"] if step.record["mode"] == "full" else before
    kept = {**step.record["source"], "full_at": full_at}
    if step.extraction.exists_json(SEVERAL_STARTS):
        del kept["restart"]
    return kept


def commit(step: Refresh) -> HeadRef:
    """Move the head. Whatever comes after this is done in ``commit_stands``.

    Raises:
        StateConflict: another extraction moved it first; nothing was changed.
        CommitUnknown: the store did not answer; look at the head first.
    """
    now = step.store.head() if step.committed else None
    return now or step.store.move_head(new_head(step), step.base_head)


@contextmanager
def commit_stands(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, failed: str
) -> Iterator[None]:
    """After the head has moved no error fails the run: the log says what ``failed``, and why."""
    try:
        yield
    except ResourceError as error:
        context.log.warning("The refresh is committed, but %s: %s", failed, error)
    except Exception:  # noqa: BLE001 - whatever it is, the state has moved on
        # Dagster's event log keeps no traceback but one that is in the text.
        told = traceback.format_exc().strip()
        context.log.warning("The refresh is committed, but %s.\n%s", failed, told)


def new_head(step: Refresh) -> Head:
    """The head as the extraction wants it."""
    version = candidate(step) or step.base
    if version is None:
        raise RuntimeError("no version was written")
    record = step.record
    return Head.at(
        version.ref,
        marker=datetime.fromisoformat(record["marker"]),
        probe=probe_to_keep(step),
        extraction=step.extraction.id,
        source=source_to_keep(step),
    )


def clean_up(context: dg.AssetExecutionContext, step: Refresh) -> None:
    """Close the extraction and remove what retention does not keep; else the next refresh does."""
    with commit_stands(context, "its extraction could not be closed"):
        step.extraction.close("committed")
    with commit_stands(context, "old versions and working files were not removed"):
        keep_from, also = kept_for_sinks(step.connection, step.store)
        waiting = (keep_from, unlogged_from(step.connection, step.store))
        keep_from = min((one for one in waiting if one is not None), default=None)
        step.store.prune(
            step.connection.options.retain_versions,
            KEPT_EXTRACTIONS,
            keep_from=keep_from,
            also=also,
        )
    with commit_stands(context, "the partitions of old batches were not removed"):
        _prune_partitions(context.instance, step)


def _prune_partitions(instance: dg.DagsterInstance, step: Refresh) -> None:
    """Delete the partition keys of extractions whose working files are gone, and no others.

    Not while a backfill of the connection is going on: Dagster fails it if keys that it names are
    deleted. The next refresh deletes them.
    """
    if is_backfilled(instance, step.connection.name):
        return
    name = partitions_name(step.connection.name)
    kept = {extraction.id for extraction in step.store.extractions()}
    for key in instance.get_dynamic_partitions(name):
        batch = split_batch_key(key)
        if batch and batch[0] not in kept:
            instance.delete_dynamic_partition(name, key)

"""Writing a version nobody sees yet, and moving the head to it.

Whether it may be committed is decided by ``checks``; how a head moves, by the store.
"""

from datetime import UTC, datetime

import dagster as dg

from incremental_assets.core.plan import split_batch_key
from incremental_assets.partitions import partitions_name
from incremental_assets.refresh import Refresh
from incremental_assets.runs import is_backfilled
from resources.state_store.head import Head, HeadRef, VersionRef
from resources.state_store.version import Version

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
    )
    step.extraction.write_json("candidate", version.ref.model_dump(mode="json"))
    return version


def probe_to_keep(step: Refresh) -> str | None:
    """The probe, unless something was left unread: then the next refresh has to list again."""
    return step.record["probe"] if step.report.is_empty() else None


def commit(step: Refresh) -> HeadRef:
    """Move the head, close the extraction, remove what retention does not keep.

    Raises:
        StateConflict: another extraction moved it first; nothing was changed.
        CommitUnknown: the store did not answer; look at the head first.
    """
    now = step.store.head() if step.committed else None
    moved = now or step.store.move_head(new_head(step), step.base_head)
    step.extraction.close("committed")
    step.store.prune(
        keep_versions=step.connection.options.retain_versions, keep_extractions=KEPT_EXTRACTIONS
    )
    return moved


def new_head(step: Refresh) -> Head:
    """The head as the extraction wants it."""
    version = candidate(step) or step.base
    if version is None:
        raise RuntimeError("no version was written")
    record = step.record
    before = step.base_head.head.source.get("full_at") if step.base_head else None
    full_at = record["marker"] if record["mode"] == "full" else before
    return Head.at(
        version.ref,
        marker=datetime.fromisoformat(record["marker"]),
        probe=probe_to_keep(step),
        extraction=step.extraction.id,
        source={**record["source"], "full_at": full_at},
    )


def prune_partitions(instance: dg.DagsterInstance, step: Refresh) -> None:
    """Delete the partition keys of extractions whose working files are gone.

    Not while a backfill of the connection is going on: Dagster fails it if keys that it names are
    deleted. The next refresh deletes them.
    """
    if is_backfilled(instance, step.connection.name):
        return
    name, kept = partitions_name(step.connection.name), set(step.store.extractions())
    for key in instance.get_dynamic_partitions(name):
        if split_batch_key(key)[0] not in kept:
            instance.delete_dynamic_partition(name, key)

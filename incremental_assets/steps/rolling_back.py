"""Going back to an earlier version: a new one that equals it, committed like any other.

Whether a refresh is going on is looked at by the command; how a head moves is the store's matter.
"""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from incremental_assets.core.compare import diff_schema
from incremental_assets.core.diff import Diff, summary
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.errors import VersionUnfit
from incremental_assets.steps.comparing import changes_between, same_source, sources_of
from incremental_assets.steps.judging import damages
from incremental_resources.source.dialect import Dialect
from incremental_resources.state_store.errors import ObjectMissing, StateCorrupt, VersionMissing
from incremental_resources.state_store.head import Head, HeadRef
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version, stored_versions


@dataclass(frozen=True)
class RolledBack:
    """What a rollback came to; ``recovered`` if the version it replaces could not be its parent."""

    version: Version
    target: Version
    head: HeadRef
    recovered: bool
    trusted: bool


def roll_back(store: StateStore, dialect: Dialect, number: int) -> RolledBack | None:
    """Commit a new version that equals version ``number``; None if that is the current one.

    Its diff is against the current version. Where that one, or a manifest between the two, is
    damaged, its parent is version ``number`` itself and its diff is empty; the versions between
    are not reached any more. HEAD gets the marker of version ``number`` and no probe.

    Raises:
        VersionMissing: there is no such version.
        StateCorrupt: it is damaged itself.
        VersionUnfit: its copy is.
        StateConflict: somebody else moved HEAD meanwhile; nothing was changed.
    """
    head = store.head()
    if head is None:
        raise VersionMissing(f"{store.connection} has no version yet: nothing to go back to.")
    line = _line(store, head, number)
    target = line[-1] if line else _salvaged(store, number)
    target.verify()
    if number == head.head.version:
        return None
    parent = line[0] if line and not line[0].disagreements() else None
    trusted = bool(line) and same_source([head.head.source, *sources_of(line)])
    changes = _nothing(target)
    if parent:
        changes = changes_between(parent, target, dialect, trusted=trusted)
    version = _written(store, head, target, parent, changes, trusted=trusted)
    if problems := damages(version):
        raise VersionUnfit(
            f"{store.connection}: what was copied of version {number} is not committed: "
            f"{'; '.join(problems)}. HEAD was not moved. See that the store keeps what is written "
            "to it, then go back again, or choose another version."
        )
    moved = store.move_head(_head_at(version, target), head)
    return RolledBack(version, target, moved, recovered=parent is None, trusted=trusted)


def _line(store: StateStore, head: HeadRef, number: int) -> list[Version]:
    """The versions from HEAD's down to ``number``; empty if a manifest on the way is damaged."""
    line: list[Version] = []
    try:
        version: Version | None = store.version(head.head.ref)
        while version is not None:
            line.append(version)
            if version.number == number:
                return line
            version = version.parent()
    except (StateCorrupt, ObjectMissing):
        return []
    there = ", ".join(str(one.number) for one in reversed(line))
    raise VersionMissing(f"{store.connection} has no version {number}. There is: {there}.")


def _salvaged(store: StateStore, number: int) -> Version:
    """The version of that number where HEAD does not lead to it any more."""
    there = list(stored_versions(store.objects, store.connection))
    found = [version for version in there if version.number == number]
    if len(found) == 1:
        return found[0]
    if found:
        folders = ", ".join(version.folder for version in found)
        raise StateCorrupt(
            f"{store.connection}: HEAD does not lead to version {number} any more, and there are "
            f"several of that number ({folders}). Restore the damaged manifest from a backup, or "
            "choose another version."
        )
    numbers = ", ".join(str(one) for one in sorted({version.number for version in there})) or "none"
    raise VersionMissing(f"{store.connection} has no version {number}. There is: {numbers}.")


def _nothing(target: Version) -> Diff:
    return {name: pl.DataFrame(schema=diff_schema(ENTITIES[name])) for name in target.entities}


def _written(
    store: StateStore,
    head: HeadRef,
    target: Version,
    parent: Version | None,
    changes: Diff,
    *,
    trusted: bool,
) -> Version:
    now, counts = datetime.now(UTC), summary(changes)
    staged = store.stage_version(
        f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}",
        parent=parent or target,
        number=head.head.version + 1,
    )
    for entity in target.entities:
        staged.adopt_from(target, entity)
    for entity, rows in changes.items():
        staged.write(f"diff/{entity}", rows)
    staged.write_summary(counts)
    return staged.finish(
        created_at=now,
        marker=target.manifest.marker,
        probe=None,
        dialect=target.manifest.dialect,
        scope=target.manifest.scope,
        changes=counts,
        source=_source(head, target, trusted=trusted),
        rolled_back_to=target,
        replaces=None if parent else head.head.ref,
    )


def _source(head: HeadRef, target: Version, *, trusted: bool) -> dict[str, Any]:
    """The source as HEAD has it, but what dates the target's tokens is the target's."""
    then = target.manifest.source or {}
    dated = {name: then[name] for name in ("full_at", "restart") if name in then}
    kept = {name: value for name, value in head.head.source.items() if name != "restart"}
    return {**kept, "full_at": None, **dated, "foreign_ids": not trusted}


def _head_at(version: Version, target: Version) -> Head:
    return Head.at(
        version.ref,
        marker=target.manifest.marker,
        probe=None,
        extraction=version.manifest.extraction,
        source=version.manifest.source or {},
    )

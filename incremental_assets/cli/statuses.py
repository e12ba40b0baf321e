"""How a connection is doing, and its versions: plain values, as ``--json`` prints them.

Reads HEAD, manifests and the instance's runs. What is told of it to people is in ``inspect``.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import dagster as dg

from incremental_assets.cli.last_runs import last_error, running
from incremental_assets.config.connection import Connection
from incremental_assets.core.marker import age
from incremental_assets.instance.commits import last_commit
from incremental_assets.steps.publishing import Published, standing
from incremental_assets.steps.watch import breaks_of
from incremental_resources.errors import ResourceError
from incremental_resources.state_store.cursors import Failure
from incremental_resources.state_store.documents import moment_text
from incremental_resources.state_store.head import Head
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version

UNKNOWN: Mapping[str, Any] = {
    "version": None,
    "marker": None,
    "age_seconds": None,
    "counts": {},
    "last_change": None,
    "running": None,
    "last_error": None,
    "watch": [],
    "sinks": [],
}


def status_of(
    connection: Connection, store: StateStore, instance: dg.DagsterInstance | None, now: datetime
) -> dict[str, Any]:
    """One connection; what is not known is null, and ``watch`` has the rules that fail."""
    found = store.head()
    head = found and found.head
    status = {
        "name": store.connection,
        **UNKNOWN,
        "watch": breaks_of(connection, store),
        "sinks": sinks_of(connection, store),
    }
    if head:
        status |= _standing(store, head, now)
    if instance:
        status["running"] = running(instance, store.connection)
        status["last_error"] = last_error(instance, store.connection, head)
        gone = head is None and last_commit(instance, store.connection, store.uri)
        if gone and not status["last_error"]:
            status["last_error"] = f"StateGone: {gone.missed(store.connection)}"
    return status


def sinks_of(connection: Connection, store: StateStore) -> list[dict[str, Any]]:
    """Every configured sink: the version it has, whether it is behind, and why."""
    return [facts_of(_sink_of(store, sink.sink_name, sink.kind)) for sink in connection.sinks]


def _sink_of(store: StateStore, name: str, kind: str) -> Published:
    try:
        return standing(store, name, kind)
    except ResourceError as error:
        now = datetime.now(UTC)
        told = Failure(
            since=now, at=now, attempts=0, error=type(error).__name__, message=str(error)
        )
        return Published(name, kind, behind=True, failed=told)


def facts_of(now: Published) -> dict[str, Any]:
    """How one sink stands, as JSON has it."""
    failed = now.failed
    return {
        "name": now.sink,
        "kind": now.kind,
        "version": now.version,
        "behind": now.behind,
        "publishing": now.busy,
        "published_at": now.published_at and moment_text(now.published_at),
        "failing_since": failed and moment_text(failed.since),
        "attempts": failed.attempts if failed else 0,
        "error": failed.message if failed else None,
    }


def unreadable(name: str, error: Exception) -> dict[str, Any]:
    """A connection whose state cannot be read."""
    return {"name": name, **UNKNOWN, "last_error": f"{type(error).__name__}: {error}"}


def versions_of(store: StateStore) -> list[dict[str, Any]]:
    """Every version that is kept, newest first; the first is the current one."""
    found = store.head()
    versions = [_facts(version) for version in store.history()]
    if found and versions and versions[0]["version"] == found.head.version:
        versions[0]["marker"] = moment_text(found.head.marker)
    return versions


def _standing(store: StateStore, head: Head, now: datetime) -> dict[str, Any]:
    versions = store.history()
    current = next(versions)
    # As far back as needed: what is older may be many, or damaged.
    changes = filter(None, map(_change, chain([current], versions)))
    return {
        "version": current.number,
        "marker": moment_text(head.marker),
        "age_seconds": round(age(head.marker, now).total_seconds(), 3),
        "counts": current.manifest.counts,
        "last_change": next(changes, None),
    }


def _change(version: Version) -> dict[str, Any] | None:
    changes = _told(version)
    if not changes:
        return None
    at = moment_text(version.manifest.created_at)
    return {"version": version.number, "at": at, "changes": changes}


def _facts(version: Version) -> dict[str, Any]:
    manifest = version.manifest
    return {
        "version": version.number,
        "parent": manifest.parent and manifest.parent.version,
        "rolled_back_to": manifest.rolled_back_to and manifest.rolled_back_to.version,
        "created_at": moment_text(manifest.created_at),
        "marker": moment_text(manifest.marker),
        "changes": _told(version),
        "counts": manifest.counts,
        "bytes": sum(entry.bytes for entry in manifest.files),
    }


def _told(version: Version) -> dict[str, dict[str, int]]:
    """The changes without the zeros."""
    kept = {
        entity: {change: count for change, count in changes.items() if count}
        for entity, changes in version.manifest.changes.items()
    }
    return {entity: changes for entity, changes in kept.items() if changes}

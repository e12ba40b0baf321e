"""How the connections are doing, and their versions: read from the stores, told as plain values.

Reads nothing but HEAD and manifests. What is printed of it is in ``inspect``.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from incremental_assets.failures import Ours
from incremental_assets.cli.last_runs import last_error, running
from resources.state_store.documents import moment_text
from resources.state_store.head import HeadRef
from resources.state_store.store import StateStore
from resources.state_store.version import Version

import dagster as dg

UNKNOWN: Mapping[str, Any] = {
    "version": None,
    "marker": None,
    "age_seconds": None,
    "counts": {},
    "last_change": None,
    "running": None,
    "last_error": None,
    "sinks": [],
}


def status_of(store: StateStore, instance: dg.DagsterInstance | None, now: datetime) -> dict[str, Any]:
    """One connection; what is not known is null."""
    head = store.head()
    status = {"name": store.connection, **UNKNOWN, **_standing(store, head, now)}
    if instance is not None:
        status["running"] = running(instance, store.connection)
        status["last_error"] = last_error(instance, store.connection, head and head.head)
    return status


def unreadable(name: str, error: Exception) -> dict[str, Any]:
    """A connection whose state cannot be read."""
    return {"name": name, **UNKNOWN, "last_error": f"{type(error).__name__}: {error}"}

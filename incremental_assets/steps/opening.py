"""Opening an extraction: the preflight, the readings that come before every listing, the mode.

The order matters and is kept here: identity, clock, probe, then (in later steps) the listings, each
from a server that is not behind the one before, so that the marker is never ahead of what was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import polars as pl

from incremental_assets.config.connection import Connection
from incremental_assets.config.run_config import ExtractionConfig
from incremental_assets.core.entities import TABLES
from incremental_assets.core.errors import StateGone
from incremental_assets.core.marker import (
    Fingerprint,
    foreign_ids,
    must_be_full,
    must_list,
    other_server,
    regranted,
)
from incremental_assets.core.scope import Scope
from incremental_assets.instance.claims import add_tags
from incremental_assets.instance.commits import last_commit
from incremental_assets.naming import CONNECTION_TAG, EXTRACTION_TAG, plan_job_name
from incremental_assets.steps.metadata import names_of
from incremental_assets.steps.refresh import BACKFILL_TAG, Refresh
from incremental_assets.steps.stored import scan_of
from incremental_resources.source.errors import CapabilityMissing
from incremental_resources.source.source import Source
from incremental_resources.state_store.documents import FORMAT
from incremental_resources.state_store.extraction import Extraction
from incremental_resources.state_store.head import HeadRef
from incremental_resources.state_store.store import StateStore


@dataclass(frozen=True)
class Preflight:
    """What the preflight found, all of it before anything is written."""

    version: str
    databases: list[str]
    head: HeadRef | None
    identity: Mapping[str, Any]
    source: Source

    def facts(self) -> dict[str, Any]:
        """For the check's metadata."""
        return {"server version": self.version, "databases": names_of(self.databases)}


def preflight(connection: Connection, source: Source, store: StateStore) -> Preflight:
    """Log in, ask for the version, see what the filters admit, read HEAD, try the store.

    Raises:
        ResourceError: any of it failed; nothing has been written.
    """
    # First of all: what is found must not be behind the head, which moves.
    head, identity = store.head(), source.identity()
    pinned = source.pinned_to(identity)
    version, databases = pinned.version(), pinned.databases(_stored_databases(store, head))
    if not databases:
        raise CapabilityMissing(
            f"{connection.name}: the filters admit no database of the server. Databases are "
            "matched whole and case-sensitively; fix `include` and `exclude`."
        )
    store.check()
    return Preflight(version, databases, head, identity, pinned)


def _stored_databases(store: StateStore, head: HeadRef | None) -> list[str]:
    if head is None:
        return []
    stored = store.version(head.head.ref).scan("databases")
    return stored.select("database").collect()["database"].to_list()


def open_extraction(
    context: dg.AssetExecutionContext,
    config: ExtractionConfig,
    connection: Connection,
    store: StateStore,
    found: Preflight,
) -> Refresh:
    """Read clock and probe, decide the mode, record it all, and tag the run with the extraction.

    A retry of the step goes on with the extraction that its first attempt opened.

    Raises:
        StateGone: there is no version, Dagster knows of one, and nobody accepted that.
    """
    run = context.instance.get_run_by_id(context.run.run_id)
    if context.retry_number and (opened := _opened_by(context.run.run_id, store)):
        return Refresh(connection, store, _tag(context, opened))
    if found.head is None and not config.accept_new_state:
        _stop_if_state_is_gone(context.instance, store)
    # Before the probe: a state that this one finds whole must not get what is granted later.
    clock, grants = found.source.clock(), found.source.grants()
    probe = found.source.probe(found.databases)
    # No later session may be behind the one that asked for the probe.
    identity = found.source.reached | grants
    scope = connection.scope()
    reason = why_full(connection, found.head, identity, clock, asked=config.full)
    mode, why = _mode(store, found.head, reason, scope, identity, probe)
    if mode == "unchanged":
        found.source.close()
    record = {
        "mode": mode,
        "mode_reason": why,
        "base": found.head and found.head.model_dump(mode="json"),
        "run_id": context.run.run_id,
        "fan_out": context.run.job_name == plan_job_name(connection.name),
        "backfill_id": run and run.tags.get(BACKFILL_TAG),
        "marker": clock.isoformat(),
        "probe": probe,
        "source": identity,
        "databases": found.databases,
        **_doubts(found.head and found.head.head.source, identity),
        "scope": scope.to_json(),
        "reason": config.reason,
        "accept_deletions": config.accept_deletions,
    }
    return Refresh(connection, store, _tag(context, _recorded(context, store, record)))


def _doubts(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> dict[str, Any]:
    """What may make something look gone, or look like something else, that is still there."""
    doubt = before and other_server(before, now)
    return {
        "doubt": doubt,
        "regranted": before and regranted(before, now),
        "ids_last": not (doubt or (before and foreign_ids(before))),
    }


def _stop_if_state_is_gone(instance: dg.DagsterInstance, store: StateStore) -> None:
    if known := last_commit(instance, store.connection, store.uri):
        raise StateGone(known.missed(store.connection))


def _opened_by(run_id: str, store: StateStore) -> Extraction | None:
    """What an earlier try of the same step opened."""
    found = (one for one in reversed(store.extractions()) if one.record["run_id"] == run_id)
    return next(found, None)


def why_full(
    connection: Connection,
    head: HeadRef | None,
    identity: Mapping[str, Any],
    clock: datetime,
    *,
    asked: bool = False,
) -> str | None:
    """Why a refresh from ``head`` has to read everything, in words; None if it need not."""
    return must_be_full(
        head_source=head.head.source if head else None,
        source=identity,
        head_marker=head.head.marker if head else None,
        clock=clock,
        last_full_at=_full_at(head.head.source) if head else None,
        reconcile_every_days=connection.options.reconcile_every_days,
        asked=asked,
    )


def _recorded(
    context: dg.AssetExecutionContext, store: StateStore, record: dict[str, Any]
) -> Extraction:
    now = datetime.now(UTC)
    extraction_id = f"{now:%Y%m%dT%H%M%SZ}-{context.run.run_id[:8]}"
    opened_at = now.isoformat(timespec="microseconds")
    return store.open_extraction(extraction_id, {"opened_at": opened_at, **record})


def _tag(context: dg.AssetExecutionContext, extraction: Extraction) -> Extraction:
    # Runs that are launched from an asset's page have none of the job's tags.
    tags = {EXTRACTION_TAG: extraction.id, CONNECTION_TAG: extraction.record["connection"]}
    add_tags(context.instance, context.run.run_id, tags)
    return extraction


def _full_at(source: Any) -> datetime | None:
    moment = source.get("full_at")
    return datetime.fromisoformat(moment) if moment else None


def _mode(
    store: StateStore,
    head: HeadRef | None,
    full_reason: str | None,
    scope: Scope,
    identity: Any,
    probe: str | None,
) -> tuple[str, str]:
    """full, incremental or unchanged, and why."""
    # Also where all is read: a state that cannot be is told before anything is written.
    reason = _why_listed(store, head, scope, identity, probe) if head else None
    if full_reason or head is None:
        return "full", full_reason or ""
    return ("incremental", reason) if reason else ("unchanged", "the probe equals the head's")


def _why_listed(
    store: StateStore, ref: HeadRef, scope: Scope, identity: Any, probe: str | None
) -> str | None:
    version = store.version(ref.head.ref)
    tokens = scan_of(version, TABLES).select(pl.col("token").null_count()).collect()
    return must_list(
        Fingerprint(
            ref.head.probe,
            version.manifest.scope,
            ref.head.source["identity"],
            version.manifest.format,
        ),
        Fingerprint(probe, scope.to_json(), identity["identity"], FORMAT),
        tokens_missing=int(tokens.item()),
    )

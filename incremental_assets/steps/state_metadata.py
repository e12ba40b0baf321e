"""What people see of a diff, a version and a head: figures only of what is committed.

Before the head has moved, what is shown says that it is not committed and has no figure that plots;
``marker`` then reports the assets before it once more, as they are in the state. How cells and
tables are written is in ``metadata``.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import polars as pl

from incremental_assets.core.diff_lines import line_of
from incremental_assets.core.diff_view import View, changes_by_schema, condensed
from incremental_assets.core.entities import TABLES
from incremental_assets.core.impact import Impact
from incremental_assets.core.names import path_of
from incremental_assets.instance.claims import add_tags
from incremental_assets.instance.event_log import log_together
from incremental_assets.naming import DATA_VERSION, OUTCOME_TAG, URI
from incremental_assets.steps.committing import candidate, commit_stands
from incremental_assets.steps.listing import LEFT_OUT
from incremental_assets.steps.metadata import (
    EXTRACTION,
    FOUND,
    LEFT_OUT_ROWS,
    NOT_COMMITTED,
    ROWS,
    SHOWN_ROWS,
    inert,
    result,
    table_of,
)
from incremental_assets.steps.refresh import Refresh
from incremental_assets.steps.rolling_back import RolledBack
from incremental_resources.state_store.head import Head, HeadRef
from incremental_resources.state_store.version import Version


def compared(refresh: Refresh, found: Mapping[str, Any]) -> dg.MaterializeResult:
    """Of a diff before the commit: what changed by entity, in words, and the first rows."""
    return _pending(
        refresh, found=_in_words(found["changes"]), changed=not found["same"], **_diff_of(refresh)
    )


def versioned(refresh: Refresh, version: Version) -> dg.MaterializeResult:
    """Of a version that was written and that nobody reads yet."""
    return _pending(refresh, changed=True, would_be=f"version {version.number}")


def kept(refresh: Refresh) -> dg.MaterializeResult:
    """Of a base version that stays."""
    return _pending(refresh, changed=False)


def _pending(refresh: Refresh, **metadata: Any) -> dg.MaterializeResult:
    facts = {"committed": False, "extraction": refresh.extraction.id}
    named = {name.replace("_", " "): value for name, value in metadata.items()}
    return result(refresh, {**facts, **named, "note": NOT_COMMITTED})


def report_state(
    context: dg.AssetExecutionContext,
    refresh: Refresh,
    moved: HeadRef,
    impact: Impact,
    *,
    changed: bool,
) -> None:
    """Say in the run's tags how it ended, and show the assets before ``marker`` as committed."""
    with commit_stands(context, "what is committed could not be shown"):
        told = f"version {moved.head.version}" if changed else "nothing changed"
        add_tags(context.instance, context.run.run_id, {OUTCOME_TAG: told})
        events = [
            *_listed_events(context.instance, refresh, moved, changed=changed),
            *_committed_events(refresh, moved, impact, changed=changed),
        ]
        log_together(context.instance, context.log_event, events)


def _listed_events(
    instance: dg.DagsterInstance, refresh: Refresh, moved: HeadRef, *, changed: bool
) -> Iterator[dg.AssetMaterialization]:
    """The entities as they are in the state now, and what was told when they were read."""
    version = candidate(refresh) if changed else refresh.base
    if refresh.unchanged or version is None:
        return
    for entity in version.manifest.counts:
        facts = {
            ROWS: version.manifest.counts[entity],
            "committed": True,
            "version": moved.head.version,
            EXTRACTION: refresh.extraction.id,
        }
        if entity == TABLES.name:
            facts[LEFT_OUT_ROWS] = refresh.frame(LEFT_OUT).height
        key = dg.AssetKey([refresh.connection.name, entity])
        told = _told_before(instance, key, refresh.extraction.id)
        yield dg.AssetMaterialization(key, metadata={**told, **facts}, tags=_as_made(refresh))


def _told_before(
    instance: dg.DagsterInstance, key: dg.AssetKey, extraction: str
) -> Mapping[str, Any]:
    """What stays true of an asset when its extraction is committed; maybe another run told it."""
    event = instance.get_latest_materialization_event(key)
    told = event.asset_materialization.metadata if event and event.asset_materialization else {}
    if EXTRACTION not in told or told[EXTRACTION].value != extraction:
        return {}
    return {name: value for name, value in told.items() if name not in (FOUND, "note")}


def _committed_events(
    refresh: Refresh, moved: HeadRef, impact: Impact, *, changed: bool
) -> Iterator[dg.AssetMaterialization]:
    """``incremental_diff`` and ``current_state`` as they are in the state now."""
    if refresh.unchanged:
        # Both had the base version's figures already.
        return
    name, version = refresh.connection.name, candidate(refresh) if changed else refresh.base
    if version is None:
        return
    facts = {
        "committed": True,
        "changed": changed,
        "version": moved.head.version,
        "extraction": refresh.extraction.id,
    }
    changes = version.manifest.changes if changed else {}
    counts = {
        f"{entity} {change}": count
        for entity, by_change in changes.items()
        for change, count in by_change.items()
    }
    total = {"changes": sum(counts.values()), **counts}
    yield dg.AssetMaterialization(
        [name, "incremental_diff"],
        metadata={
            **facts,
            **total,
            **_diff_of(refresh),
            **_read_by(impact),
            **_all_of(refresh, version),
        },
        tags=_as_made(refresh),
    )
    yield dg.AssetMaterialization(
        [name, "current_state"],
        metadata={**facts, **_figures(refresh, version)},
        tags=_as_made(refresh),
    )


def _as_made(refresh: Refresh) -> Mapping[str, str]:
    """The data version that the step gave the asset: it is told once more, and not made anew."""
    return {DATA_VERSION: refresh.extraction.id}


def _figures(refresh: Refresh, version: Version) -> dict[str, Any]:
    files = version.manifest.files
    return {
        **version.manifest.counts,
        "bytes": sum(entry.bytes for entry in files),
        "files": len(files),
        URI: f"{refresh.store.uri}/{version.folder}",
    }


def committed(refresh: Refresh, moved: HeadRef, *, changed: bool) -> dg.MaterializeResult:
    """Of a moved head. Its data version stays where nothing changed, for automation conditions."""
    return dg.MaterializeResult(
        data_version=dg.DataVersion(_data_version(moved.head)),
        metadata={
            "version": moved.head.version,
            "marker": dg.MetadataValue.timestamp(moved.head.marker),
            "revision": moved.head.revision,
            "committed": True,
            "changed": changed,
            "extraction": moved.head.extraction,
            URI: f"{refresh.store.uri}/HEAD",
        },
    )


def _data_version(head: Head) -> str:
    """The version that the head stands at; the hash tells states apart that began at 1 again."""
    return f"{head.version}-{head.sha256[:8]}"


def rolled_back(connection: str, uri: str, done: RolledBack) -> list[dg.AssetMaterialization]:
    """Of a head that was moved by a rollback, which is no run."""
    head, version = done.head.head, done.version
    facts = {
        "version": head.version,
        "committed": True,
        "changed": True,
        "rolled back to": done.target.number,
        "extraction": head.extraction,
    }
    marker = {
        "marker": dg.MetadataValue.timestamp(head.marker),
        "revision": head.revision,
        URI: f"{uri}/HEAD",
    }
    counts = version.manifest.counts
    listed = [(entity, {ROWS: count}) for entity, count in counts.items()]
    told = f"Rollback to version {done.target.number}."
    state = {**counts, URI: f"{uri}/{version.folder}"}
    return [
        dg.AssetMaterialization(
            [connection, asset], description=told, metadata={**facts, **more}, tags=tags
        )
        for asset, more, tags in (
            *((entity, figures, {}) for entity, figures in listed),
            ("current_state", state, {}),
            ("marker", marker, {DATA_VERSION: _data_version(head)}),
        )
    ]


def _in_words(changes: Mapping[str, Mapping[str, int]]) -> str:
    told = [
        f"{entity}: {count:,} {change}"
        for entity, by_change in changes.items()
        for change, count in by_change.items()
        if count
    ]
    return ", ".join(told) or "no change"


def _diff_of(refresh: Refresh) -> dict[str, Any]:
    """How many objects changed in which schema, and the first rows of every entity that has any."""
    names = [name for name in refresh.extraction.names("diff") if not name.endswith("summary")]
    diffs = {
        name.removeprefix("diff/"): refresh.extraction.read(name)
        for name in names
        if refresh.base is not None
    }
    if not any(rows.select(pl.len()).collect().item() for rows in diffs.values()):
        return {}
    shown = {"changes by schema": table_of(changes_by_schema(diffs))}
    for name, view in condensed(diffs).items():
        rows = int(view.rows.select(pl.len()).collect().item())
        if rows:
            shown[f"first changed {name}"] = _lines_of(view, rows)
        if view.not_listed:
            shown[f"{name} not listed"] = dg.MetadataValue.text(inert(view.not_listed))
    return shown


def _read_by(impact: Impact) -> dict[str, Any]:
    """The views that read columns that changed: how many, and which read what."""
    if not impact:
        return {}
    views = {column: [path_of(view) for view in found] for column, found in impact.items()}
    lines = [(path_of(column), len(found), ", ".join(found)) for column, found in views.items()]
    return {
        "views that read changed columns": len(
            {view for found in views.values() for view in found}
        ),
        "changed columns read by views": table_of(
            pl.DataFrame(lines, schema=["column", "views", "which"], orient="row")
        ),
    }


def _all_of(refresh: Refresh, version: Version) -> dict[str, str]:
    """Where all rows of the diff are."""
    name = refresh.connection.name
    return {
        "all of it": f"incremental-assets diff {name} --version {version.number} --limit 0",
        URI: f"{refresh.store.uri}/{version.folder}/diff",
    }


def _lines_of(view: View, rows: int) -> dg.MarkdownMetadataValue:
    """The first rows of an entity's diff as `diff` shows them on the command line."""
    first = view.rows.head(SHOWN_ROWS).collect()
    lines = [line_of(view.entity, row) for row in first.iter_rows(named=True)]
    headings = ["change", view.entity.singular, "what"]
    return table_of(pl.DataFrame(lines, schema=headings, orient="row"), rows=rows)

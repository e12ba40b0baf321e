"""Whether a watch rule holds: the state against the rule's baseline, and taking a new one.

What counts as a break is decided in ``core.watch``; where baselines are kept, in the state store.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, takewhile
from typing import Any

import polars as pl

from incremental_assets.config.connection import Connection
from incremental_assets.config.watch import WatchRule
from incremental_assets.core.apply import apply
from incremental_assets.core.change import Change, Comparison
from incremental_assets.core.compare import diff_schema
from incremental_assets.core.diff import diff
from incremental_assets.core.entities import COLUMNS, DATABASES, ENTITIES, TABLES, completed
from incremental_assets.core.errors import UnknownObject
from incremental_assets.core.scope import LEFT_OUT_SCHEMA, Scope
from incremental_assets.core.watch import (
    Finding,
    Judgement,
    about,
    concerned,
    judged,
    of_tables,
)
from incremental_assets.steps.comparing import same_source
from incremental_assets.steps.stored import diff_frame, scan_of
from incremental_resources.state_store.baselines import Baseline, Baselines, Kept
from incremental_resources.state_store.documents import moment_text
from incremental_resources.state_store.errors import StateConflict, SwapRefused
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version

NEW = "the rule is new"
NEW_PATTERN = "its pattern is new"
Break = Mapping[str, Any]


def evaluated(
    connection: Connection,
    store: StateStore,
    rule: WatchRule,
    version: Version,
    before: Version | None = None,
) -> Baseline:
    """The rule's record once ``version`` has been compared with its baseline.

    Args:
        connection: whose rule it is.
        store: its state.
        rule: the rule.
        version: the current version.
        before: what the baseline of a rule without one is taken from; default: ``version``.
    """
    baselines = Baselines(store.objects, store.connection)
    kept = baselines.read(rule.check_name)
    if kept is None or kept.baseline.pattern != rule.pattern:
        taken = _taken(baselines, rule, before or version, NEW if kept is None else NEW_PATTERN)
        kept = _written(baselines, rule, taken, kept)
    now = kept.baseline
    if now.evaluated == version.ref.sha256 and now.kinds == list(rule.on):
        return now
    before_it = {
        name: completed(ENTITIES[name], rows).collect()
        for name, rows in baselines.frames(now).items()
    }
    found = _judged(connection, rule, version, now, before_it)
    told: dict[str, Any] = {
        "evaluated": version.ref.sha256,
        "kinds": list(rule.on),
        "breaks": _since(found.findings, now.breaks, version),
    }
    if any(rows.height for rows in found.harmless.values()):
        frames = apply(before_it, found.harmless) | {
            DATABASES.name: scan_of(version, DATABASES).collect()
        }
        told |= {
            "files": baselines.store(frames),
            "scope": version.manifest.scope,
            "source": version.manifest.source,
        }
    return _written(baselines, rule, now.model_copy(update=told), kept).baseline


def acknowledged(store: StateStore, rule: WatchRule, reason: str) -> Baseline | None:
    """Take the current version for the rule's baseline; None where there is no version.

    Raises:
        StateConflict: somebody else wrote the rule's record meanwhile.
    """
    version = store.current()
    if version is None:
        return None
    baselines = Baselines(store.objects, store.connection)
    kept = baselines.read(rule.check_name)
    taken = _taken(baselines, rule, version, reason or "acknowledged")
    settled = taken.model_copy(
        update={"evaluated": version.ref.sha256, "kinds": list(rule.on), "breaks": []}
    )
    if _written(baselines, rule, settled, kept).baseline.files != taken.files:
        raise StateConflict(
            f"{store.connection}: the rule {rule.check_name} was evaluated or acknowledged by "
            "somebody else at the same time, so that nothing was acknowledged. Look at what it "
            "says now, then acknowledge again."
        )
    return settled


def tidy_up(store: StateStore) -> None:
    """Remove what was kept for baselines that never came to be."""
    Baselines(store.objects, store.connection).sweep()


def breaks_of(connection: Connection, store: StateStore) -> list[dict[str, Any]]:
    """Every rule that failed when it was last evaluated, with what broke it."""
    baselines = Baselines(store.objects, store.connection)
    kept = ((rule, baselines.read(rule.check_name)) for rule in connection.watch)
    return [
        {"rule": rule.check_name, "severity": rule.severity, "breaks": found.baseline.breaks}
        for rule, found in kept
        if found and found.baseline.breaks
    ]


def rules_named(connection: Connection, names: Sequence[str]) -> list[WatchRule]:
    """The connection's rules of these names, all without any. Raises UnknownObject."""
    known = {rule.check_name: rule for rule in connection.watch}
    known |= {rule.name: rule for rule in connection.watch if rule.name}
    unknown = [name for name in names if name not in known]
    if unknown or not known:
        there = ", ".join(rule.check_name for rule in connection.watch) or "none"
        told = f"no watch rule {unknown[0]!r}" if unknown else "no watch rules"
        raise UnknownObject(f"{connection.name} has {told}. There is: {there}.")
    return [known[name] for name in names] or list(connection.watch)


def _written(baselines: Baselines, rule: WatchRule, now: Baseline, kept: Kept | None) -> Kept:
    """The record as it is stored after the swap; where somebody else was first, theirs."""
    refused = False
    try:
        baselines.write(rule.check_name, now, kept)
    except SwapRefused:
        refused = True
    found = baselines.read(rule.check_name)
    # A swap that was tried again after an answer was lost is refused because of itself.
    if refused and (found is None or found.baseline.files != now.files):
        baselines.forget(now, kept)
    if found is None:
        raise RuntimeError(f"the record of {rule.check_name} went while it was written")
    return found


def _taken(baselines: Baselines, rule: WatchRule, version: Version, reason: str) -> Baseline:
    tables = about(scan_of(version, TABLES).collect(), rule.tables, rule.databases)
    frames = {DATABASES.name: scan_of(version, DATABASES).collect(), TABLES.name: tables}
    if version.has(COLUMNS.name):
        frames[COLUMNS.name] = of_tables(scan_of(version, COLUMNS), tables)
    return Baseline(
        pattern=rule.pattern,
        version=version.number,
        marker=version.manifest.marker,
        taken_at=datetime.now(UTC),
        reason=reason,
        files=baselines.store(frames),
        scope=version.manifest.scope,
        source=version.manifest.source,
    )


def _judged(
    connection: Connection,
    rule: WatchRule,
    version: Version,
    baseline: Baseline,
    before: Mapping[str, pl.DataFrame],
) -> Judgement:
    dialect = connection.dialect()
    trusted = same_source([version.manifest.source, baseline.source])
    comparison = Comparison(
        scope=Scope.from_json(version.manifest.scope),
        base_scope=Scope.from_json(baseline.scope),
        durable_ids=dialect.durable_ids and trusted,
        durable_ordinals=dialect.durable_ordinals and trusted,
        left_out=_left_out(version, baseline),
    )
    every, databases = scan_of(version, TABLES).collect(), scan_of(version, DATABASES).collect()
    tables = concerned(
        every,
        about(every, rule.tables, rule.databases),
        before[TABLES.name],
        (before[DATABASES.name], databases) if comparison.durable_ids else None,
    )
    now = {DATABASES.name: databases, TABLES.name: tables}
    if version.has(COLUMNS.name):
        now[COLUMNS.name] = of_tables(scan_of(version, COLUMNS), tables)
    changes = diff(
        {name: before.get(name, ENTITIES[name].empty()) for name in now}, now, comparison
    )
    columns = changes.get(COLUMNS.name, pl.DataFrame(schema=diff_schema(COLUMNS)))
    return judged(changes[TABLES.name], columns, rule.on, tables)


def _left_out(version: Version, baseline: Baseline) -> pl.DataFrame:
    """What went out of scope since the baseline was last compared, as the versions' diffs tell.

    That a table is still there, although the options leave it out, is known when it is listed.
    """
    since = takewhile(
        lambda one: one.ref.sha256 != baseline.evaluated and one.number > baseline.version,
        chain([version], version.ancestors()),
    )
    gone = [
        diff_frame(one, TABLES)
        .filter(pl.col("change") == Change.OUT_OF_SCOPE)
        .select(
            *(pl.coalesce(f"previous_{name}", name).alias(name) for name in TABLES.key),
            native_id=pl.lit(None, pl.String),
            reason=pl.lit("out of scope"),
        )
        for one in since
        if one.manifest.parent is not None
    ]
    return pl.concat([pl.DataFrame(schema=LEFT_OUT_SCHEMA).lazy(), *gone]).collect()


def _since(found: Sequence[Finding], before: Sequence[Break], version: Version) -> list[Break]:
    """The findings with the version and the time since which each of them stands."""
    known = {(one["kind"], one["object"]): one for one in before}
    here = {"since_version": version.number, "since": moment_text(version.manifest.marker)}
    kept = ("since_version", "since")
    return [
        one.to_json()
        | (
            {name: known[one.kind, one.object][name] for name in kept}
            if (one.kind, one.object) in known
            else here
        )
        for one in found
    ]

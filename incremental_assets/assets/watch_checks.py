"""Watch rules as checks of ``marker``: after the commit, so that none of them keeps it back.

What a rule finds is decided in ``steps.watch``.
"""

from typing import Any

import dagster as dg
import polars as pl

from incremental_assets.assets.resource_keys import with_resources_of
from incremental_assets.config.connection import Connection
from incremental_assets.config.watch import WatchRule
from incremental_assets.naming import CONNECTION_TAG, EXTRACTION_TAG, acknowledge_job_name
from incremental_assets.steps import refresh
from incremental_assets.steps.committing import commit_stands
from incremental_assets.steps.metadata import as_markdown, table_of
from incremental_assets.steps.watch import acknowledged, evaluated, rules_named, tidy_up
from incremental_resources.state_store.baselines import Baseline
from incremental_resources.state_store.pool import States
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version

SEVERITIES = {"warn": dg.AssetCheckSeverity.WARN, "error": dg.AssetCheckSeverity.ERROR}
SHOWN = 10
HEADINGS = ("kind", "object", "what", "since_version", "since")


def watch_checks(connection: Connection) -> list[dg.AssetChecksDefinition]:
    """The checks of a connection's rules; none where it has no rules."""
    if not connection.watch:
        return []

    @dg.multi_asset_check(
        name=f"{connection.name}__watch",
        specs=[_spec(connection, rule) for rule in connection.watch],
        can_subset=True,
    )
    @with_resources_of(connection.name, in_run=True)
    def watch(context: dg.AssetCheckExecutionContext, states: dg.ResourceParam[States]):
        chosen = {check.name for check in context.selected_asset_check_keys}
        store = states[connection.name]
        for rule in connection.watch:
            if rule.check_name in chosen:
                yield _result(context, connection, store, rule)
        with commit_stands(context, "old baselines of watch rules were not removed"):
            tidy_up(store)

    return [watch]


def acknowledge_jobs(connection: Connection) -> list[Any]:
    """The job that takes the current version for the baseline of rules; none without rules."""
    if not connection.watch:
        return []

    @dg.op(
        name=f"{connection.name}__acknowledge",
        description="Take the current version for what rules compare with.",
        config_schema={
            "rules": dg.Field([str], default_value=[], description="Names; none: all of them."),
            "reason": dg.Field(str, default_value="", description="Kept with the baseline."),
        },
    )
    @with_resources_of(connection.name, in_run=True)
    def acknowledge(context: dg.OpExecutionContext, states: dg.ResourceParam[States]) -> None:
        for rule in rules_named(connection, context.op_config["rules"]):
            acknowledged(states[connection.name], rule, context.op_config["reason"])
            context.instance.report_runless_asset_event(settled(connection, rule))

    @dg.job(
        name=acknowledge_job_name(connection.name),
        description=f"Acknowledge what the watch rules of {connection.name} found.",
        tags={CONNECTION_TAG: connection.name},
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        acknowledge()

    return [job]


def settled(connection: Connection, rule: WatchRule) -> dg.AssetCheckEvaluation:
    """The event of a rule that was acknowledged."""
    return dg.AssetCheckEvaluation(
        asset_key=_key(connection),
        check_name=rule.check_name,
        passed=True,
        description="Acknowledged: the current version is what it compares with from now on.",
        severity=SEVERITIES[rule.severity],
        metadata={},
    )


def _key(connection: Connection) -> dg.AssetKey:
    return dg.AssetKey([connection.name, "marker"])


def _spec(connection: Connection, rule: WatchRule) -> dg.AssetCheckSpec:
    told = f"Tables {rule.tables}: {', '.join(rule.on)}."
    return dg.AssetCheckSpec(rule.check_name, asset=_key(connection), description=as_markdown(told))


def _result(
    context: dg.AssetCheckExecutionContext,
    connection: Connection,
    store: StateStore,
    rule: WatchRule,
) -> dg.AssetCheckResult:
    """The refresh is committed: whatever happens here is told, and fails nothing."""
    try:
        version, before = _versions(context, connection, store)
        if version is None:
            return _told(rule, passed=True, description="There is no version yet.")
        return _compared(connection, rule, evaluated(connection, store, rule, version, before))
    except Exception as error:  # noqa: BLE001 - as above
        context.log.warning("The rule %s could not be evaluated: %s", rule.check_name, error)
        told = f"It could not be evaluated: {type(error).__name__}: {error}"
        return _told(rule, passed=False, description=as_markdown(told))


def _versions(
    context: dg.AssetCheckExecutionContext, connection: Connection, store: StateStore
) -> tuple[Version | None, Version | None]:
    """The current version, and in the run that made it the one before: a rule was written then."""
    run = context.instance.get_run_by_id(context.run.run_id)
    made = refresh.of_head(connection, store)
    own = made and run and run.tags.get(EXTRACTION_TAG) == made.extraction.id
    return store.current(), made.base if made and own else None


def _compared(connection: Connection, rule: WatchRule, now: Baseline) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {
        "breaks": len(now.breaks),
        "compared with": f"version {now.version}",
        "compared with the state of": dg.MetadataValue.timestamp(now.marker),
        "because": now.reason,
    }
    if not now.breaks:
        return _told(rule, passed=True, **metadata)
    lines = [tuple(str(one[name]) for name in HEADINGS) for one in now.breaks]
    headings = [name.replace("_", " ") for name in HEADINGS]
    metadata["what broke"] = table_of(pl.DataFrame(lines, schema=headings, orient="row"))
    return _told(
        rule, passed=False, description=as_markdown(_message(connection, rule, now)), **metadata
    )


def _message(connection: Connection, rule: WatchRule, now: Baseline) -> str:
    first = min(now.breaks, key=lambda one: one["since_version"])
    count = f"{len(now.breaks)} changes" if len(now.breaks) > 1 else "1 change"
    return (
        f"{count} since version {now.version} that this rule forbids, the first since version "
        f"{first['since_version']} ({first['since']}):\n{_listed(now)}"
        "Revert at the source, or accept what is there now:\n"
        f"  incremental-assets acknowledge {connection.name} {rule.check_name}\n"
        f"or the job {acknowledge_job_name(connection.name)} in its launchpad with:\n"
        f"  ops: {{{connection.name}__acknowledge: {{config: {{rules: [{rule.check_name}]}}}}}}"
    )


def _listed(now: Baseline) -> str:
    """The first breaks, a line each, and how many more there are."""
    lines = [f"  {one['kind']} {one['object']} {one['what']}" for one in now.breaks[:SHOWN]]
    if more := len(now.breaks) - SHOWN:
        lines += [f"  and {more:,} more"] if more > 0 else []
    return "".join(f"{line}\n" for line in lines)


def _told(
    rule: WatchRule, *, passed: bool, description: str | None = None, **metadata: Any
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=rule.check_name,
        passed=passed,
        severity=SEVERITIES[rule.severity],
        description=description,
        metadata=metadata,
    )

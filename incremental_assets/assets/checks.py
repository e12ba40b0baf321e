"""The asset checks between ``current_state`` and ``marker``; the blocking ones keep the head.

Whether deletions are plausible is judged in ``core/deletions.py``.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any

import dagster as dg

from incremental_assets.assets.resource_keys import with_resources_of
from incremental_assets.config.connection import Connection
from incremental_assets.core.deletions import Verdict
from incremental_assets.core.errors import (
    ExtractionClosed,
    NoOpenExtraction,
)
from incremental_assets.core.refusals import acceptance, gone_counts, gone_names, refusal_message
from incremental_assets.instance.claims import add_tags
from incremental_assets.naming import OUTCOME_TAG
from incremental_assets.steps import refresh
from incremental_assets.steps.failures import failing_with_our_message, retries
from incremental_assets.steps.judging import (
    disagreeing_files,
    judge,
    missing_batches,
    repeated_keys,
    stop_if_suspicious,
    version_of,
)
from incremental_assets.steps.metadata import SHOWN_ROWS, failed_check, table_of
from incremental_assets.steps.refresh import Refresh
from incremental_resources.state_store.pool import States
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version

BLOCKING = {
    "keys_unique": "No two rows of an entity have the same key.",
    "batches_complete": "Every batch of the plan was read.",
    "files_agree": "Every file is what the manifest says.",
    "deletions_plausible": "Not so much is gone at once that a person has to look first.",
}
WARNING = {
    "columns_as_listed": "Every table has as many columns as the listing counted; those that "
    "differ changed meanwhile and are read again next time.",
}


def state_checks(connection: Connection) -> dg.AssetChecksDefinition:
    """The checks of one connection's ``current_state``."""
    key = dg.AssetKey([connection.name, "current_state"])

    @dg.multi_asset_check(
        name=f"{connection.name}__current_state_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=key, description=text, blocking=name in BLOCKING)
            for name, text in (BLOCKING | WARNING).items()
        ],
        # Otherwise the UI would offer none of them by itself.
        can_subset=True,
        retry_policy=retries(connection),
    )
    @with_resources_of(connection.name, in_run=True)
    @failing_with_our_message
    def current_state_checks(
        context: dg.AssetCheckExecutionContext, states: dg.ResourceParam[States]
    ):
        store = states[connection.name]
        step = _refresh(context, connection, store)
        version = version_of(step) if step else _current(store)
        chosen = {check.name for check in context.selected_asset_check_keys}
        rest = _of_step(step, version) if step else _none_of_step()
        results = chain(_of_version(version), rest)
        yield from (one for one in results if one.check_name in chosen)
        if step and (verdict := judge(step, version)).refused:
            add_tags(context.instance, context.run.run_id, {OUTCOME_TAG: "refused"})
            # The page of a run cuts the failure's message where it is long.
            context.log.error(acceptance(connection.name))
            stop_if_suspicious(step, verdict)

    return current_state_checks


def _refresh(
    context: dg.AssetCheckExecutionContext, connection: Connection, store: StateStore
) -> Refresh | None:
    """The refresh to be judged; run by themselves, the checks look at the current version again.

    None where no refresh made that one, or retention removed what is left of it.
    """
    with suppress(NoOpenExtraction, ExtractionClosed):
        step = refresh.of_step(context, connection, store, or_committed=True)
        if step.written:
            return step
    return refresh.of_head(connection, store)


def _current(store: StateStore) -> Version:
    version = store.current()
    if version is None:
        raise NoOpenExtraction(
            f"{store.connection} has no version to look at. Run the job {store.connection}_refresh:"
            " it makes one."
        )
    return version


def _of_version(version: Version | None) -> Iterator[dg.AssetCheckResult]:
    # The files first: what is read of them afterwards is what was compared.
    yield _result("files_agree", "; ".join(disagreeing_files(version)))
    yield _result("keys_unique", "; ".join(repeated_keys(version)))


def _of_step(step: Refresh, version: Version | None) -> Iterator[dg.AssetCheckResult]:
    yield _result("batches_complete", "; ".join(missing_batches(step)))
    yield _deletions_result(step, judge(step, version))
    report = step.report
    yield dg.AssetCheckResult(
        check_name="columns_as_listed",
        passed=report.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"tables": report.height, "to be read again": table_of(report)},
    )


def _none_of_step() -> Iterator[dg.AssetCheckResult]:
    """After a rollback, say: its files are all there is to look at."""
    for name in ("batches_complete", "deletions_plausible", "columns_as_listed"):
        yield dg.AssetCheckResult(
            check_name=name,
            passed=True,
            description="The current version was made by no refresh that is still on record "
            "(a rollback, say), so that there is nothing to judge.",
        )


def _deletions_result(step: Refresh, verdict: Verdict) -> dg.AssetCheckResult:
    gone, name = verdict.gone, step.connection.name
    counts = {f"gone {entity}": number for entity, number in gone_counts(gone).items()}
    shown = table_of(gone_names(gone, SHOWN_ROWS), rows=gone.height)
    refusal = refusal_message(verdict, name) if verdict.refused else ""
    return _result("deletions_plausible", refusal, **counts, gone=shown)


def _result(name: str, problem: str, **metadata: Any) -> dg.AssetCheckResult:
    if problem:
        return failed_check(name, problem, **metadata)
    return dg.AssetCheckResult(check_name=name, passed=True, metadata=metadata)

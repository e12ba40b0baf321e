"""The asset checks between ``current_state`` and ``marker``; the blocking ones keep the head.

Whether deletions are plausible is judged in ``core/deletions.py``.
"""

from collections.abc import Iterator
from contextlib import suppress

import dagster as dg
import polars as pl

from incremental_assets import refresh
from incremental_assets.committing import candidate
from incremental_assets.config import Connection
from incremental_assets.core.deletions import Verdict, guard, refusal_message
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.errors import (
    DeletionsSuspicious,
    ExtractionClosed,
    NoOpenExtraction,
)
from incremental_assets.failures import failing_plainly, retries
from incremental_assets.metadata import table_of
from incremental_assets.refresh import Refresh
from incremental_assets.resource_keys import with_resources_of
from resources.state_store.pool import States
from resources.state_store.store import StateStore
from resources.state_store.version import Version

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
REFUSED = "refused"


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
    @with_resources_of(connection.name)
    @failing_plainly
    def current_state_checks(
        context: dg.AssetCheckExecutionContext, states: dg.ResourceParam[States]
    ):
        step = _refresh(context, connection, states[connection.name])
        chosen = {check.name for check in context.selected_asset_check_keys}
        yield from (result for result in _results(step) if result.check_name in chosen)
        stop_if_suspicious(step)

    return current_state_checks


def _refresh(
    context: dg.AssetCheckExecutionContext, connection: Connection, store: StateStore
) -> Refresh:
    """The refresh to be judged; run by themselves, the checks look at the current version again.

    Raises:
        NoOpenExtraction: there is neither a new version nor a current one.
    """
    with suppress(NoOpenExtraction, ExtractionClosed):
        step = refresh.of_step(context, connection, store, or_committed=True)
        if step.written:
            return step
    if last := refresh.of_head(connection, store):
        return last
    raise NoOpenExtraction(
        f"{connection.name} has no version to look at. Run the job {connection.name}_refresh: "
        "it makes one."
    )


def _results(step: Refresh) -> Iterator[dg.AssetCheckResult]:
    verdict = judge(step)
    report = step.report
    yield _result("keys_unique", repeated_keys(step))
    yield _result("batches_complete", missing_batches(step))
    yield _result("files_agree", disagreeing_files(step))
    yield dg.AssetCheckResult(
        check_name="deletions_plausible",
        passed=not verdict.refused,
        description=refusal_message(verdict, step.connection.name) if verdict.refused else None,
        metadata={"gone tables": verdict.gone.height, "gone": table_of(verdict.gone)},
    )
    yield dg.AssetCheckResult(
        check_name="columns_as_listed",
        passed=report.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"tables": report.height, "to be read again": table_of(report)},
    )


def _result(name: str, problems: list[str]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name, passed=not problems, description="; ".join(problems) or None
    )


def _version(step: Refresh) -> Version | None:
    """The new version, committed or not; None where the base version stays."""
    return step.store.current() if step.committed else candidate(step)


def repeated_keys(step: Refresh) -> list[str]:
    """Entities of the new version with a key that stands in two rows."""
    version = _version(step)
    problems = []
    for name in step.scope.entities if version else ():
        # Files are sorted by key, so that equal keys are neighbours.
        keys = [pl.col(column) for column in ENTITIES[name].key]
        again = pl.all_horizontal(key == key.shift(1) for key in keys).sum()
        count = version.scan(name).select(again).collect().item()
        if count:
            problems.append(f"{name}: {count} keys are not unique")
    return problems


def missing_batches(step: Refresh) -> list[str]:
    """Batches of the plan that were not read."""
    if step.unchanged or step.committed or "columns" not in step.scope.entities:
        return []
    return [f"batch {number} is missing" for number in step.outstanding()]


def disagreeing_files(step: Refresh) -> list[str]:
    """Files of the new version that are not what its manifest says."""
    version = _version(step)
    return version.disagreements() if version else []


def judge(step: Refresh) -> Verdict:
    """The guard's verdict on what is gone; a refusal is recorded, so that it can be accepted."""
    verdict = verdict_of(step)
    if verdict.refused:
        step.once(REFUSED, lambda: verdict.gone)
    return verdict


def verdict_of(step: Refresh) -> Verdict:
    """The guard's verdict on what is gone; of what is committed nothing is."""
    if step.unchanged or step.committed or not step.base:
        return Verdict((), pl.DataFrame(), 0)
    return guard(
        step.base_frame("tables"),
        step.plan,
        percent=step.connection.options.deletion_guard_percent,
        left_out=step.comparison.left_out,
        accepted=_accepted(step) if step.record["accept_deletions"] else None,
        doubt=step.record["doubt"],
    )


def _accepted(step: Refresh) -> pl.DataFrame:
    """What the last refused extraction recorded as gone, if nothing was committed since."""
    for earlier in reversed(step.store.extractions()):
        is_other = earlier.id != step.extraction.id and earlier.base == step.base_head
        if is_other and earlier.exists(REFUSED):
            return earlier.read(REFUSED).collect()
    return pl.DataFrame(schema=dict.fromkeys(ENTITIES["tables"].key, pl.String()))


def stop_if_suspicious(step: Refresh) -> None:
    """The guard again, for a ``marker`` that is run without its checks.

    Raises:
        DeletionsSuspicious: the message lists what would go and the two ways on.
    """
    verdict = judge(step)
    if verdict.refused:
        raise DeletionsSuspicious(refusal_message(verdict, step.connection.name))

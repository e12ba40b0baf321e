"""What the checks between ``current_state`` and ``marker`` judge, each as a list of problems.

How Dagster shows them is in ``assets/checks.py``; which deletions are plausible, in
``core/deletions.py``.
"""

import polars as pl

from incremental_assets.core.deletions import Verdict, guard, refusal_message
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.errors import DeletionsSuspicious
from incremental_assets.naming import REFUSED
from incremental_assets.steps.committing import candidate
from incremental_assets.steps.refresh import Refresh
from incremental_resources.state_store.version import Version


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

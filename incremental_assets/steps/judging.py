"""What the checks between ``current_state`` and ``marker`` judge, each as a list of problems.

How Dagster shows them is in ``assets/checks.py``; which deletions are plausible, in
``core/deletions.py``.
"""

from collections.abc import Mapping

import polars as pl

from incremental_assets.core.deletions import Verdict, guard, nothing_gone
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.errors import DeletionsSuspicious, VersionUnfit
from incremental_assets.core.losses import GONE_SCHEMA
from incremental_assets.core.refusals import refusal_message
from incremental_assets.naming import REFUSED
from incremental_assets.steps.committing import candidate
from incremental_assets.steps.refresh import Refresh
from incremental_assets.steps.stored import scan_of
from incremental_resources.state_store.version import Version


def version_of(step: Refresh) -> Version | None:
    """The new version, committed or not; None where the base version stays."""
    return step.store.current() if step.committed else candidate(step)


def repeated_keys(version: Version | None) -> list[str]:
    """Entities of the version with a key that stands in two rows.

    Raises:
        StateCorrupt: a file is not what the manifest says.
    """
    problems = []
    for name in version.entities if version else ():
        # Files are sorted by key, so that equal keys are neighbours.
        keys = [pl.col(column) for column in ENTITIES[name].key]
        again = pl.all_horizontal(key == key.shift(1) for key in keys).sum()
        count = version.scan(name).select(again).collect().item()
        if count:
            problems.append(f"{name}: {count} keys are not unique")
    return problems


def damages(version: Version | None) -> list[str]:
    """What is wrong with the version's files, whoever made it."""
    # The files first: what is read of them afterwards is what was compared.
    return disagreeing_files(version) or repeated_keys(version)


def missing_batches(step: Refresh) -> list[str]:
    """Batches of the plan that were not read."""
    if step.unchanged or step.committed or "columns" not in step.scope.entities:
        return []
    return [f"batch {number} is missing" for number in step.outstanding()]


def disagreeing_files(version: Version | None) -> list[str]:
    """Files of the version that are not what its manifest says."""
    return version.disagreements() if version else []


def judge(step: Refresh, version: Version | None) -> Verdict:
    """The guard's verdict on what is gone; a refusal is recorded, so that it can be accepted."""
    verdict = verdict_of(step, version)
    if verdict.refused:
        step.extraction.write_json(REFUSED, verdict.facts())
        step.once(REFUSED, lambda: verdict.gone)
    return verdict


def verdict_of(step: Refresh, version: Version | None = None) -> Verdict:
    """The guard's verdict on what is gone; of what is committed nothing is.

    ``version`` is what would be committed, whose diff is judged; without one it is the diff that
    the extraction found.
    """
    if step.unchanged or step.committed or not step.base:
        return nothing_gone()
    # Columns are many, and not looked at.
    scope, kept = ({*one} - {"columns"} for one in (step.scope.entities, step.base.entities))
    return guard(
        {name: scan_of(step.base, ENTITIES[name]) for name in kept},
        {name: step.current_scan(name) for name in scope},
        _changes(step, version),
        percent=step.connection.options.deletion_guard_percent,
        left_out=step.comparison.left_out,
        accepted=_accepted(step) if step.record["accept_deletions"] else None,
        # An extraction that an older release has opened knows no grants.
        doubt=step.record["doubt"] or step.record.get("regranted"),
    )


def _changes(step: Refresh, version: Version | None) -> Mapping[str, pl.LazyFrame]:
    if version:
        kept = [name for name in ENTITIES if version.has(f"diff/{name}")]
        return {name: version.scan(f"diff/{name}") for name in kept}
    found = step.extraction.names("diff")
    kept = [name for name in ENTITIES if f"diff/{name}" in found]
    return {name: step.extraction.read(f"diff/{name}") for name in kept}


def _accepted(step: Refresh) -> pl.DataFrame:
    """What the last refused extraction recorded as gone, if nothing was committed since."""
    for earlier in reversed(step.store.extractions()):
        is_other = earlier.id != step.extraction.id and earlier.base == step.base_head
        if is_other and earlier.exists(REFUSED):
            return earlier.read(REFUSED).collect()
    return pl.DataFrame(schema=GONE_SCHEMA)


def stop_if_suspicious(step: Refresh, verdict: Verdict) -> None:
    """Let nothing be committed that the guard refuses.

    Raises:
        DeletionsSuspicious: the message lists what would go and the two ways on.
    """
    if verdict.refused:
        raise DeletionsSuspicious(refusal_message(verdict, step.connection.name))


def stop_if_unfit(step: Refresh) -> None:
    """Every blocking check again, for a ``marker`` that is run without them, or long after.

    Raises:
        VersionUnfit: there is no new version although one is needed, or it fails a check.
        DeletionsSuspicious: the guard refuses it.
    """
    if not step.written:
        raise VersionUnfit(
            f"extraction {step.extraction.id} of {step.connection.name} has no version to commit: "
            "`current_state` has not written it. Materialize that first, or run the job "
            f"{step.connection.name}_refresh."
        )
    version = version_of(step)
    problems = damages(version) or missing_batches(step)
    if version and problems:
        raise VersionUnfit(
            f"version {version.number} of {step.connection.name} is not committed: "
            f"{'; '.join(problems)}. HEAD was not moved. Run the job "
            f"{step.connection.name}_refresh: it begins anew."
        )
    stop_if_suspicious(step, judge(step, version))

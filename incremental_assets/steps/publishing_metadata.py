"""What people see of deliveries: the table of sinks, lines in the log, a sink's check."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import polars as pl

from incremental_assets.steps.metadata import failed_check, table_of
from incremental_assets.steps.publishing import Published, standing
from incremental_resources.errors import ResourceError
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.state_store.documents import moment_text
from incremental_resources.state_store.store import StateStore

TRIES = 2


def tell(context: dg.AssetExecutionContext, done: Sequence[Published]) -> None:
    """A line in the log for every sink that got something or could not get it."""
    for one in done:
        if one.failed:
            context.log.warning("The refresh is committed, but %s", one.failed.message)
        elif one.versions:
            context.log.info("Sink %s has %s now.", one.sink, _versions(one))


def retry_once_more(context: dg.AssetExecutionContext, done: Sequence[Published]) -> None:
    """Let Dagster try the step again where that may help; a sink that was down before can wait.

    Raises:
        Failure: it is to be tried again.
    """
    passing = [one.failed for one in done if one.failed and one.transient]
    tries = context.retry_number + 1
    if tries <= TRIES and any(failure.attempts <= tries for failure in passing):
        messages = "\n".join(failure.message for failure in passing)
        raise dg.Failure(description=messages, allow_retries=True)


def published(log: Published, done: Sequence[Published]) -> dg.MaterializeResult:
    """Of the asset: how the change log and every sink stand."""
    head = log.head
    metadata: dict[str, Any] = {
        "version": head.head.version if head else 0,
        "sinks": len(done),
        "sinks behind": sum(one.behind for one in done),
        "versions delivered": sum(len(one.versions) for one in done),
    }
    if done:
        lines = [(one.sink, one.kind, _versions(one) or "nothing", _state(one)) for one in done]
        headings = ["sink", "kind", "delivered", "now"]
        metadata["standings"] = table_of(pl.DataFrame(lines, schema=headings, orient="row"))
    figures = {
        f"{one.sink}: {name}": value
        for one in done
        for name, value in one.figures.items()
        if isinstance(value, int | float | str)
    }
    version = dg.DataVersion(f"{head.head.version}-{head.head.sha256[:8]}" if head else "0")
    return dg.MaterializeResult(metadata=metadata | figures, data_version=version)


def checked(name: str, store: StateStore, sink: ConfiguredSink) -> dg.AssetCheckResult:
    """The check of a sink: whether it has the current version, and if not, why."""
    try:
        now = standing(store, sink.name, sink.kind, sink.place)
    except ResourceError as error:
        # The refresh is committed: this fails nothing but the check.
        return failed_check(name, f"It is not known what sink {sink.name} has: {error}")
    return _judged(name, store.connection, now, configured=sink.configured)


def _judged(name: str, connection: str, now: Published, *, configured: bool) -> dg.AssetCheckResult:
    facts: dict[str, Any] = {"version": now.version or 0, "kind": now.kind}
    if not now.behind:
        return dg.AssetCheckResult(check_name=name, passed=True, metadata=facts)
    command = f"  incremental-assets publish {connection} --sink {now.sink}"
    if not configured:
        # The command line reads the file alone.
        command = f"  the job {connection}_publish"
    if now.failed is None:
        told = f"Sink {now.sink} has {_had(now)}, which is not the current one."
        todo = "Somebody is delivering to it." if now.busy else f"Deliver it:\n{command}"
        return failed_check(name, f"{told} {todo}", **facts)
    failed = now.failed
    told = (
        f"{failed.message}\nIt has {_had(now)}. Failing since {moment_text(failed.since)}, "
        f"{failed.attempts} attempts. The state is committed, nothing is lost: what it has not had "
        f"is delivered when it answers, by the next refresh, the publish sensor, or:\n{command}"
    )
    return failed_check(name, told, **facts, attempts=failed.attempts)


def _had(now: Published) -> str:
    return f"version {now.version}" if now.version else "no version yet"


def _versions(one: Published) -> str:
    if not one.versions:
        return ""
    first, last = one.versions[0], one.versions[-1]
    told = f"version {first}" if first == last else f"versions {first} to {last}"
    return f"{told} (whole)" if first in one.whole else told


def _state(one: Published) -> str:
    if one.failed:
        return f"failed: {one.failed.message}"
    if one.busy:
        return "another publisher is at work"
    return f"behind, {_had(one)}" if one.behind else _had(one)

"""One refresh in this process, recorded in the Dagster instance, with its outcome for people.

Shared by ``refresh`` and ``demo``. What is printed about it is theirs.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from incremental_assets.build import build_definitions
from incremental_assets.cli.interrupts import Interrupts
from incremental_assets.config.model import Config
from incremental_assets.core.refusals import reasons
from incremental_assets.instance.runs import (
    POLL_SECONDS,
    cancel,
    close,
    create_run,
    end,
    execute,
    make_way,
)
from incremental_assets.naming import (
    ENTITY_NAMES,
    EXTRACTION_TAG,
    OUTCOME_TAG,
    partitions_name,
    refresh_job_name,
)
from incremental_assets.steps.batches import Progress
from incremental_assets.steps.failures import message_of, message_of_check
from incremental_assets.steps.fan_out import why_busy
from incremental_assets.steps.judging import verdict_of
from incremental_assets.steps.metadata import FOUND, ROWS
from incremental_assets.steps.refresh import of_id
from incremental_assets.wiring import open_objects
from incremental_resources.errors import ResourceError
from incremental_resources.sinks.delivery import Sink
from incremental_resources.state_store.extraction import Extraction
from incremental_resources.state_store.objects import ObjectStore
from incremental_resources.state_store.resource import states_resource
from incremental_resources.state_store.store import StateStore

LOG = logging.getLogger(__name__)
BEYOND_DRY_RUN = ("current_state", "marker", "publish", "column_batches")


@dataclass(frozen=True)
class RefreshRequest:
    """What somebody asked of a refresh."""

    full: bool = False
    accept_deletions: bool = False
    reason: str = ""
    dry_run: bool = False
    wait: bool = False
    verbose: bool = False
    accept_new_state: bool = False

    def run_config(self, connection: str) -> dict[str, Any]:
        """As the launchpad would have it."""
        asked = {
            "full": self.full,
            "accept_deletions": self.accept_deletions,
            "accept_new_state": self.accept_new_state,
            "reason": self.reason,
        }
        config: dict[str, Any] = {"ops": {f"{connection}__extraction": {"config": asked}}}
        if not self.verbose:
            config["loggers"] = {"console": {"config": {"log_level": "CRITICAL"}}}
        return config


@dataclass
class Outcome:
    """How a refresh ended."""

    name: str
    ok: bool = False
    run_id: str | None = None
    mode: str | None = None
    why: str | None = None
    version: int | None = None
    changed: bool | None = None
    counts: dict[str, int] = field(default_factory=dict)
    changes: dict[str, dict[str, int]] = field(default_factory=dict)
    tables_read: int = 0
    marker: str | None = None
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    interrupted: bool = False
    diff: dict[str, pl.DataFrame] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All fields but the frames of a dry run's diff."""
        return {name: value for name, value in vars(self).items() if name != "diff"}


class Refresher:
    """Runs refreshes of a configuration's connections, one after another."""

    def __init__(
        self,
        config: Config,
        instance: dg.DagsterInstance,
        progress: Progress,
        objects: ObjectStore | None = None,
        sinks: Mapping[str, Sequence[Sink]] | None = None,
    ) -> None:
        self.config = config
        self._instance = instance
        self._objects = objects or open_objects(config)
        overrides = {
            "progress": dg.ResourceDefinition.hardcoded_resource(progress),
            "states": states_resource(lambda: self._objects),
        }
        self._definitions = build_definitions(config, overrides, lineage=False, sinks=sinks)

    def store(self, name: str) -> StateStore:
        """The state of one connection."""
        return StateStore(self._objects, name)

    def run(
        self,
        name: str,
        wish: RefreshRequest,
        on_event: Callable[[dg.DagsterEvent], None],
        on_begin: Callable[[int], None] | None = None,
    ) -> Outcome:
        """Refresh one connection; ``on_begin`` is told the number of steps.

        Raises:
            StateConflict: another refresh of it is going on.
        """
        connection = self.config.connection(name)
        make_way(self._instance, name, wait=wish.wait)
        while wish.wait and why_busy(self._instance, connection, self.store(name)):
            time.sleep(POLL_SECONDS)
            make_way(self._instance, name, wait=True)
        job = self._definitions.resolve_job_def(refresh_job_name(name))
        job, run = create_run(
            self._instance,
            job,
            working_directory=Path.cwd(),
            run_config=wish.run_config(name),
            assets=_dry_assets(job) if wish.dry_run else None,
            tags={OUTCOME_TAG: "dry run"} if wish.dry_run else None,
        )
        outcome, started = Outcome(name, run_id=run.run_id), time.monotonic()
        if on_begin:
            on_begin(len(job.nodes))
        self._execute(job, run, outcome, on_event)
        finished = self._instance.get_run_by_id(run.run_id)
        outcome.ok = bool(finished and finished.status == dg.DagsterRunStatus.SUCCESS)
        outcome.seconds = round(time.monotonic() - started, 3)
        if finished and finished.status == dg.DagsterRunStatus.CANCELED:
            outcome.interrupted = True
        if finished and outcome.interrupted and not outcome.ok:
            outcome.error = self._told_of_interrupt(name, finished)
        if finished and outcome.ok:
            # What an earlier try of a step died of.
            outcome.error = None
            self._conclude_or_warn(outcome, finished, dry=wish.dry_run)
        return outcome

    def _execute(
        self,
        job: dg.JobDefinition,
        run: dg.DagsterRun,
        outcome: Outcome,
        on_event: Callable[[dg.DagsterEvent], None],
    ) -> None:
        """The run's events as they come, until its end or an interrupt before its commit."""
        with Interrupts() as interrupts:
            events = execute(self._instance, job, run)
            try:
                for event in events:
                    _note(outcome, event)
                    on_event(event)
                    if interrupts.came() and not outcome.version:
                        cancel(self._instance, run)
                        # Dagster would try the interrupted step again.
                        if event.is_step_up_for_retry:
                            close(events)
            except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
                cancel(self._instance, run)
                close(events)
            end(self._instance, run)
            outcome.interrupted = interrupts.came()

    def _told_of_interrupt(self, name: str, run: dg.DagsterRun) -> str:
        head = self.store(name).head()
        if head and head.head.extraction == run.tags.get(EXTRACTION_TAG):
            return f"interrupted after version {head.head.version} was committed"
        return "interrupted; nothing of it was committed"

    def _conclude_or_warn(self, outcome: Outcome, run: dg.DagsterRun, *, dry: bool) -> None:
        """What is committed stays so, also where the store does not answer any more."""
        try:
            self._conclude(outcome, run, dry=dry)
        except Exception as error:
            if dry:
                raise
            LOG.debug("Run %s is committed.", run.run_id, exc_info=True)
            told = error if isinstance(error, ResourceError) else f"{type(error).__name__}: {error}"
            outcome.warnings.append(
                f"The refresh is committed; what changed could not be read: {told} "
                f"`incremental-assets diff {outcome.name}` shows it."
            )

    def _conclude(self, outcome: Outcome, run: dg.DagsterRun, *, dry: bool) -> None:
        store = self.store(outcome.name)
        extraction = store.extraction(run.tags[EXTRACTION_TAG])
        if not dry:
            head = store.head()
            outcome.marker = head.head.marker.isoformat() if head else None
        if extraction.record["mode"] == "unchanged":
            outcome.changed = False
        else:
            found = extraction.read_json("diff/summary")
            outcome.changed, outcome.changes = not found["same"], found["changes"]
        if dry:
            names = extraction.names("diff")
            outcome.diff = {name[5:]: extraction.read(name).collect() for name in names}
            verdict = verdict_of(of_id(extraction.id, self.config.connection(outcome.name), store))
            if verdict.refused:
                outcome.warnings.append(f"this refresh would be refused: {reasons(verdict)}")
            self._abandon(extraction)

    def _abandon(self, extraction: Extraction) -> None:
        extraction.close("abandoned")
        name = partitions_name(extraction.record["connection"])
        for key in self._instance.get_dynamic_partitions(name):
            if key.startswith(f"{extraction.id}-"):
                self._instance.delete_dynamic_partition(name, key)


def _dry_assets(job: dg.JobDefinition) -> list[dg.AssetKey]:
    return [
        key for key in job.asset_layer.executable_asset_keys if key.path[-1] not in BEYOND_DRY_RUN
    ]


def _note(outcome: Outcome, event: dg.DagsterEvent) -> None:
    """Take over what an event tells about the outcome."""
    kind = event.event_type
    if kind == dg.DagsterEventType.ASSET_MATERIALIZATION:
        materialization = event.step_materialization_data.materialization
        # A table that is shown is an asset too.
        if list(materialization.asset_key.path[:-1]) == [outcome.name]:
            _note_asset(outcome, materialization.asset_key.path[-1], materialization.metadata)
    elif kind == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        evaluation = event.asset_check_evaluation_data
        if not evaluation.passed and evaluation.asset_key.path[-1] == "publish":
            # After the commit, which it does not undo.
            outcome.warnings.append(message_of_check(evaluation).partition("\n")[0])
        elif not evaluation.passed and evaluation.severity == dg.AssetCheckSeverity.WARN:
            outcome.warnings.append(f"{evaluation.check_name}: see the check in the UI")
        elif not evaluation.passed and not outcome.error:
            outcome.error = message_of_check(evaluation)
    elif kind == dg.DagsterEventType.STEP_FAILURE:
        told = message_of(event)
        # A refusal is told by its check first, then by the step with the error's name.
        if told and (not outcome.error or told.endswith(outcome.error)):
            outcome.error = told
    elif kind == dg.DagsterEventType.RUN_FAILURE:
        outcome.error = outcome.error or message_of(event)


def _note_asset(outcome: Outcome, asset: str, metadata: Any) -> None:
    plain = {key: value.value for key, value in metadata.items()}
    if asset == "extraction":
        outcome.mode, outcome.why = plain["mode"], plain["why"]
    elif asset == "column_plan":
        outcome.tables_read = plain.get("tables read again", 0)
    elif asset == "marker":
        outcome.version, outcome.changed = plain["version"], plain["changed"]
    elif asset in ENTITY_NAMES and (ROWS in plain or FOUND in plain):
        # Thousands are set apart in what is told before the commit.
        outcome.counts[asset] = int(str(plain.get(ROWS, plain.get(FOUND))).replace(",", ""))

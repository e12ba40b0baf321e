"""A run says, as its first act, which process it lives in, and then again and again that it lives.

It says so in a tag. What follows from a process being gone, or from silence, is in ``lost.py``.
"""

import logging
import multiprocessing
import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Self

import dagster as dg

from incremental_assets.naming import PROCESS_TAG
from incremental_resources.processes import UNKNOWN, Place, Process

LOG = logging.getLogger(__name__)
BEAT_SECONDS = 30.0
# Steps that have a process, a container or a machine each.
WORKERS = {dg.DagsterEventType.STEP_WORKER_STARTING, dg.DagsterEventType.STEP_WORKER_STARTED}
# Dagster reads a run, changes its tags and writes all of it: two at once would lose one's tags.
TAGS = threading.Lock()
# The runs that this process speaks for.
beating: set[str] = set()


class Claim(NamedTuple):
    """Which process a run lives in; ``seen``: when it said so last, None if it says so once."""

    process: Process
    run_id: str
    seen: datetime | None

    @classmethod
    def of(cls, run: dg.DagsterRun) -> Self | None:
        """What ``run`` says; None if it says nothing, or its tag is a copy of its parent's."""
        told = run.tags.get(PROCESS_TAG, "").split(" ")
        if len(told) != len(Place._fields) + 4 or told[-2] != run.run_id:
            return None
        *where, pid, start, run_id, seen = told
        try:
            moment = None if seen == UNKNOWN else datetime.fromisoformat(seen)
            return cls(Process(Place(*where), int(pid), start), run_id, moment)
        except ValueError:
            return None

    def tags(self) -> dict[str, str]:
        """As ``of`` reads it. The run is named in it because Dagster copies a run's tags to its
        re-executions, which live elsewhere."""
        seen = UNKNOWN if self.seen is None else self.seen.isoformat(timespec="seconds")
        told = (*self.process.place, str(self.process.pid), self.process.start, self.run_id, seen)
        return {PROCESS_TAG: " ".join(told)}


def process_tags(run_id: str) -> dict[str, str]:
    """The tag of a run that lives in this process, now."""
    return Claim(Process.of(os.getpid()), run_id, datetime.now(UTC)).tags()


def add_tags(instance: dg.DagsterInstance, run_id: str, tags: Mapping[str, str]) -> None:
    """Tag a run that this process may be speaking for."""
    with TAGS:
        instance.add_run_tags(run_id, tags)


def process_resource() -> dg.ResourceDefinition:
    """The resource ``process``, which every step of ours asks for: Dagster makes resources before
    it begins a step, and where steps share a process, keeps them to the run's end."""
    return dg.ResourceDefinition(
        resource_fn=_speak_for_the_run,
        description="Lets a run say which process it lives in, so that a killed one is noticed.",
    )


def _speak_for_the_run(context: dg.InitResourceContext) -> Iterator[None]:
    instance, run = context.instance, context.run
    if instance is None or run is None:
        yield
        return
    if instance.all_logs(run.run_id, of_type=WORKERS):
        _claim_for_parent(instance, run)
        yield
        return
    claim = Claim.of(run)
    if claim is None or claim.process != Process.of(os.getpid()):
        add_tags(instance, run.run_id, process_tags(run.run_id))
    over = threading.Event()
    # An instance in memory is nobody else's.
    if run.run_id not in beating and not instance.is_ephemeral:
        beating.add(run.run_id)
        beat = threading.Thread(target=_beat, args=(instance, run.run_id, over), daemon=True)
        beat.start()
    try:
        yield
    finally:
        over.set()
        beating.discard(run.run_id)


def _beat(instance: dg.DagsterInstance, run_id: str, over: threading.Event) -> None:
    while not over.wait(BEAT_SECONDS):
        try:
            add_tags(instance, run_id, process_tags(run_id))
        except Exception:
            # A storage that is busy or away; it is tried again.
            LOG.debug("Run %s could not say that it lives.", run_id, exc_info=True)


def _claim_for_parent(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Where each step has a process of its own, the run lives in the one that started them.

    Steps on other machines do not know it; then the run's launcher does.
    """
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid is None:
        return
    claim = Claim(Process.of(parent.pid), run.run_id, None)
    if Claim.of(run) != claim:
        add_tags(instance, run.run_id, claim.tags())

"""What a refresh that is spread over runs needs next: batches, their merge, a person, or nothing.

Facts are passed in; the store and Dagster are asked for them in ``fan_out.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Literal

from incremental_assets.core.plan import batch_key

# Runs of one part that may end without having failed: their worker was killed.
ATTEMPTS = 3
# Between two of its runs a fan-out counts as going on for so long: the sensor may be away a while.
IDLE = timedelta(minutes=5)
SHOWN = 5

Part = int | Literal["plan", "apply"]


class Ending(Enum):
    """How a run ended, as far as asking for another one depends on it."""

    GOING = "is going on"
    WITHOUT = "ended without having failed, but what it was for is not there"
    FAILED = "failed: three tries, or an error that does not pass"
    CANCELED = "was cancelled by a person"


FOR_GOOD = (Ending.FAILED, Ending.CANCELED)


@dataclass(frozen=True)
class Attempt:
    """One run for one part of an extraction: a batch by its number, the plan, or the rest."""

    part: Part
    ending: Ending
    run: str


@dataclass(frozen=True)
class FanOutStatus:
    """How far an extraction is. ``planned``: all is there that only the plan's run writes;
    ``done``: batches whose file is there; ``attempts``: its runs, oldest first."""

    connection: str
    extraction: str
    planned: bool
    batches: int
    done: frozenset[int]
    refused: bool
    attempts: Sequence[Attempt]

    def of(self, part: Part) -> list[Attempt]:
        """The runs of one part, oldest first."""
        return [attempt for attempt in self.attempts if attempt.part == part]

    def next_attempt(self, part: Part) -> int:
        """The number of the next run of a part, from 1; never that of a run that was there."""
        return len(self.of(part)) + 1

    def going(self, part: Part) -> str | None:
        """The run that works on a part now."""
        return next((one.run for one in self.of(part) if one.ending is Ending.GOING), None)

    def given_up(self, part: Part) -> bool:
        """Whether no other run of a part is asked for: its last one failed, or three were lost."""
        runs = self.of(part)
        return bool(runs) and (runs[-1].ending in FOR_GOOD or len(runs) >= ATTEMPTS)


@dataclass(frozen=True)
class Decision:
    """``batches`` and ``apply``: the runs to ask for now; ``reason``: why no others, in words.

    ``stuck``: nothing is going on and nothing will, before a person has done something.
    """

    reason: str
    batches: tuple[int, ...] = ()
    apply: bool = False
    stuck: bool = False


def decide(progress: FanOutStatus, at_once: int) -> Decision:
    """What the extraction needs next, with at most ``at_once`` batches being read."""
    name, extraction = progress.connection, progress.extraction
    if run := progress.going("plan"):
        return Decision(f"Run {run} is still planning extraction {extraction}.")
    if not progress.planned:
        return Decision(
            f"The plan of extraction {extraction} did not come to its end. Re-execute its run from "
            f"failure, or run {name}_plan: it begins anew.",
            stuck=True,
        )
    if len(progress.done) < progress.batches:
        return _batches(progress, at_once)
    return _apply(progress)


def _batches(progress: FanOutStatus, at_once: int) -> Decision:
    missing = [n for n in range(progress.batches) if n not in progress.done]
    going = [n for n in range(progress.batches) if progress.going(n)]
    given_up = [n for n in missing if n not in going and progress.given_up(n)]
    wanted = [n for n in missing if n not in going and n not in given_up]
    told = f"{len(progress.done)} of {progress.batches} batches of {progress.extraction} are there"
    if given_up:
        told += f"; {_given_up(progress, given_up)}"
    else:
        told += f", {len(going)} are being read."
    now = tuple(wanted[: max(0, at_once - len(going))])
    return Decision(told, batches=now, stuck=not now and not going)


def _given_up(progress: FanOutStatus, numbers: Sequence[int]) -> str:
    keys = [batch_key(progress.extraction, number) for number in numbers]
    more = f" and {len(keys) - SHOWN} more" if len(keys) > SHOWN else ""
    return (
        f"no other run is asked for {', '.join(keys[:SHOWN])}{more}. Fix what their runs say, "
        "then materialize these partitions of column_batches: the rest follows by itself. Or run "
        f"{progress.connection}_plan: it begins anew."
    )


def _apply(progress: FanOutStatus) -> Decision:
    name, extraction = progress.connection, progress.extraction
    if run := progress.going("apply"):
        return Decision(f"Run {run} is finishing extraction {extraction}.")
    if not progress.given_up("apply"):
        return Decision(f"All batches of {extraction} are there.", apply=True)
    if progress.refused:
        return Decision(
            f"Extraction {extraction} was refused because too much disappeared. Its failed check "
            "deletions_plausible says what a person can do.",
            stuck=True,
        )
    return Decision(
        f"All batches of {extraction} are there, but run {progress.of('apply')[-1].run} could not "
        f"finish it. Fix what it says and re-execute it, or run {name}_plan: it begins anew.",
        stuck=True,
    )

"""Where the campaign's faults at the source are put: at every statement, and before every step."""

from collections.abc import Iterator
from functools import partial

from incremental_assets.cli.running import Outcome
from tests.campaign import Campaign, Trial
from tests.source_troubles import (
    LOCKS,
    OUTAGES,
    SOURCE_FAULTS,
    Outage,
    SourceFault,
    SourceTrouble,
)
from tests.troubles import SURVIVED
from tests.watched import attempt_watched

Point = int | str
# In the spread: one statement that is listed or read, of each kind, and these steps.
LISTING, BATCH = "tables tables", "columns columns"
STEPS = ("extraction", "tables", "columns")


def source_trials(campaign: Campaign, which: str) -> Iterator[Trial]:
    """Faults at the source at the points that are chosen."""
    seen = [tuple(one) for one in campaign.learned(partial(write_down, campaign))]
    points: dict[Point, str] = {
        number: f"{step} {statement}" for number, (step, statement) in enumerate(seen, 1)
    }
    points |= {step: f"{step} begins" for step, _ in seen}
    for point, fault in chosen(points, which):
        yield Trial(
            points[point],
            fault.name,
            fault.ends,
            fault.ends == SURVIVED,
            partial(doomed, campaign, fault, point),
        )


def doomed(campaign: Campaign, fault: SourceFault | Outage, point: Point) -> tuple[Outcome, bool]:
    """In a child: a refresh with a fault at the source."""
    with SourceTrouble(campaign.url, point, fault) as trouble:
        outcome = attempt(campaign, trouble)
    return outcome, trouble.struck > 0


def write_down(campaign: Campaign) -> list[tuple[str, str]]:
    """In a child: the step and the name of every statement of a refresh."""
    with SourceTrouble(campaign.url, 0, None) as trouble:
        outcome = attempt(campaign, trouble)
    assert outcome.ok, outcome.error
    return trouble.seen


def attempt(campaign: Campaign, trouble: SourceTrouble) -> Outcome:
    """A refresh by way of the trouble."""
    config = campaign.configured(trouble.url, statement_timeout_seconds=trouble.timeout)
    return attempt_watched(config, campaign.opener(), trouble.on_event)


def chosen(points: dict[Point, str], which: str) -> Iterator[tuple[Point, SourceFault | Outage]]:
    """All faults at all points; all in a listing and in a batch, and some here and there (spread);
    or those in a batch alone (few)."""
    numbers = {what: point for point, what in points.items() if isinstance(point, int)}
    whole = {numbers[BATCH], *([numbers[LISTING]] if which == "spread" else [])}
    for turn, (point, what) in enumerate(points.items()):
        if isinstance(point, str):
            outages = list(OUTAGES.values())
            if which == "all" or (which == "spread" and point in STEPS):
                few_outages = outages[STEPS.index(point) :: 2] if which == "spread" else outages
                yield from ((point, outage) for outage in few_outages)
            continue
        # The same statement once more is in the same session, which holds what would be locked.
        waits = what.split()[1] in LOCKS and points.get(point - 1) != what
        faults = [one for one in SOURCE_FAULTS.values() if waits or not one.waits]
        if which == "all" or point in whole:
            yield from ((point, fault) for fault in faults)
        elif which == "spread" and turn % 10 == 0:
            yield point, faults[turn // 10 % len(faults)]

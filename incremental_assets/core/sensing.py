"""When a change sensor wants a refresh, and how long it waits after failed ones.

Facts are passed in; asking the source, the head and Dagster for them is done in ``watching.py``.
"""

from datetime import datetime, timedelta

FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)


def refresh_wanted(
    *,
    full_reason: str | None,
    same_scope: bool,
    outdated: bool,
    head_probe: str | None,
    probe: str,
    head_marker: datetime | None,
    clock: datetime,
) -> str | None:
    """Why a refresh is wanted now, in words; None if there is nothing to do yet.

    Args:
        full_reason: what ``marker.must_be_full`` said.
        same_scope: whether the head's version was taken with the scope that is in force.
        outdated: whether its files have an older format, which the next refresh brings up to date.
        head_probe: of the head; None where its refresh left something unread, which is then read
            again, but not at every look.
        probe: as the source tells it now.
        head_marker: of the head.
        clock: the source's, now.
    """
    if full_reason:
        return full_reason
    if not same_scope:
        return "filters, options or entities differ from the head's"
    if outdated:
        return "the state has the format of an older release"
    if head_probe is None:
        rested = head_marker is None or clock - head_marker >= FIRST_PAUSE
        return "the last refresh left something unread" if rested else None
    return "the probe differs from the head's" if probe != head_probe else None


def pause_after(failures: int) -> timedelta:
    """How long to wait after so many refreshes in a row failed: 5 minutes, doubled, up to 1 h."""
    if not failures:
        return timedelta()
    doublings = min(failures - 1, 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)

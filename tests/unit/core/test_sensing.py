"""When a change sensor wants a refresh, and how long it waits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incremental_assets.core.sensing import pause_after, refresh_wanted

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
STILL: dict[str, Any] = {
    "full_reason": None,
    "same_scope": True,
    "outdated": False,
    "head_probe": "p",
    "probe": "p",
    "head_marker": NOW - timedelta(minutes=1),
    "clock": NOW,
}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"probe": "q"}, "the probe differs"),
        ({"same_scope": False}, "filters, options or entities differ"),
        ({"outdated": True}, "older release"),
        ({"full_reason": "it is due"}, "it is due"),
        # Left unread: not at every look, or a busy table would mean a refresh a minute.
        ({"head_probe": None}, None),
        ({"head_probe": None, "head_marker": NOW - timedelta(minutes=5)}, "left something unread"),
    ],
)
def test_a_refresh_is_wanted_only_for_a_reason(changed: dict[str, Any], reason: str | None) -> None:
    wanted = refresh_wanted(**STILL | changed)
    assert wanted == reason or (wanted and reason and reason in wanted)


def test_the_pause_doubles_up_to_an_hour() -> None:
    minutes = [pause_after(failures) / timedelta(minutes=1) for failures in range(7)]
    assert minutes == [0, 5, 10, 20, 40, 60, 60]
    assert pause_after(10_000) == timedelta(hours=1)

"""The change sensor's cursor: what it says is used while it is fresh, and anything else is not."""

from datetime import UTC, datetime, timedelta

import pytest

from incremental_assets.automation.probe_cache import LONGEST, ProbeCache
from incremental_resources.source.probes import ProbeReading

EVERY = timedelta(minutes=1)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROBES = {"shop": ProbeReading("a1", "27"), "stock": ProbeReading("b2", None)}


def test_a_cursor_says_what_it_was_made_of() -> None:
    remembered = ProbeCache(NOW, PROBES)
    assert ProbeCache.of(remembered.cursor(), NOW + timedelta(minutes=4), EVERY) == remembered


def test_what_would_be_too_old_at_the_next_look_is_forgotten_now() -> None:
    cursor, minute = ProbeCache(NOW, PROBES).cursor(), timedelta(minutes=1)
    assert ProbeCache.of(cursor, NOW + LONGEST - minute, minute).probes == PROBES
    assert ProbeCache.of(cursor, NOW + LONGEST - minute, 1.01 * minute).probes == {}
    assert ProbeCache.of(cursor, NOW + timedelta(seconds=1), LONGEST).probes == {}


@pytest.mark.parametrize("age", [LONGEST, timedelta(seconds=-1)])
def test_an_old_one_and_one_of_the_future_are_forgotten(age: timedelta) -> None:
    then = NOW + age
    assert ProbeCache.of(ProbeCache(NOW, PROBES).cursor(), then, EVERY) == ProbeCache(then)


def test_the_age_is_that_of_the_first_probe() -> None:
    remembered = ProbeCache(NOW, PROBES)
    for minute in range(1, 5):
        now = NOW + timedelta(minutes=minute)
        remembered = ProbeCache.of(remembered.cursor(), now, EVERY)
        remembered.probes = PROBES | {"shop": ProbeReading("a2", str(minute))}
    assert ProbeCache.of(remembered.cursor(), NOW + LONGEST, EVERY).probes == {}


@pytest.mark.parametrize(
    "cursor",
    [
        None,
        "",
        "[" * 100_000,
        "17",
        "null",
        "[]",
        "{}",
        '{"since": "yesterday", "probes": {}}',
        '{"since": "2026-03-01T12:00:00", "probes": {}}',
        '{"since": "2026-03-01T12:00:00+00:00", "probes": ["shop"]}',
        '{"since": "2026-03-01T12:00:00+00:00", "probes": {"shop": {"probe": "a1"}}}',
    ],
)
def test_what_is_no_cursor_of_ours_is_none(cursor: str | None) -> None:
    assert ProbeCache.of(cursor, NOW, EVERY) == ProbeCache(NOW)

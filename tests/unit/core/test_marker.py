"""When everything must be read, and when nothing has to be."""

from datetime import UTC, datetime, timedelta

import pytest

from incremental_assets.core.marker import (
    Fingerprint,
    age,
    must_be_full,
    must_list,
    other_server,
    regranted,
    reread_since,
)

MARKER = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SERVER = {"identity": {"id": "7", "timeline": 1}, "position": {"wal": 2**70, "xid": 5}}

STARTED, AGAIN = {"started": "t1"}, {"started": "t2"}


def test_the_overlap_counts_back_from_the_marker():
    assert reread_since(MARKER, 3, token_has_time=True) == MARKER - 3 * HOUR
    assert reread_since(MARKER, 0.5, token_has_time=True) == MARKER - HOUR / 2
    assert reread_since(MARKER, 3, token_has_time=False) is None
    assert reread_since(None, 3, token_has_time=True) is None


def test_age_is_never_negative():
    assert age(MARKER, MARKER + HOUR) == HOUR
    assert age(MARKER, MARKER - HOUR) == timedelta()


def full(**changes):
    usual = {
        "head_source": SERVER,
        "source": SERVER,
        "head_marker": MARKER,
        "clock": MARKER + HOUR,
        "last_full_at": MARKER - DAY,
        "reconcile_every_days": 7,
    }
    return must_be_full(**usual | changes)


def at(**position):
    return SERVER | {"position": SERVER["position"] | position}


REASONS = [
    ({}, None),
    ({"source": at(wal=2**70 + 1, xid=6)}, None),  # positions only grow
    ({"head_source": None}, "no version yet"),
    ({"head_marker": None}, "no version yet"),
    ({"asked": True}, "asked for"),
    ({"source": SERVER | {"identity": {"id": "8", "timeline": 1}}}, "another server"),
    ({"source": SERVER | {"identity": {"id": "7"}}}, "another server"),
    ({"source": {}}, "another server"),
    ({"source": at(wal=2**70 - 1)}, "position wal is behind"),
    ({"source": SERVER | {"position": {"wal": 2**70}}}, "does not report its position xid"),
    ({"source": at(new=1)}, None),
    ({"source": SERVER | {"restart": STARTED}}, "not known whether the server was restarted"),
    ({"head_source": SERVER | {"restart": STARTED}}, "not known whether"),
    ({"head_source": SERVER | {"restart": STARTED}, "source": SERVER | {"restart": STARTED}}, None),
    (
        {"head_source": SERVER | {"restart": STARTED}, "source": SERVER | {"restart": AGAIN}},
        "the server was restarted since the last refresh, its statistics were reset, or another "
        "copy answers (started t2)",
    ),
    ({"clock": MARKER}, None),
    ({"clock": MARKER - timedelta(microseconds=1)}, "clock"),
    ({"last_full_at": None}, "no full extraction is on record"),
    ({"last_full_at": MARKER + HOUR - 7 * DAY}, "7 days"),
    ({"last_full_at": MARKER + 2 * HOUR - 7 * DAY}, None),
    ({"last_full_at": None, "reconcile_every_days": 0}, None),  # reconciling is switched off
]


@pytest.mark.parametrize(("changes", "reason"), REASONS)
def test_a_refresh_is_full_for_a_reason(changes, reason):
    found = full(**changes)
    assert found is None if reason is None else reason in found


def test_a_restart_is_no_other_server():
    assert other_server(SERVER | {"restart": STARTED}, SERVER | {"restart": AGAIN}) is None


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({}, {}, None),
        ({}, {"grants": ["a"]}, None),
        ({"grants": ["a", "b"]}, {"grants": ["a", "b"]}, None),
        ({"grants": ["a", "b"]}, {"grants": ["b"]}, "gone: a"),
        ({"grants": ["a"]}, {"grants": ["a", "b"]}, "new: b"),
        ({"grants": ["a"]}, {"grants": ["b"]}, "gone: a, new: b"),
        ({"grants": ["a"]}, {}, "gone: a"),
    ],
)
def test_other_grants_are_told_where_grants_were_known(before, now, told):
    found = regranted(before, now)
    assert found is None if told is None else found.endswith(told)


STANDING = Fingerprint(
    probe="p1",
    scope={"include": {}, "exclude_empty_tables": False},
    identity={"id": "7"},
    format=1,
)


def standing(**changes):
    return Fingerprint(**vars(STANDING) | changes)


LISTED = [
    ({}, {}, None),
    ({"probe": "p2"}, {}, "the probe differs"),
    ({"probe": None}, {}, "no probe"),
    ({"scope": {"include": {"a": []}}}, {}, "filters"),
    ({"scope": STANDING.scope | {"partitions": "list"}}, {}, "options"),
    ({"identity": {"id": "8"}}, {}, "another server"),
    ({"format": 2}, {}, "older release"),
    ({}, {"tokens_missing": 1}, "no token"),
    ({}, {"probe_times": [MARKER - HOUR], "reread_from": MARKER}, None),
    ({}, {"probe_times": [MARKER - HOUR, MARKER], "reread_from": MARKER}, "too recent"),
    ({}, {"probe_times": [MARKER], "reread_from": None}, "too recent"),
]


@pytest.mark.parametrize(("now", "known", "reason"), LISTED)
def test_the_listing_is_skipped_only_if_everything_is_equal(now, known, reason):
    found = must_list(STANDING, standing(**now), **{"tokens_missing": 0} | known)
    assert found is None if reason is None else reason in found


def test_the_listing_is_never_skipped_without_a_probe_or_where_row_counts_decide():
    silent = standing(probe=None)
    assert must_list(silent, silent, tokens_missing=0)
    assert "unread" in must_list(silent, STANDING, tokens_missing=0)
    counting = standing(scope={"exclude_empty_tables": True})
    assert "empty tables" in must_list(counting, counting, tokens_missing=0)

"""Rules about the marker, the source's own clock at the last good extraction.

When a refresh must read everything, and when it need not even list. Times are passed in;
reading clocks is not done here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


def reread_since(
    marker: datetime | None, overlap_hours: float, *, token_has_time: bool
) -> datetime | None:
    """From when on altered tables are read again whatever their token; None: the token suffices."""
    if marker is None or not token_has_time:
        return None
    return marker - timedelta(hours=overlap_hours)


def age(marker: datetime, now: datetime) -> timedelta:
    """How old the state is; never negative."""
    return max(now - marker, timedelta())


def must_be_full(
    *,
    head_source: Mapping[str, Any] | None,
    source: Mapping[str, Any],
    head_marker: datetime | None,
    clock: datetime,
    last_full_at: datetime | None,
    reconcile_every_days: float,
    asked: bool = False,
) -> str | None:
    """Why everything has to be read, in words; None if reading the changes is enough.

    ``source`` is ``{"identity": {...}, "position": {name: int}, "restart": {...}}``, the last one
    where the product tells; ``head_source`` the same from the head, None where there is no head;
    ``"foreign_ids": True`` in it: see ``foreign_ids``.
    ``reconcile_every_days`` 0 switches reconciling off.
    """
    if head_source is None or head_marker is None:
        return "there is no version yet"
    if asked:
        return "it was asked for"
    return (
        other_server(head_source, source)
        or foreign_ids(head_source)
        or restarted(head_source, source)
        or _clock_behind(head_marker, clock)
        or _reconcile_due(last_full_at, clock, reconcile_every_days)
    )


def other_server(head: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Why the source is not the one the head was read from, gone on in time; None if it is.

    Native ids of another server, or of a restored one, may mean other objects.
    """
    if dict(head.get("identity", {})) != dict(now.get("identity", {})):
        return "the source is another server than the one the head was read from"
    positions = now.get("position", {})
    for name, position in head.get("position", {}).items():
        if name not in positions:
            return f"the source does not report its position {name} any more"
        if positions[name] < position:
            return f"the source's position {name} is behind the head's: it may have been restored"
    return None


def foreign_ids(head: Mapping[str, Any]) -> str | None:
    """Why the head's native ids may be another server's though its source is the same."""
    if not head.get("foreign_ids"):
        return None
    return "the state was rolled back to a version that may have been read from another server"


def restarted(head: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Why the head's tokens may be those of other objects though ids and position go on.

    A copy of the server's files that was started in their place, and has gone past the head's
    position, shows neither in its identity nor in its position. No copy runs without a start.
    """
    before, since = dict(head.get("restart", {})), dict(now.get("restart", {}))
    if before == since:
        return None
    if not before or not since:
        return "it is not known whether the server was restarted since the last refresh"
    told = ", ".join(f"{name} {value}" for name, value in since.items())
    return (
        "the server was restarted since the last refresh, its statistics were reset, or another "
        f"copy answers ({told})"
    )


def regranted(head: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """Why what is missing may only be hidden: the role is not allowed what it was; None if it is.

    Only of products that hide what a role may not see; others record no grants.
    """
    before, since = head.get("grants"), now.get("grants")
    if before is None or before == since:
        return None
    lost = [grant for grant in before if grant not in (since or ())]
    new = [grant for grant in since or () if grant not in before]
    told = [f"{word}: {'; '.join(some)}" for word, some in (("gone", lost), ("new", new)) if some]
    return f"the role's grants are not those of the last refresh, {', '.join(told)}"


def _clock_behind(head_marker: datetime, clock: datetime) -> str | None:
    if clock >= head_marker:
        return None
    return f"the source's clock ({clock.isoformat()}) is behind the marker of the head"


def _reconcile_due(last_full: datetime | None, clock: datetime, every_days: float) -> str | None:
    if not every_days:
        return None
    if last_full is None:
        return "no full extraction is on record"
    if clock - last_full < timedelta(days=every_days):
        return None
    return f"the last full extraction is {every_days:g} days old or older"


@dataclass(frozen=True)
class Fingerprint:
    """What must be equal to the head's before a listing may be skipped.

    ``scope`` is ``Scope.to_json()``, which has the options that decide what is stored; ``format``
    is that of our files.
    """

    probe: str | None
    scope: Mapping[str, Any]
    identity: Mapping[str, Any]
    format: int


def must_list(
    head: Fingerprint,
    now: Fingerprint,
    *,
    tokens_missing: int,
    probe_times: Iterable[datetime] = (),
    reread_from: datetime | None = None,
) -> str | None:
    """Why the source has to be listed, in words; None if it is known to be unchanged without.

    Args:
        head: as recorded with the head.
        now: as found now.
        tokens_missing: tables of the head's version without a token.
        probe_times: times that the probe is made of, where it is.
        reread_from: ``marker - overlap`` of the head; needed only with ``probe_times``.
    """
    reasons = {
        "the source is another server": head.identity != now.identity,
        "the state has the format of an older release": head.format != now.format,
        "filters, options or entities differ from the head's": head.scope != now.scope,
        "the source has no probe": now.probe is None,
        "the last refresh left something unread": head.probe is None,
        "the probe differs from the head's": head.probe != now.probe,
        "what changed last is too recent for the probe to tell": not all(
            reread_from is not None and time < reread_from for time in probe_times
        ),
        "some tables have no token and are read every time": bool(tokens_missing),
        "rows are counted to leave out empty tables": bool(now.scope.get("exclude_empty_tables")),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)

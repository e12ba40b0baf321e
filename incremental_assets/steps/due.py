"""Which versions a sink is to get next, and which of them retention has to leave for it.

What a delivery holds is made in ``delivering``; delivering it is the matter of ``publishing``.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, islice

from incremental_assets.config.connection import Connection
from incremental_assets.steps.delivering import changes_as_delivery, snapshot_as_delivery
from incremental_assets.steps.stored import frames_of
from incremental_resources.sinks.delivery import Delivery
from incremental_resources.sinks.parquet.change_log import ChangeLog
from incremental_resources.source.dialect import Dialect
from incremental_resources.state_store.cursors import Cursor, Cursors
from incremental_resources.state_store.errors import ObjectMissing, StateCorrupt
from incremental_resources.state_store.head import VersionRef
from incremental_resources.state_store.store import StateStore
from incremental_resources.state_store.version import Version

FORGOTTEN = timedelta(days=30)
# Instead of a number: the current version whole, as if the sink were new.
WHOLE = "whole"
Again = int | str


def due(
    store: StateStore,
    dialect: Dialect,
    cursor: Cursor,
    again: Again | None,
    had: Callable[[], Container[str]] | None = None,
) -> Iterator[tuple[Version, Delivery]]:
    """What the sink is to get, oldest first.

    Where the version that it had last is no ancestor of the current one, or what lies between is
    not kept or damaged, it gets the current version whole; so it does where another version than
    the next one was begun. One that tells all that it ``had``, by identity, goes on from the
    nearest of them instead, or from the oldest version that is kept.
    """
    current = store.current()
    if current is None:
        return
    last, begun = cursor.published, cursor.begun if had is None else ()
    line = _line(current, last, again)
    if line is not None and set(begun) - {version.ref for version in line[:1]}:
        line = None
    if line is None and had and again is None:
        line = _line_from_any(current, had())
    try:
        for version in line or ():
            delivery = _step(store.connection, dialect, version, last, again)
            yield version, delivery
            last, begun = version.ref, ()
        if line is not None:
            return
    except StateCorrupt:
        if last == current.ref:
            raise
    anew = again == WHOLE or bool(begun)
    yield current, _whole(store, dialect, current, last, begun, anew=anew)


def _line(
    current: Version, published: VersionRef | None, again: Again | None
) -> list[Version] | None:
    """The versions after ``published`` (from number ``again`` on), oldest first; None: no line."""
    line: list[Version] = []
    if again == WHOLE:
        return None
    try:
        for version in chain([current], current.ancestors()):
            if again is None and published and version.ref.sha256 == published.sha256:
                return line
            line.insert(0, version)
            if version.number == again:
                return line
    except StateCorrupt:
        return None
    return None


def _line_from_any(current: Version, had: Container[str]) -> list[Version]:
    """The versions after the newest of those it had, or all that can be reached; one at least."""
    line: list[Version] = []
    with suppress(StateCorrupt):
        for version in chain([current], current.ancestors()):
            if version.ref.sha256 in had:
                break
            line.insert(0, version)
    return line or [current]


def _step(
    connection: str,
    dialect: Dialect,
    version: Version,
    last: VersionRef | None,
    again: Again | None,
) -> Delivery:
    parent = version.manifest.parent
    if parent is None or (version.number == again and version.parent() is None):
        previous = last.sha256 if last else None
        return snapshot_as_delivery(connection, dialect, version, previous=previous)
    return changes_as_delivery(connection, dialect, version, parent.sha256)


def _whole(
    store: StateStore,
    dialect: Dialect,
    current: Version,
    last: VersionRef | None,
    begun: Sequence[VersionRef],
    *,
    anew: bool,
) -> Delivery:
    previous = last.sha256 if last else None
    had = [version for ref in (last, *begun) if ref and (version := _readable(store, ref))]
    return snapshot_as_delivery(
        store.connection, dialect, current, previous=previous, had=had, anew=anew or not last
    )


def _readable(store: StateStore, ref: VersionRef) -> Version | None:
    """The version with all its rows; None where any of it is gone or damaged."""
    try:
        version = store.version(ref)
        frames_of(version)
    except (ObjectMissing, StateCorrupt):
        return None
    return version


def kept_for_sinks(
    connection: Connection, store: StateStore
) -> tuple[int | None, tuple[VersionRef, ...]]:
    """What retention must leave for sinks: the number of the oldest version on HEAD's line from
    which one of them goes on, and the versions apart from that line which sinks had last. The
    change log goes on from the line whatever it had last.

    A sink that is further behind than ``retain_unpublished`` gets a snapshot instead, and so does
    one that nobody has tried to reach for a month: it may not be configured any more. The change
    log always is.

    Where a cursor cannot be read, as many are left as a sink may be behind.

    Raises:
        StateCorrupt: a manifest cannot be read.
    """
    cursors = Cursors(store.objects, store.connection)
    # Sinks that are given in Python are known by their cursors alone.
    try:
        found = {name: cursors.read(name) for name in cursors.names()}
    except StateCorrupt:
        return _furthest(connection, store), ()
    since = datetime.now(UTC) - FORGOTTEN
    had = {
        ref.sha256: ref
        for name, one in found.items()
        if one and (one.tried_at >= since or name == ChangeLog.name)
        for ref in (one.published, *one.begun)
        if ref
    }
    oldest, head = None, store.head() if had else None
    if head and set(had) == {head.head.sha256}:
        return None, ()
    for place, version in enumerate(store.history() if had else ()):
        if place >= connection.options.retain_unpublished or not had:
            break
        if had.pop(version.ref.sha256, None):
            oldest = version.number
    # The change log goes on from any version that it has.
    ours = [one for name, one in found.items() if name != ChangeLog.name and one]
    sinks = {ref for one in ours for ref in (one.published, *one.begun)}
    return oldest, tuple(ref for ref in had.values() if ref in sinks)


def _furthest(connection: Connection, store: StateStore) -> int | None:
    numbers = (version.number for version in store.history())
    return min(islice(numbers, connection.options.retain_unpublished), default=None)


def unlogged_from(connection: Connection, store: StateStore) -> int | None:
    """The number of the oldest version that the change log may still have to be told, where it has
    not begun yet (an earlier release kept none) or what it had last is not on HEAD's line; None
    where it is: then it is known without it.

    Raises:
        StateCorrupt: a cursor or a manifest cannot be read.
    """
    cursor = Cursors(store.objects, store.connection).read(ChangeLog.name)
    last = cursor.published.sha256 if cursor and cursor.published else None
    oldest, head = None, store.head()
    if head and head.head.sha256 == last:
        return None
    for version in islice(store.history(), connection.options.retain_unpublished):
        if version.ref.sha256 == last:
            return None
        oldest = version.number
    return oldest

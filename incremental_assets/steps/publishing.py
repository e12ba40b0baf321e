"""Delivering to sinks what they have not had: which versions, in which order, under whose lease.

What a delivery holds is made in ``delivering``; how it is put somewhere is each sink's matter.
"""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from incremental_assets.config.errors import ConfigError
from incremental_assets.steps.due import Again, due
from incremental_resources.errors import ResourceError
from incremental_resources.sinks.errors import SinkUnavailable
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.source.dialect import Dialect
from incremental_resources.source.secrets import holds
from incremental_resources.state_store.cursors import Cursors, Failure, Leased
from incremental_resources.state_store.errors import SwapRefused
from incremental_resources.state_store.head import HeadRef
from incremental_resources.state_store.store import StateStore

AT_ONCE = 4
RENEW_SECONDS = 60.0
UNSAID = "(its words are not shown: they hold a secret of the sink; look at its own log)"


@dataclass
class Published:
    """How one sink stands after somebody delivered, or tried to.

    ``versions`` are those delivered now, ``whole`` the ones of them that were snapshots; ``behind``
    says that it does not have the current version. ``busy``: somebody else is delivering. ``head``
    is HEAD as it was read last.
    """

    sink: str
    kind: str
    version: int | None = None
    published_at: datetime | None = None
    behind: bool = False
    busy: bool = False
    versions: list[int] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    failed: Failure | None = None
    transient: bool = False
    head: HeadRef | None = None


def publish_all(
    store: StateStore,
    dialect: Dialect,
    sinks: Sequence[ConfiguredSink],
    again: Again | None = None,
) -> list[Published]:
    """Deliver to every sink what it has not had, some at a time; nothing a sink does is raised.

    Args:
        store: the state of a connection.
        dialect: of the connection.
        sinks: all of them, or those that are wanted.
        again: the number of a version that HEAD reaches: it and those after it are delivered again.
            ``WHOLE``: the current version is, as if the sink were new.

    Raises:
        VersionMissing: there is no version of that number.
    """
    if isinstance(again, int):
        store.find(again)
    if not sinks:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(sinks)), thread_name_prefix="publish") as threads:
        return list(threads.map(lambda sink: _publish(store, dialect, sink, again), sinks))


def standing(store: StateStore, name: str, kind: str) -> Published:
    """How a sink stands, without delivering anything."""
    cursor = Cursors(store.objects, store.connection).read(name)
    head = store.head()
    published = cursor.published if cursor else None
    had = published.sha256 if published else None
    return Published(
        name,
        kind,
        version=published.version if published else None,
        published_at=cursor.published_at if cursor else None,
        behind=head is not None and head.head.sha256 != had,
        busy=bool(cursor and cursor.lease and cursor.lease.holds()),
        failed=cursor.failed if cursor else None,
        head=head,
    )


def _publish(
    store: StateStore, dialect: Dialect, sink: ConfiguredSink, again: Again | None
) -> Published:
    done = Published(sink.name, sink.kind)
    try:
        if again is None and not (now := _now(store, sink, done)).behind and not now.failed:
            return now
        done.failed = None
        while True:
            leased = Cursors(store.objects, store.connection).lease(sink.name, sink.kind)
            if leased is None:
                done.busy = True
                return _now(store, sink, done)
            _deliver(store, dialect, sink, leased, again, done)
            again = None
            # HEAD may have moved while its own run found the lease taken.
            if not _now(store, sink, done).behind or done.failed or done.busy:
                return done
    except ResourceError as error:
        # The store, not the sink: the cursor could not be read or moved.
        done.failed = _failure(error, None, sink)
        done.transient, done.behind = bool(error.transient), True
        return done


def _deliver(
    store: StateStore,
    dialect: Dialect,
    sink: ConfiguredSink,
    leased: Leased,
    again: Again | None,
    done: Published,
) -> None:
    """All that is due, and give the lease back with what went wrong, if anything did."""
    failed = None
    try:
        with _kept_alive(leased) as lost:
            target = sink.make()
            for version, delivery in due(store, dialect, leased.cursor.published, again, sink.had):
                if lost.is_set():
                    done.busy = True
                    return
                done.figures = dict(target.publish(delivery) or {})
                leased.advance(version.ref)
                done.versions.append(version.number)
                done.whole += [version.number] if delivery.is_snapshot else []
    except SwapRefused:
        done.busy = True
        return
    except Exception as error:  # noqa: BLE001 - a sink of one's own may raise anything
        failed = _failure(error, leased.cursor.failed, sink)
        done.transient = bool(getattr(error, "transient", False))
    done.failed = failed
    try:
        leased.end(failed)
    except SwapRefused:
        done.busy = True


@contextmanager
def _kept_alive(leased: Leased) -> Iterator[threading.Event]:
    """The lease does not run out however long a delivery takes; the event says that it was lost."""
    over, lost = threading.Event(), threading.Event()

    def beat() -> None:
        while not over.wait(RENEW_SECONDS):
            try:
                leased.renew()
            except SwapRefused:
                lost.set()
                return
            except ResourceError:
                # A store that is away for a moment; the lease lasts for several beats.
                continue

    thread = threading.Thread(target=beat, daemon=True, name="publish-lease")
    thread.start()
    try:
        yield lost
    finally:
        over.set()
        thread.join()


def _now(store: StateStore, sink: ConfiguredSink, done: Published) -> Published:
    """``done`` with where the sink is now."""
    now = standing(store, sink.name, sink.kind)
    done.version, done.published_at, done.behind = now.version, now.published_at, now.behind
    done.head = now.head
    done.failed = done.failed or now.failed
    return done


def _failure(error: Exception, before: Failure | None, sink: ConfiguredSink) -> Failure:
    """What is kept of an error, and shown: nothing of the sink's secrets."""
    now = datetime.now(UTC)
    ours = isinstance(error, (ResourceError, ConfigError))
    told = str(error) if ours else f"{type(error).__name__}: {error}"
    name = type(error).__name__ if ours else SinkUnavailable.__name__
    return Failure(
        since=before.since if before else now,
        at=now,
        attempts=before.attempts + 1 if before else 1,
        error=name,
        message=f"Sink {sink.name}: {UNSAID if holds(told, sink.secrets) else told}",
    )

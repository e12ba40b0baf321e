"""Delivering to sinks what they have not had: which versions, in which order, under whose lease.

What a delivery holds is made in ``delivering``; how it is put somewhere is each sink's matter.
"""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from incremental_assets.config.errors import ConfigError
from incremental_assets.steps.due import Again, due
from incremental_assets.steps.holding import Held, Stopped, Taken, held
from incremental_resources.errors import ResourceError
from incremental_resources.sinks.errors import SinkUnavailable
from incremental_resources.sinks.pool import ConfiguredSink
from incremental_resources.source.dialect import Dialect
from incremental_resources.source.secrets import holds
from incremental_resources.state_store.cursors import Cursors, Failure, Leased
from incremental_resources.state_store.errors import SwapRefused
from incremental_resources.state_store.head import HeadRef
from incremental_resources.state_store.store import StateStore

LOOK_SECONDS = 0.5
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
    stop = threading.Event()
    # A thread for each: one that hangs holds back only itself.
    with ThreadPoolExecutor(len(sinks), thread_name_prefix="publish") as threads:
        try:
            ends = [threads.submit(_publish, store, dialect, sink, again, stop) for sink in sinks]
            # Another thread may be the one that gets a signal: this one looks from time to time.
            while wait(ends, timeout=LOOK_SECONDS).not_done:
                pass
            return [end.result() for end in ends]
        except BaseException:
            stop.set()
            raise


def standing(store: StateStore, name: str, kind: str, place: str | None = None) -> Published:
    """How a sink stands, without delivering anything; ``place``: where it is, if that is known."""
    cursor = Cursors(store.objects, store.connection).read(name)
    head = store.head()
    cursor = cursor.of(place) if cursor else None
    published = cursor.published if cursor else None
    had = published.sha256 if published else None
    begun = cursor is not None and bool(cursor.begun)
    return Published(
        name,
        kind,
        version=published.version if published else None,
        published_at=cursor.published_at if cursor else None,
        behind=head is not None and (head.head.sha256 != had or begun),
        busy=bool(cursor and cursor.lease and cursor.lease.holds()),
        failed=cursor.failed if cursor else None,
        head=head,
    )


def _publish(
    store: StateStore,
    dialect: Dialect,
    sink: ConfiguredSink,
    again: Again | None,
    stop: threading.Event,
) -> Published:
    done = Published(sink.name, sink.kind)
    try:
        if again is None and not (now := _now(store, sink, done)).behind and not now.failed:
            return now
        done.failed = None
        while True:
            leased = Cursors(store.objects, store.connection).lease(
                sink.name, sink.kind, sink.place
            )
            if leased is None:
                done.busy = True
                return _now(store, sink, done)
            _deliver(store, dialect, sink, leased, again, done, stop)
            again = None
            # HEAD may have moved while its own run found the lease taken.
            if not _now(store, sink, done).behind or done.failed or done.busy or stop.is_set():
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
    stop: threading.Event,
) -> None:
    """All that is due, and give the lease back with what went wrong, if anything did."""
    failed, before = None, leased.cursor.failed
    try:
        with held(leased, stop) as holding:
            _deliver_due(store, dialect, sink, holding, again, done)
    except Taken:
        done.busy = True
        return
    except Stopped:
        failed = before
    except BaseException as error:  # noqa: BLE001 - a sink of one's own may raise anything
        failed = _failure(error, before, sink)
        done.transient = bool(getattr(error, "transient", False))
    done.failed = failed
    try:
        leased.end(failed)
    except SwapRefused:
        done.busy = True


def _deliver_due(
    store: StateStore,
    dialect: Dialect,
    sink: ConfiguredSink,
    holding: Held,
    again: Again | None,
    done: Published,
) -> None:
    target = sink.make()
    for version, delivery in due(store, dialect, holding.cursor, again, sink.had):
        holding.begin(version.ref)
        _add(done.figures, target.publish(replace(delivery, proceed=holding.proceed)))
        holding.advance(version.ref)
        done.versions.append(version.number)
        done.whole += [version.number] if delivery.is_snapshot else []


def _add(figures: dict[str, Any], more: Any) -> None:
    """Numbers of several versions are added up; of anything else the last one counts.

    A sink of one's own may return anything; what is no mapping are no figures.
    """
    for name, value in more.items() if isinstance(more, Mapping) else ():
        before = figures.get(name)
        numbers = isinstance(value, int | float) and isinstance(before, int | float)
        figures[name] = before + value if numbers else value


def _now(store: StateStore, sink: ConfiguredSink, done: Published) -> Published:
    """``done`` with where the sink is now."""
    now = standing(store, sink.name, sink.kind, sink.place)
    done.version, done.published_at, done.behind = now.version, now.published_at, now.behind
    done.head = now.head
    done.failed = done.failed or now.failed
    return done


def _failure(error: BaseException, before: Failure | None, sink: ConfiguredSink) -> Failure:
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

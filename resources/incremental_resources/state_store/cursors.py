"""How far each sink is: one record a sink, moved by compare-and-swap, with a lease in it.

A cursor names a version for good, by its hash: numbers start again where a state was removed. What
is delivered, and when, is decided by the caller.
"""

import os
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from incremental_resources.processes import Place, Process
from incremental_resources.state_store.documents import FORMAT, Document, Moment
from incremental_resources.state_store.errors import (
    ObjectMissing,
    StateCorrupt,
    StoreUnavailable,
    SwapRefused,
)
from incremental_resources.state_store.head import VersionRef
from incremental_resources.state_store.objects import ObjectStore

FOLDER = "sinks"
RECORD = ".json"
# Clocks of machines that publish to one sink must agree to well within this.
LEASE = timedelta(minutes=5)
# Each of them is kept for what may have to be taken away again.
MOST_BEGUN = 10


class Lease(BaseModel):
    """Who is delivering, and until when nobody else may begin."""

    model_config = ConfigDict(frozen=True)

    id: str
    host: str
    boot: str
    namespace: str
    pid: int
    start: str
    until: Moment

    @classmethod
    def taken(cls) -> "Lease":
        """A new one for this process."""
        process = Process.of(os.getpid())
        where = process.place._asdict()
        until = datetime.now(UTC) + LEASE
        return cls(id=uuid.uuid4().hex, pid=process.pid, start=process.start, until=until, **where)

    def holds(self) -> bool:
        """Whether its holder may still be at work: it is not over, nor is its process gone."""
        place = Place(self.host, self.boot, self.namespace)
        gone = Process(place, self.pid, self.start).has_ended
        return not gone and datetime.now(UTC) < self.until


class Failure(BaseModel):
    """Why the sink does not have what it should have: since when, how often tried, what it said."""

    model_config = ConfigDict(frozen=True)

    since: Moment
    at: Moment
    attempts: int
    error: str
    message: str


class Cursor(Document):
    """A sink's record. ``published`` is the version it had last; None if it had none.

    ``begun``: versions of which it may have anything from nothing to all, oldest first.
    ``place``: where that was, as its kind and a hash of what its settings say of that; None where
    nothing is known of it. ``failed`` is None once all was delivered.
    """

    format: int = FORMAT
    kind: str
    published: VersionRef | None = None
    published_at: Moment | None = None
    begun: tuple[VersionRef, ...] = ()
    place: str | None = None
    lease: Lease | None = None
    failed: Failure | None = None

    def of(self, place: str | None) -> "Cursor":
        """The record of the sink at this place: without what another one of its name had."""
        if place is None or self.place in (None, place):
            return self
        return self.model_copy(update={"published": None, "published_at": None, "begun": ()})

    @property
    def tried_at(self) -> datetime:
        """When somebody last delivered, or tried to."""
        known = [
            self.published_at,
            self.failed.at if self.failed else None,
            self.lease.until if self.lease else None,
        ]
        never = datetime.min.replace(tzinfo=UTC)
        return max((moment for moment in known if moment), default=never)


@dataclass(frozen=True)
class Kept:
    """A cursor as it was read, with the tag that a swap must present."""

    cursor: Cursor
    tag: str | None


class Cursors:
    """The cursors of one connection, by the names of its sinks."""

    def __init__(self, objects: ObjectStore, connection: str) -> None:
        self._objects = objects
        self._folder = f"{connection}/{FOLDER}"

    def names(self) -> list[str]:
        """The sinks that have a cursor."""
        paths = self._objects.list(self._folder)
        return [path.rpartition("/")[2].removesuffix(RECORD) for path in paths]

    def read(self, sink: str) -> Cursor | None:
        """The sink's cursor; None if it has none. Raises StateCorrupt, StateTooNew."""
        return self._read(sink)[0]

    def lease(self, sink: str, kind: str, place: str | None = None) -> "Leased | None":
        """Begin to deliver to the sink at this place; None while somebody else does."""
        cursor, tag = self._read(sink)
        if cursor and cursor.lease and cursor.lease.holds():
            return None
        lease = Lease.taken()
        known = (cursor or Cursor(kind=kind)).of(place)
        here = {"kind": kind, "place": place or known.place}
        begun = known.model_copy(update={**here, "lease": lease})
        try:
            return Leased(self, sink, self.swap(sink, begun, tag))
        except SwapRefused:
            return None

    def swap(self, sink: str, new: Cursor, tag: str | None) -> Kept:
        """Write the cursor if its tag is still this one.

        A swap whose answer was lost is recognised by its content.

        Raises:
            SwapRefused: somebody else wrote it meanwhile.
        """
        try:
            written = self._objects.swap(self._record(sink), new.to_bytes(), tag)
        except (SwapRefused, StoreUnavailable):
            found, now = self._read(sink)
            if found != new:
                raise
            return Kept(new, now)
        return Kept(new, written)

    def _read(self, sink: str) -> tuple[Cursor | None, str | None]:
        path = self._record(sink)
        try:
            stored = self._objects.read(path)
        except ObjectMissing:
            return None, None
        try:
            return Cursor.from_bytes(stored.data, path), stored.tag
        except StateCorrupt as error:
            told = f"{error} Or remove it: the sink then gets the current version whole."
            raise StateCorrupt(told) from error

    def _record(self, sink: str) -> str:
        return f"{self._folder}/{sink}{RECORD}"


class Leased:
    """A cursor that only this process moves."""

    def __init__(self, cursors: Cursors, sink: str, kept: Kept) -> None:
        # One thread delivers, another one keeps the lease alive.
        self._lock = threading.Lock()
        self._cursors = cursors
        self._sink = sink
        self._kept = kept

    @property
    def cursor(self) -> Cursor:
        """As it was written last."""
        return self._kept.cursor

    def renew(self) -> None:
        """Hold the lease from now on for as long as a new one. Raises SwapRefused: it was lost."""
        lease = self.cursor.lease
        if lease is not None:
            until = {"until": datetime.now(UTC) + LEASE}
            self._write({"lease": lease.model_copy(update=until)})

    def begin(self, version: VersionRef) -> None:
        """The sink may have this version from now on. Raises SwapRefused: the lease was lost."""
        begun = self.cursor.begun
        if version not in begun:
            self._write({"begun": (*begun, version)[-MOST_BEGUN:]})

    def advance(self, published: VersionRef) -> None:
        """The sink has this version now. Raises SwapRefused: the lease was lost."""
        self._write({"published": published, "published_at": datetime.now(UTC), "begun": ()})

    def end(self, failed: Failure | None) -> None:
        """Give the lease back. Raises SwapRefused: it was lost before."""
        self._write({"lease": None, "failed": failed})

    def _write(self, update: Mapping[str, Any]) -> None:
        with self._lock:
            new = self.cursor.model_copy(update=update)
            self._kept = self._cursors.swap(self._sink, new, self._kept.tag)

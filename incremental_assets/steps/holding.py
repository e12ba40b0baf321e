"""Holding a sink's lease while something is delivered, and knowing when that is over.

What is delivered is decided in ``due``; the record that holds the lease is the state store's.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from incremental_resources.errors import ResourceError
from incremental_resources.state_store.cursors import Cursor, Leased
from incremental_resources.state_store.errors import SwapRefused
from incremental_resources.state_store.head import VersionRef

RENEW_SECONDS = 60.0
# One request to a sink may be on its way for so long after it was last allowed.
MARGIN = timedelta(seconds=60)


class Over(Exception):
    """Nothing more may be delivered from here."""


class Taken(Over):
    """Somebody else holds the lease, or may hold it by now."""


class Stopped(Over):
    """Whoever asked for it does not want it any more."""


@dataclass
class Held:
    """A lease that is renewed in the background; ``stop`` is set by whoever wants it no more."""

    leased: Leased
    stop: threading.Event
    lost: threading.Event = field(default_factory=threading.Event)

    def proceed(self) -> None:
        """Return if something may be delivered now.

        Raises:
            Taken: the lease was lost, or could not be renewed for too long.
            Stopped: somebody stopped it.
        """
        if self.stop.is_set():
            raise Stopped
        lease = self.leased.cursor.lease
        if self.lost.is_set() or lease is None or datetime.now(UTC) > lease.until - MARGIN:
            raise Taken

    def begin(self, version: VersionRef) -> None:
        """Note that the sink may have this version from now on. Raises Taken, Stopped."""
        self.proceed()
        try:
            self.leased.begin(version)
        except SwapRefused:
            raise Taken from None

    def advance(self, version: VersionRef) -> None:
        """Note that the sink has this version. Raises Taken."""
        try:
            self.leased.advance(version)
        except SwapRefused:
            raise Taken from None

    @property
    def cursor(self) -> Cursor:
        """The record as it was written last."""
        return self.leased.cursor


@contextmanager
def held(leased: Leased, stop: threading.Event) -> Iterator[Held]:
    """The lease does not run out however long a delivery takes, while the store can be reached."""
    holding, over = Held(leased, stop), threading.Event()

    def beat() -> None:
        while not over.wait(RENEW_SECONDS):
            try:
                leased.renew()
            except SwapRefused:
                holding.lost.set()
                return
            except ResourceError:
                # A store that is away for a moment; the lease lasts for several beats.
                continue

    thread = threading.Thread(target=beat, daemon=True, name="publish-lease")
    thread.start()
    try:
        yield holding
    finally:
        over.set()
        thread.join()

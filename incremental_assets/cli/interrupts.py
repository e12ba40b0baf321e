"""Ctrl-C while a run goes on in this process.

Dagster takes the signal for a failure of the step, which it then tries again; here one is told that
it came, so that the run can be ended between two events.
"""

import os
import signal
import threading
from contextlib import suppress
from typing import Self

ENDING = frozenset({signal.SIGINT, signal.SIGTERM})


class Interrupts:
    """Whether somebody asked this process to end while the context lasts.

    The interpreter writes each signal that has a handler to a pipe, whoever's the handler is.
    """

    def __init__(self) -> None:
        self._came = False
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        self._watching = threading.current_thread() is threading.main_thread()
        self._before = -1

    def __enter__(self) -> Self:
        if self._watching:
            self._before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        if self._watching:
            signal.set_wakeup_fd(self._before)
        self.came()
        os.close(self._reading)
        os.close(self._writing)

    def came(self) -> bool:
        """Whether one came so far."""
        with suppress(BlockingIOError):
            self._came |= not ENDING.isdisjoint(os.read(self._reading, 4096))
        return self._came

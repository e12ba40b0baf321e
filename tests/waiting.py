"""Waiting for what others do: until it is there, or until a sign says that it will not come.

How long that takes says nothing: the machine may have other work. ``LIMIT_SECONDS`` is for what
stands still without a sign, and is below the limit that pytest has for a test.
"""

import subprocess
import time
from collections.abc import Callable, Mapping

LIMIT_SECONDS = 900.0
PAUSE_SECONDS = 0.2

# Why it will not come any more; None: it may still.
Sign = Callable[[], str | None]


def wait_until(condition: Callable[[], object], *signs: Sign) -> None:
    """Poll ``condition`` until it holds; fail as soon as one of ``signs`` gives a reason."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        reasons = [reason for reason in (sign() for sign in signs) if reason]
        # It may have come between the two looks.
        if reasons and not condition():
            raise AssertionError("; ".join(reasons))
        assert time.monotonic() < deadline, f"not within {LIMIT_SECONDS:g} seconds"
        time.sleep(PAUSE_SECONDS)


def end_of(processes: Mapping[str, "subprocess.Popen[bytes]"]) -> str | None:
    """Which of the processes, by name, have ended by themselves; None if none has."""
    codes = {name: process.poll() for name, process in processes.items()}
    ended = [f"{name} (exit code {code})" for name, code in codes.items() if code is not None]
    return f"ended by itself: {', '.join(ended)}" if ended else None

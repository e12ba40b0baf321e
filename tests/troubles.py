"""What can go wrong at one operation of a store, and a refresh to which it happens once.

How a refresh must end then, and what is looked at afterwards, is in faults.py.
"""

import errno
import os
import signal
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, NoReturn

from incremental_resources.state_store.errors import StoreUnavailable
from incremental_resources.state_store.files import explained
from tests.watched import Operation

KILLED, SURVIVED = "killed", "survived"
NOT_ASKED = ("scratch",)


def die(*_what: object) -> NoReturn:
    """As by a person's kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed, and still there")


def fail(operation: Operation, told: str) -> NoReturn:
    raise StoreUnavailable(f"{operation.path}: {told}")


def refuse(operation: Operation, number: int) -> NoReturn:
    raise explained(OSError(number, "refused"), operation.path)


def tear(operation: Operation) -> None:
    """Half of it: half of the bytes in a file in the making, or half of a folder deleted."""
    objects, path = operation.objects, operation.path
    if operation.name == "delete":
        below = [] if objects.exists(path) else objects.list(path)
        for one in below[: len(below) // 2]:
            objects.delete(one)
    elif operation.number:
        data = operation.arguments[1]
        if operation.name == "copy":
            data = objects.read(operation.arguments[0]).data
        elif operation.name == "create_file":
            data = Path(data).read_bytes()
        torn = objects.scratch() / uuid.uuid4().hex
        torn.write_bytes(data[: len(data) // 2])


@dataclass(frozen=True)
class Fault:
    """``strike`` happens ``times`` times, to the operation at the point and to those after it.

    ``ends``: killed, survived, or what the refresh's error must hold. ``does``: the operation
    itself was done all the same.
    """

    name: str
    strike: Callable[[Operation], Any]
    ends: str
    times: float = 1
    first: Callable[[Operation], Any] = lambda _operation: None
    does: bool = False

    def ends_at(self, head_swap: bool) -> str:
        """What the end must match; whether HEAD moved cannot be known if the store is gone."""
        return f"CommitUnknown.*{self.ends}" if head_swap and self.times == inf else self.ends


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("kill -9", die, KILLED),
        Fault("torn, then kill -9", die, KILLED, first=tear),
        Fault("disk full", lambda op: refuse(op, errno.ENOSPC), "No space left on device"),
        Fault("not permitted", lambda op: refuse(op, errno.EACCES), "Permission denied"),
        Fault("timeout", lambda op: fail(op, "timed out"), SURVIVED),
        Fault("error 500, twice", lambda op: fail(op, "500 Internal Error"), SURVIVED, times=2),
        Fault("torn, then error", lambda op: fail(op, "reset"), SURVIVED, first=tear),
        Fault("reply lost", lambda op: fail(op, "reset"), SURVIVED, first=Operation.do, does=True),
        Fault("gone for good", lambda op: fail(op, "no answer"), "no answer", times=inf),
        Fault(
            "done, then gone for good",
            lambda op: fail(op, "no answer"),
            "no answer",
            times=inf,
            first=Operation.do,
            does=True,
        ),
    )
}


class Trouble:
    """One fault at one point: a write by number, the first operation of a step, or by ``what``."""

    def __init__(self, fault: Fault, point: int | str) -> None:
        self._fault = fault
        self._point = point
        self._step = ""
        self.struck = 0

    def around(self, operation: Operation) -> Any:
        """Do the operation, unless it is the one, or one of those, that the fault strikes."""
        if operation.name in NOT_ASKED or not self._strikes(operation):
            return operation.do()
        self.struck += 1
        if self.struck == 1:
            self._fault.first(operation)
        return self._fault.strike(operation)

    def on_event(self, kind: str, step: str) -> None:
        """Remember which step is running."""
        if kind == "STEP_START":
            self._step = step

    def _strikes(self, operation: Operation) -> bool:
        if self.struck:
            every = self._fault.times == inf or self._step == self._point
            return self.struck < self._fault.times and (every or operation.number > 0)
        if isinstance(self._point, int):
            return operation.number == self._point
        return self._step == self._point or operation.what.startswith(self._point)

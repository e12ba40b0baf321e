"""Which processes there are, and where their numbers count. What follows from one being gone is
others' matter.
"""

import os
import socket
import subprocess
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

UNKNOWN = "-"
BOOT = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE = Path("/proc/self/ns/pid")


class Place(NamedTuple):
    """Where a process number means something: a machine since it was started, and in it the
    namespace of processes (a container's own). Hosts may share a name, and so may containers."""

    host: str
    boot: str
    namespace: str


class Process(NamedTuple):
    """A process as no other ever is: its number is given to somebody else in time."""

    place: Place
    pid: int
    start: str

    @classmethod
    def of(cls, pid: int) -> Self:
        """The process that has this number here and now."""
        return cls(place(), pid, started(pid) or UNKNOWN)

    @property
    def is_here(self) -> bool:
        """Whether it can be judged from here; of one elsewhere nothing can be seen."""
        return self.place == place()

    @property
    def has_ended(self) -> bool:
        """Whether it was here and is gone."""
        if not self.is_here:
            return False
        start = started(self.pid)
        return not _is_hidden(self.pid) if start is None else start != self.start


@cache
def place() -> Place:
    """Where this process is. What the system does not tell is ``-``."""
    return Place(socket.gethostname(), _boot(), _namespace())


def _boot() -> str:
    try:
        return BOOT.read_text().strip()
    except OSError:
        return UNKNOWN


def _namespace() -> str:
    try:
        return str(NAMESPACE.readlink())
    except OSError:
        return UNKNOWN


def started(pid: int) -> str | None:
    """When process ``pid`` started, as the system tells it; None if it shows no such process."""
    if Path("/proc/self/stat").exists():
        return _start_in_proc(pid)
    told = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return told.stdout.strip().replace(" ", "_") or None


def _start_in_proc(pid: int) -> str | None:
    try:
        # A new namespace may still see the /proc of the one that it was made in.
        if Path("/proc/self").readlink() != Path(str(os.getpid())):
            return None
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # Fields after the command's name, which may itself hold spaces and parentheses. The first is
    # the state (Z: killed, not yet reaped), the 20th the start in ticks since boot.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def _is_hidden(pid: int) -> bool:
    """Whether there is a process that the system does not show: /proc may be mounted so that it
    has only one's own (hidepid), or be another namespace's."""
    if Path(f"/proc/{pid}").exists() and _sees_itself():
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _sees_itself() -> bool:
    return started(os.getpid()) is not None

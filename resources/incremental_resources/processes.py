"""Which processes of this machine there are. What follows from one being gone is others' matter."""

import subprocess
from pathlib import Path


def started(pid: int) -> str | None:
    """When process ``pid`` started, as the system tells it; None if there is no such process.

    A pid alone is not enough: the system gives it to somebody else in time.
    """
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        # Fields after the command's name, which may itself hold spaces and parentheses. The first
        # is the state (Z: killed, not yet reaped), the 20th the start in ticks since boot.
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    told = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return told.stdout.strip().replace(" ", "_") or None

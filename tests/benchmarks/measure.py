"""One command from its start to its end: wall, processor time, peak memory.

The command is started by a second, bare Python process that runs this very file: on Linux a child's
peak memory is never less than that of the process which started it. Standard library only.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measurement:
    """What one command cost. ``server`` is None where the server's processes cannot be seen."""

    wall: float
    cpu: float
    rss_mb: float
    server: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """The same as a plain mapping."""
        return asdict(self)


def run(command: list[str], environment: dict[str, str]) -> Measurement:
    """Run ``command``, whose output goes nowhere, and measure it with all of its children.

    Raises:
        SystemExit: the command failed; the message ends with what it wrote.
    """
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile() as errors:
        result = Path(scratch) / "result.json"
        launcher = [sys.executable, "-I", "-S", __file__, str(result), *command]
        subprocess.run(
            launcher, env=environment, stdout=subprocess.DEVNULL, stderr=errors, check=True
        )
        found = json.loads(result.read_text("utf-8"))
        if found.pop("status") != 0:
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace")[-3000:]
            raise SystemExit(f"This command failed: {' '.join(command)}\n{said}")
    return Measurement(**found)


def launch(result: str, command: list[str]) -> None:
    """Run ``command`` and write its cost to the file ``result``."""
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10  # macOS counts bytes, Linux kibibytes
    found = {
        "status": os.waitstatus_to_exitcode(status),
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "rss_mb": usage.ru_maxrss / unit,
    }
    with Path(result).open("w", encoding="utf-8") as target:
        json.dump(found, target)


if __name__ == "__main__":
    launch(sys.argv[1], sys.argv[2:])

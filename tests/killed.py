"""Refreshes by the command that are killed while they read columns and hold their pool's slot.

``python -m tests.killed CONFIG TIMES`` kills so many and prints their exit codes as JSON.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from tests.troubles import die
from tests.watched import Operation, in_child, refresh_by_command, run_module

KILLS_IN_A_ROW = 4


def kill_in_columns(config: Path) -> None:
    """``refresh``, killed before its step ``columns`` writes the first batch."""

    def around(operation: Operation) -> Any:
        return die() if operation.number and "/batches/" in operation.path else operation.do()

    refresh_by_command(config, Path(os.environ["DAGSTER_HOME"]), around)


def kill_refreshes(config: Path, home: Path, times: int = KILLS_IN_A_ROW) -> list[int]:
    """Kill that many refreshes, one after the other, in their step ``columns``; the exit codes."""
    told = run_module(home, "tests.killed", config, times)
    assert told.returncode == 0, told.stderr
    codes: list[int] = json.loads(told.stdout)
    return codes


if __name__ == "__main__":
    kill = partial(kill_in_columns, Path(sys.argv[1]))
    json.dump([in_child(kill) for _ in range(int(sys.argv[2]))], sys.stdout)

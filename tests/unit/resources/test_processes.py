"""When a process started: what tells it from a later one with its number."""

import os
import signal
import subprocess
import sys

from incremental_resources.processes import started


def test_a_process_has_one_start_for_life() -> None:
    assert started(os.getpid())
    assert started(os.getpid()) == started(os.getpid())


def test_one_that_is_not_there_has_none() -> None:
    assert started(2**22 + 1) is None


def test_a_killed_one_has_none_even_before_anybody_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert started(process.pid)
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert started(process.pid) is None

"""Which process is which: its place and its start tell it from others with its number."""

import os
import signal
import subprocess
import sys

import pytest

from incremental_resources import processes
from incremental_resources.processes import Place, Process, place, started
from tests.namespaces import UNSHARED


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


def test_a_process_that_was_here_is_known_to_have_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        told = Process.of(process.pid)
        assert told.is_here
        assert not told.has_ended
        process.kill()
    assert told.has_ended
    # Somebody else has its number now.
    assert Process(place(), os.getpid(), told.start).has_ended


@pytest.mark.parametrize("differs", [{"host": "x"}, {"boot": "x"}, {"namespace": "x"}])
def test_of_a_process_elsewhere_nothing_is_known(differs: dict[str, str]) -> None:
    told = Process(place()._replace(**differs), 2**22 + 1, "1")
    assert not told.is_here
    assert not told.has_ended


def test_two_namespaces_under_one_host_name_are_two_places() -> None:
    code = "from incremental_resources.processes import place; print(*place(), sep=chr(10))"
    # As ``python -m`` gives it, which is what stands for a namespace where none can be made.
    told = subprocess.run(
        [*UNSHARED, sys.executable, "-m", "tests.saying", code],
        capture_output=True,
        text=True,
        check=True,
    )
    there, here = Place(*told.stdout.splitlines()), place()
    assert there[:2] == here[:2]
    assert there != here


def test_a_process_that_the_system_hides_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        told = Process.of(process.pid)
        # As in a namespace that still sees the /proc of another one.
        monkeypatch.setattr(processes, "_start_in_proc", lambda _pid: None)
        assert not told.has_ended
        process.kill()
    assert told.has_ended

"""A wait ends with what it waits for, with a sign that it will not come, or with its limit."""

import subprocess
import sys

import pytest

from tests import waiting
from tests.waiting import end_of, wait_until


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PAUSE_SECONDS", 0)


def test_it_ends_when_the_condition_holds() -> None:
    looks = iter([False, False, True])
    wait_until(lambda: next(looks), lambda: None)


def test_it_ends_at_a_sign_and_gives_the_reason() -> None:
    signs = iter([None, "the daemon is gone"])
    with pytest.raises(AssertionError, match="the daemon is gone"):
        wait_until(lambda: False, lambda: None, lambda: next(signs))


def test_what_came_before_the_sign_has_come() -> None:
    """A process may do what is waited for and end before anybody looks."""
    looks = iter([False, True, True])
    wait_until(lambda: next(looks), lambda: "it has ended")


def test_it_ends_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LIMIT_SECONDS", 0)
    with pytest.raises(AssertionError, match="not within 0 seconds"):
        wait_until(lambda: False)


def test_the_limit_is_below_that_of_a_test(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) > waiting.LIMIT_SECONDS


def test_processes_that_ended_are_named() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stays:
        with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as ends:
            ends.wait()
        assert end_of({"one": stays}) is None
        assert end_of({"one": stays, "other": ends}) == "ended by itself: other (exit code 3)"

"""``ui`` where it cannot listen: what it says, and that nothing is started."""

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.shop_versions import Run, Shop

# In the place of dagster a program that would go on for long; the signal comes as it is started.
ENDED_AT_ONCE = """
import os, subprocess, sys
from pathlib import Path
from incremental_assets.cli.commands import ui
from incremental_assets.instance.home import Home

class Started(subprocess.Popen):
    def __init__(self, _command, **settings):
        program = [sys.executable, "-c", "import time; time.sleep(600)"]
        super().__init__(program, **settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print(self.pid, flush=True)
        os.kill(os.getpid(), int(sys.argv[1]))

subprocess.Popen = Started
sys.exit(ui._serve(Home(Path(sys.argv[2]), None), "127.0.0.1", 3000, None))
"""


@pytest.mark.parametrize("port", ["99999", "65536", "0", "-5", "http"])
def test_a_port_that_there_cannot_be_is_wrong_usage(shop: Shop, run: Run, port: str) -> None:
    result = run("ui", "--port", port)
    assert result.exit_code == 2
    assert "--port" in result.stderr


def test_a_port_that_is_taken_is_named(shop: Shop, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("ui", "--port", str(port))
    assert result.exit_code == 1
    assert result.stderr == (
        f"Port {port} of 127.0.0.1 is taken. Choose another one with --port.\n"
    )
    assert not (shop.directory / "home").exists()


@pytest.mark.parametrize(
    "host",
    ["nohost.invalid", "192.0.2.1", "a..b", "ü..b"],  # unknown, of another machine, no name at all
)
def test_an_address_that_cannot_be_listened_at_is_no_taken_port(
    shop: Shop, run: Run, host: str
) -> None:
    result = run("ui", "--host", host)
    assert result.exit_code == 1
    assert host in result.stderr
    assert "--host" in result.stderr
    assert "taken" not in result.stderr


def test_a_port_that_needs_a_right_is_no_taken_port(
    shop: Shop, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bind(_socket: socket.socket, _address: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(socket.socket, "bind", bind)
    result = run("ui", "--port", "80")
    assert result.exit_code == 1
    assert "may not listen at port 80" in result.stderr
    assert "--port" in result.stderr


@pytest.mark.parametrize(
    ("host", "open_to_others"),
    [
        ("0.0.0.0", True),
        ("", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("localhost", False),
    ],
)
def test_a_ui_that_others_reach_is_said_to_have_no_login_before_it_starts(
    shop: Shop, run: Run, monkeypatch: pytest.MonkeyPatch, host: str, open_to_others: bool
) -> None:
    def serve(*_arguments: object) -> int:
        click.echo("started", err=True)
        return 0

    monkeypatch.setattr("incremental_assets.cli.commands.ui._serve", serve)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told, _, after = run("ui", "--host", host, "--port", str(port)).stderr.partition("started")
    assert after == "\n"
    assert ("has no login: whoever reaches" in told) is open_to_others
    assert ("may launch runs, accept deletions" in told) is open_to_others


@pytest.mark.parametrize(
    "ending",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.campaign),
        pytest.param(signal.SIGHUP, marks=pytest.mark.campaign),
    ],
)
def test_a_signal_that_comes_while_dagster_is_started_leaves_nothing_behind(
    ending: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", ENDED_AT_ONCE, str(int(ending)), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    try:
        assert done.returncode == 0, done.stderr
        with pytest.raises(ProcessLookupError):
            os.kill(int(done.stdout), 0)
    finally:
        subprocess.run(["kill", "-9", done.stdout.strip()], capture_output=True, check=False)

"""``ui``: the Dagster UI with instance and workspace set up."""

import errno
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

import click

from incremental_assets.cli.reloading import keep_loaded
from incremental_assets.cli.shell import ending_with_our_message, fail
from incremental_assets.config.loading import ENVIRONMENT_VARIABLE, find_config
from incremental_assets.config.model import Config
from incremental_assets.instance.home import Home, locate_home, open_instance, prepare_home
from incremental_assets.instance.runs import fail_abandoned_runs
from incremental_assets.naming import LOCATION
from incremental_assets.wiring import current_config
from incremental_resources.demo.errors import DemoUnavailable
from incremental_resources.demo.server import DemoServer

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# For a run that is going on to be cancelled cleanly.
GROUP_SECONDS = 20.0


@click.command("ui")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=3000,
    show_default=True,
    help="Where the UI listens.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="On which address.")
@click.pass_obj
@ending_with_our_message
def ui_command(settings: dict[str, object], port: int, host: str) -> None:
    """Open the Dagster UI of this directory's connections; Ctrl-C ends it."""
    explicit = settings["config"]
    config = current_config(explicit)
    home = locate_home(os.environ, Path.cwd())
    if obstacle := _obstacle(host, port):
        fail(obstacle)
    if not _is_loopback(host):
        click.echo(
            f"Dagster's UI has no login: whoever reaches {host}:{port} may launch runs, accept "
            "deletions and read everything it shows. Let only those reach it who may do that, "
            "through a proxy with a login for instance.",
            err=True,
        )
    prepare_home(home)
    with open_instance(home) as instance:
        for run_id in fail_abandoned_runs(instance):
            click.echo(f"Run {run_id} was left by a killed process; it is marked as failed.")
    click.echo(f"Dagster starts, which takes some seconds; the UI will be at {_url(host, port)}.")
    demo = any(connection.embedded for connection in config.connections)
    server = DemoServer(home.demo) if demo else None
    Thread(target=_accompany, args=(_url(host, port), config, server), daemon=True).start()
    try:
        code = _serve(home, host, port, explicit)
    finally:
        if demo:
            DemoServer(home.demo).stop()
    sys.exit(code)


def _url(host: str, port: int) -> str:
    """Where a browser of this machine finds it."""
    named = "127.0.0.1" if host in ("", "0.0.0.0") else "[::1]" if host == "::" else host
    return f"http://{named}:{port}"


def _accompany(url: str, config: Config, demo: DemoServer | None) -> None:
    """Say that the UI answers, once it does, and what to click first; then keep it up to date."""
    while not _answers(url):
        time.sleep(0.3)
    job = f"{url}/locations/{LOCATION}/jobs/{config.connections[0].name}_refresh"
    click.echo(f"The UI answers at {url}. Ctrl-C ends it.")
    click.echo(f"To refresh: {job}, Materialize all; by itself: a sensor under Automation.")
    if demo is not None:
        with suppress(DemoUnavailable):
            click.echo(f"The demo's database, to change something in it: {demo.psql_command()}")
    keep_loaded(url, config)


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/server_info", timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def _serve(home: Home, host: str, port: int, explicit: str | None) -> int:
    # `dagster dev` tells people to use `dg`, which would need its own project layout.
    environment = {"PYTHONWARNINGS": "ignore:Function `dev_command`", **os.environ}
    found = find_config(explicit, os.environ, Path.cwd())
    if found:
        environment[ENVIRONMENT_VARIABLE] = str(found.resolve())
    command = [sys.executable, "-m", "dagster", "dev", "--host", host, "--port", str(port)]
    if home.project:
        environment.pop("DAGSTER_HOME", None)
        where, command = home.project, [*command, "-w", str(home.project / "workspace.yaml")]
    else:
        environment["DAGSTER_HOME"] = str(home.directory)
        where, command = Path.cwd(), [*command, "-m", LOCATION]
    # In a group of its own: whatever ends this process, from a terminal or from elsewhere, is
    # passed on to all that dagster has started, as a terminal's Ctrl-C would be.
    early: list[int] = []
    _on_ending(early.append)
    with subprocess.Popen(command, cwd=where, env=environment, process_group=0) as served:
        _on_ending(lambda _signal: _signal_group(served.pid, signal.SIGINT))
        # What came while it was started would have left it behind.
        if early:
            _signal_group(served.pid, signal.SIGINT)
        code = served.wait()
        _end_group(served.pid)
        return 0 if code in (-signal.SIGINT, -signal.SIGTERM) else code


def _on_ending(act: Callable[[int], object]) -> None:
    for ending in ENDINGS:
        signal.signal(ending, lambda number, _frame: act(number))


def _signal_group(group: int, number: int) -> bool:
    """Whether there was still a process in the group to be signalled."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _end_group(group: int) -> None:
    """End what dagster left behind: its code servers stop by themselves only after 45 seconds."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        given_up = time.monotonic() + GROUP_SECONDS
        sent = _signal_group(group, number)
        while sent and time.monotonic() < given_up:
            if not _signal_group(group, 0):
                return
            time.sleep(0.1)


def _is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address, one that can be listened at."""
    return ipaddress.ip_address(socket.gethostbyname(host)).is_loopback


def _obstacle(host: str, port: int) -> str | None:
    """Why the UI cannot listen there, and what to do; None if it can."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host.encode("idna"), port))
        except OSError as error:
            return _explained(host, port, error)
        except UnicodeError:
            return f"{host} is no host name. Choose another address with --host."
    return None


def _explained(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is taken. Choose another one with --port."
    if error.errno == errno.EACCES:
        return (
            f"This user may not listen at port {port} of {host}. "
            "Choose another one with --port; below 1024 most are reserved."
        )
    return (
        f"The UI cannot listen at {host}: {error.strerror}. "
        "Choose an address of this machine with --host."
    )

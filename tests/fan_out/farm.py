"""Celery workers over RabbitMQ that share no directory, and the daemon that gives them runs.

Their settings are those of docs/scaling.md. Every machine has a directory, a Dagster home, a
configuration and a host name of its own; they meet in RabbitMQ, PostgreSQL and on S3.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from kombu import Connection as Broker

from incremental_assets.naming import LOCATION
from incremental_resources.source.dialect import dialect_for
from tests.documents import block
from tests.sources import copied_folder, sql_files
from tests.waiting import Sign, end_of, wait_until
from tests.webserver.faulty import BLOCKED, COLUMNS, PACKAGE

ROOT = Path(__file__).parents[2]
BROKER = "amqp://guest:guest@127.0.0.1:5672//"
QUEUE = "catalog"
# Each of a machine's Python processes takes it for the name of its host.
HOST_NAME = "import os, socket\nsocket.gethostname = lambda: os.environ['MACHINE']\n"


def documented(title: str) -> str:
    """The documented YAML whose first line begins with ``# <title>``."""
    text = block("docs/scaling.md", "yaml", f"# {title}")
    assert text.startswith(f"# {title}")
    return text


def is_there() -> bool:
    """Whether RabbitMQ answers."""
    return _listens(5672)


@dataclass
class Farm:
    """Machines by name; ``directory`` has a folder for each."""

    directory: Path
    storage_url: str
    config: Mapping[str, Any]
    queue: str = field(default_factory=lambda: f"catalog-{uuid.uuid4().hex[:12]}")
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[dg.DagsterInstance]:
        """Code server, daemon and two workers; the instance, as the daemon's machine sees it."""
        port = _free_port()
        where = {"host": "127.0.0.1", "port": port, "location_name": LOCATION}
        with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
            stack.callback(self._end)
            for name, value in self.addresses().items():
                patch.setenv(name, value)
            home = self._machine("control")
            instance = stack.enter_context(dg.DagsterInstance.from_config(str(home)))
            workspace = home.parent / "workspace.yaml"
            workspace.write_text(json.dumps({"load_from": [{"grpc_server": where}]}))
            serve = ["dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(port)]
            self._start("code", "control", [*serve, "-m", "tests.webserver.location"])
            self.wait_until(lambda: _listens(port))
            for name in ("one", "two"):
                self._machine(name)
                listen = ["dagster_celery.cli", "worker", "start", "-A", "dagster_celery.app"]
                own = ["-y", "celery.yaml", "-q", self.queue, "-n", name, "--", "--concurrency=1"]
                self._start(name, name, [*listen, *own])
            self.start_daemon()
            yield instance

    def start_daemon(self) -> None:
        """Kill the daemon if it runs, and start one."""
        self.kill("daemon")
        daemon = ["tests.webserver.daemon", "run", "-w", "workspace.yaml"]
        self._start("daemon", "control", daemon)

    def launch(self, job: str) -> None:
        """Launch a job as the command ``dagster job launch`` does."""
        where = ["-w", "workspace.yaml", "-l", LOCATION, "-j", job]
        self._start("launch", "control", ["dagster", "job", "launch", *where])
        launched = self.processes.pop("launch")
        assert launched.wait() == 0, "not launched"

    def wait_until(self, condition: Callable[[], object], *signs: Sign) -> None:
        """Poll ``condition`` until it holds, as long as all that was started is there."""
        wait_until(condition, lambda: end_of(self.processes), *signs)

    def kill(self, name: str) -> None:
        """SIGKILL to a process and all that it started."""
        if process := self.processes.pop(name, None):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def printed(self) -> str:
        """The ends of what the processes printed."""
        logs = sorted(self.directory.glob("*/*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text()[-4000:]}" for log in logs)

    def _machine(self, name: str) -> Path:
        folder = self.directory / name
        home = folder / "home"
        home.mkdir(parents=True)
        for at in (home / "dagster.yaml", folder / "celery.yaml"):
            at.write_text(re.sub(rf"\b{QUEUE}\b(?=\}})", self.queue, documented(f"{at.name} of")))
        (folder / "connections.yaml").write_text(json.dumps(self.config))
        (folder / "sitecustomize.py").write_text(HOST_NAME)
        dialect = dialect_for("postgresql://")
        columns = COLUMNS.format(given=sql_files(dialect)["columns"], blocked=BLOCKED)
        copied_folder(dialect, folder / PACKAGE, columns=columns)
        return home

    def _start(self, name: str, machine: str, command: list[str]) -> None:
        folder = self.directory / machine
        environment = {
            "DAGSTER_HOME": str(folder / "home"),
            "MACHINE": machine,
            "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            **self.addresses(),
        }
        with (folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=folder,
                env=os.environ | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def addresses(self) -> dict[str, str]:
        """What the settings take from the environment."""
        storage = self.storage_url.replace("postgresql://", "postgresql+psycopg2://")
        return {"DAGSTER_POSTGRES_URL": storage, "CELERY_BROKER_URL": BROKER}

    def _end(self) -> None:
        for name in list(self.processes):
            self.kill(name)
        with Broker(BROKER) as broker:
            broker.default_channel.queue_delete(self.queue)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

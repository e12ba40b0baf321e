"""A source that never answers, the code server over it, and runs that hang in their preflight."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget

from incremental_assets.build import build_definitions
from incremental_assets.config.loading import ENVIRONMENT_VARIABLE, load_config
from incremental_assets.instance.home import Home, open_instance
from incremental_assets.instance.runs import create_run
from incremental_assets.naming import LOCATION, PROCESS_TAG
from tests.live import NAME, written_config
from tests.waiting import end_of, wait_until

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[1]


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind((HOST, 0))
        # The system itself accepts them.
        server.listen(64)
        yield server.getsockname()[1]


@dataclass
class Hanging:
    """A connection whose source never answers, and the Dagster home of its runs."""

    directory: Path
    config: Path
    instance: dg.DagsterInstance
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @contextmanager
    def process(
        self, *command: str, before: Sequence[str] = ()
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A module runs as a program; it is killed with all that it started."""
        home = {
            "DAGSTER_HOME": str(self.directory),
            ENVIRONMENT_VARIABLE: str(self.config),
            "PYTHONPATH": str(ROOT),
        }
        with (self.directory / "printed.log").open("ab") as printed:
            process = subprocess.Popen(
                [*before, sys.executable, "-m", *command],
                cwd=self.directory,
                env=os.environ | home,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        name = " ".join(command)
        self.processes[name] = process
        try:
            yield process
        finally:
            del self.processes[name]
            kill(process)

    @property
    def printed(self) -> str:
        """What the programs printed."""
        return (self.directory / "printed.log").read_text()[-4000:]

    def run(self) -> dg.DagsterRun:
        """The only run, as it stands."""
        (run,) = self.instance.get_runs()
        return run

    def is_in_preflight(self) -> bool:
        """Whether there is a run and its first step has begun."""
        return any(
            self.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
            for run in self.instance.get_runs()
        )

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Poll, as long as all programs are there; show what was printed if it never holds."""
        try:
            wait_until(condition, lambda: end_of(self.processes))
        except AssertionError as error:
            error.add_note(self.printed)
            raise

    @contextmanager
    def code_server(self) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        """A code server with our definitions, and its port."""
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        command = ("dagster", "api", "grpc", "-h", HOST, "-p", str(port), "-m", LOCATION)
        with self.process(*command) as server:
            self.wait_until(lambda: _listens(port))
            yield server, port

    def launch(self, port: int) -> int:
        """Launch a refresh as sensor, schedule and UI do; the number of the run's process."""
        definitions = build_definitions(load_config(self.config))
        job = definitions.resolve_job_def(f"{NAME}_refresh")
        _, run = create_run(self.instance, job, working_directory=self.directory, run_config={})
        self.instance.add_run_tags(run.run_id, {PROCESS_TAG: ""})
        target = GrpcServerTarget(host=HOST, port=port, socket=None, location_name=LOCATION)
        with WorkspaceProcessContext(self.instance, target) as workspace:
            self.instance.launch_run(run.run_id, workspace.create_request_context())
        self.wait_until(lambda: self._pids(run.run_id))
        return self._pids(run.run_id)[0]

    def _pids(self, run_id: str) -> list[int]:
        engine = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        told = (entry.get_dagster_event().engine_event_data.metadata for entry in engine)
        return [int(str(one["pid"].value)) for one in told if "pid" in one]


@contextmanager
def hanging(directory: Path) -> Iterator[Hanging]:
    """One in ``directory``."""
    with silent_server() as port:
        url = f"postgresql://nobody@{HOST}:{port}/shop"
        config = written_config(directory / "connections.yaml", url)
        with open_instance(Home(directory, None)) as instance:
            yield Hanging(directory, config, instance)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a program with all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0

"""A running webserver and its daemon, and questions to it by GraphQL.

What the tests know of one connection is in ``shops.py``.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from incremental_assets.config.loading import ENVIRONMENT_VARIABLE
from incremental_assets.naming import LOCATION
from tests.waiting import LIMIT_SECONDS, Sign, end_of, wait_until
from tests.webserver import queries

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[2]
FINISHED = ("SUCCESS", "FAILURE", "CANCELED")
ASSET_JOB = "__ASSET_JOB"


@dataclass(frozen=True)
class Run:
    """A run as the webserver tells it."""

    id: str
    status: str
    began: float | None
    ended: float | None
    tags: Mapping[str, str]
    events: Sequence[Mapping[str, Any]]

    @classmethod
    def told(cls, answer: Mapping[str, Any]) -> "Run":
        """The run out of an answer."""
        return cls(
            answer["runId"],
            answer["status"],
            answer["startTime"],
            answer["endTime"],
            {tag["key"]: tag["value"] for tag in answer["tags"]},
            answer["eventConnection"]["events"],
        )

    @property
    def log(self) -> str:
        """Every message, and what is told of failures."""
        messages = [f"{event.get('stepKey')}: {event.get('message')}" for event in self.events]
        return "\n".join([*messages, self.failures])

    @property
    def failures(self) -> str:
        """What is told of the steps that failed, causes included."""
        errors = [event["error"] for event in self.events if event.get("error")]
        causes = [link["error"] for error in errors for link in error["errorChain"]]
        return "\n".join(error["message"] for error in [*errors, *causes])

    def materialized(self, asset: str) -> list[str | None]:
        """The partitions (None: no partition) for which this run materialized ``asset``."""
        return [
            event["partition"]
            for event in self.events
            if event["__typename"] == "MaterializationEvent"
            and event["assetKey"]["path"][-1] == asset
        ]


class Webserver:
    """A webserver on a free port, and the command line beside it; ``home`` is Dagster's."""

    def __init__(self, directory: Path, home: Path, config: Path) -> None:
        self.directory = directory
        self.home = home
        self._log = directory / "dagster.log"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._port = free_port()
        self.url = f"http://{HOST}:{self._port}"
        self._environment = os.environ | {
            "DAGSTER_HOME": str(home),
            "FRESHNESS_DAEMON_INTERVAL_SECONDS": "5",
            ENVIRONMENT_VARIABLE: str(config),
            "PYTHONPATH": os.pathsep.join([str(directory), str(ROOT)]),
        }

    def end_of_log(self) -> str:
        """What webserver and daemon printed last."""
        return self.everything_printed()[-8000:]

    def everything_printed(self) -> str:
        """What webserver, daemon and code server printed."""
        return self._log.read_text()

    @contextmanager
    def running(self) -> Iterator[None]:
        """It answers while this lasts; its processes end with all that they started."""
        workspace = self.directory / "workspace.yaml"
        # The name is the project's own: runs of the command line say that they come from there.
        where = {"host": HOST, "port": free_port(), "location_name": LOCATION}
        workspace.write_text(json.dumps({"load_from": [{"grpc_server": where}]}))
        code = ["dagster", "api", "grpc", "-h", HOST, "-p", str(where["port"])]
        served = ["dagster_webserver", "-h", HOST, "-p", str(self._port), "-w", str(workspace)]
        with self._process([*code, "-m", "tests.webserver.location"]):
            self.wait_until(lambda: _listens(where["port"]))
            with self._process(served), ExitStack() as self._daemon:
                self.start_daemon()
                self._wait_for_answers()
                yield

    def start_daemon(self) -> None:
        """Kill the daemon if it runs, and start one."""
        self._daemon.close()
        workspace = self.directory / "workspace.yaml"
        command = ["tests.webserver.daemon", "run", "-w", str(workspace)]
        self._daemon.enter_context(self._process(command))

    @contextmanager
    def _process(self, command: Sequence[str]) -> Iterator[None]:
        name = command[0]
        module = [sys.executable, "-m", *command]
        with process(module, self.directory, self._environment, self._log) as started:
            self.processes[name] = started
            try:
                yield
            finally:
                del self.processes[name]

    def wait_until(self, condition: Callable[[], object], *signs: Sign) -> None:
        """Poll ``condition`` until it holds, as long as all processes are there."""
        wait_until(condition, lambda: end_of(self.processes), *signs)

    def answers(self) -> bool:
        """Whether it can be asked, and its code location is loaded."""
        try:
            (location,) = self.ask(queries.LOCATIONS)["entries"]
        except urllib.error.URLError:
            return False
        return bool(location["loadStatus"] == "LOADED")

    def _wait_for_answers(self) -> None:
        try:
            self.wait_until(self.answers)
        except AssertionError as error:
            error.add_note(self.end_of_log())
            raise

    def start(self, *arguments: str, faulty: bool = False) -> subprocess.Popen[str]:
        """``incremental-assets`` with these arguments in the same home; what it prints is kept.

        ``faulty``: over the sources that the webserver's runs have too.
        """
        module = "tests.webserver.command" if faulty else "incremental_assets"
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def command(self, *arguments: str, faulty: bool = False) -> tuple[int, str]:
        """The same, to its end: exit code, and what it printed."""
        with self.start(*arguments, faulty=faulty) as process:
            told, _ = process.communicate()
        return process.returncode, told

    def ask(self, query: str, **variables: Any) -> Any:
        """The answer to the one field that ``query`` asks for."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        (told,) = answer["data"].values()
        return told

    def launch(
        self,
        job: str,
        assets: Sequence[Sequence[str]] | None = None,
        *,
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> str:
        """Launch a run as a click does; its id."""
        selected = None if assets is None else [{"path": list(key)} for key in assets]
        parameters = {
            "mode": "default",
            "runConfigData": json.dumps(config or {}),
            "executionMetadata": {"tags": _pairs(tags)},
            "selector": {
                "repositoryLocationName": LOCATION,
                "repositoryName": "__repository__",
                "pipelineName": job,
                "assetSelection": selected,
            },
        }
        return self._launched(self.ask(queries.LAUNCH, params=parameters))

    def reexecute(self, run_id: str, strategy: str) -> str:
        """Launch a run again, ``ALL_STEPS`` or ``FROM_FAILURE``; the new run's id."""
        parameters = {"parentRunId": run_id, "strategy": strategy}
        return self._launched(self.ask(queries.REEXECUTE, params=parameters))

    def backfill(self, assets: Sequence[Sequence[str]], partitions: Sequence[str]) -> str:
        """Launch a backfill as the dialog of several assets does; its id."""
        parameters = {
            "tags": [],
            "assetSelection": [{"path": list(key)} for key in assets],
            "partitionNames": list(partitions),
            "fromFailure": False,
        }
        told = self.ask(queries.BACKFILL, params=parameters)
        assert told["__typename"] == "LaunchBackfillSuccess", told
        return str(told["backfillId"])

    def start_sensor(self, name: str) -> None:
        """Switch a sensor on, as its switch does."""
        told = self.ask(queries.START_SENSOR, sensor=_sensor(name))
        assert told["__typename"] == "Sensor", told

    def ticks(self, sensor: str) -> list[Mapping[str, Any]]:
        """The ticks of a sensor that have come to their end, newest first."""
        told = self.ask(queries.TICKS, sensor=_sensor(sensor))["sensorState"]["ticks"]
        return [tick for tick in told if tick["status"] != "STARTED"]

    def _launched(self, told: Mapping[str, Any]) -> str:
        assert told["__typename"] == "LaunchRunSuccess", told
        return str(told["run"]["runId"])

    def run(self, run_id: str) -> Run:
        """A run as it stands."""
        return Run.told(self.ask(queries.RUN, run=run_id))

    def steps(self, run_id: str) -> dict[str, str]:
        """How far the steps of a run are that have begun."""
        steps = self.ask(queries.STEPS, run=run_id)["stepStats"]
        return {step["stepKey"]: step["status"] for step in steps}

    def run_ids(self, job: str | None = None, **tags: str) -> list[str]:
        """The runs of a job, or with these tags, newest first."""
        wanted = {"pipelineName": job, "tags": _pairs(tags)}
        return [run["runId"] for run in self.ask(queries.RUNS, filter=wanted)["results"]]

    def finish(self, run_id: str) -> Run:
        """The run when it has come to its end."""
        self.wait_until(lambda: self.status(run_id) in FINISHED)
        return self.run(run_id)

    def status(self, run_id: str) -> str:
        """How far a run is."""
        return str(self.ask(queries.STATUS, run=run_id)["status"])

    def failure(self, job: str, *, but: int = 0) -> Sign:
        """A sign: a run of the job has failed; ``but``: so many may."""

        def failed() -> str | None:
            found = [one for one in self.run_ids(job) if self.status(one) == "FAILURE"]
            return self.run(found[0]).log if len(found) > but else None

        return failed

    def finish_backfill(self, backfill_id: str) -> tuple[str, list[Run]]:
        """The status of a backfill that has come to its end, and its runs, oldest first."""

        def status() -> str:
            return str(self.ask(queries.BACKFILL_STATUS, backfill=backfill_id)["status"])

        self.wait_until(lambda: status() not in ("REQUESTED", "CANCELING"))
        runs = self.run_ids(**{"dagster/backfill": backfill_id})
        return status(), [self.run(run_id) for run_id in reversed(runs)]


def _sensor(name: str) -> dict[str, str]:
    return {
        "repositoryLocationName": LOCATION,
        "repositoryName": "__repository__",
        "sensorName": name,
    }


def _pairs(tags: Mapping[str, str] | None) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in (tags or {}).items()]


@contextmanager
def process(
    command: Sequence[str], directory: Path, environment: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A command runs in ``directory`` while this lasts; it is killed with all that it started."""
    with log.open("ab") as printed:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
        assert process.poll() is None, f"{' '.join(command)} has ended by itself"
    finally:
        for one in _session_of(process.pid):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        process.wait()


def _session_of(leader: int) -> list[int]:
    """The processes that began with ``leader``, those in process groups of their own too."""
    found = [leader]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # After the command's name, which may hold anything: state, parent, group, session.
            session = stat.read_text().rpartition(")")[2].split()[3]
            if int(session) == leader:
                found.append(int(stat.parent.name))
    return found


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def free_port() -> int:
    """One that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port

"""What a batch costs in a run of its own, against one in the refresh's run:
`python -m tests.benchmarks.fan_out [--few 3] [--many 12]`.

One machine; runs are processes, as Dagster launches them by default, or go to two Celery workers
(where RabbitMQ answers), and a daemon looks at sensors every second. Every batch is one small
table, so that what is measured is all but the reading.
"""

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

import dagster as dg

from incremental_assets.instance.home import Home, open_instance, prepare_home
from incremental_resources.source.dialect import dialect_for
from tests.benchmarks.report import say
from tests.fan_out import farm
from tests.fan_out.farm import Farm
from tests.postgres_server import running_server, temporary_database
from tests.sources import copied_folder, postgresql, sql_files
from tests.webserver.faulty import BLOCKED, COLUMNS, PACKAGE, SCHEMA
from tests.webserver.server import Run, Webserver

JOBS = {"in_run": ("refresh", "refresh"), "runs": ("plan", "apply")}


def main() -> None:
    """Refresh a database of few batches and one of many, both ways, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=3, help="batches of the small database")
    parser.add_argument("--many", type=int, default=12, help="batches of the large one")
    asked = parser.parse_args()
    sizes = (asked.few, asked.many)
    with running_server() as url, tempfile.TemporaryDirectory() as scratch:
        server = _webserver(Path(scratch), url, sizes)
        with server.running():
            walls = {
                how: [_measure(server, f"{how}_{size}", how) for size in sizes] for how in JOBS
            }
        if farm.is_there():
            walls["Celery"] = _on_workers(Path(scratch), url, sizes)
    _report(walls, sizes)


def _webserver(folder: Path, url: str, sizes: tuple[int, int]) -> Webserver:
    home = Home(folder / "home", None)
    prepare_home(home)
    open_instance(home).dispose()
    columns = COLUMNS.format(given=sql_files(dialect_for(url))["columns"], blocked=BLOCKED)
    copied_folder(dialect_for(url), folder / PACKAGE, columns=columns)
    connections = []
    for size in sizes:
        for how in JOBS:
            name = f"{how}_{size}"
            postgresql(url).ddl(f"create database {name}")
            own = url.rpartition("/")[0] + f"/{name}"
            tables = [f"create table item_{number} (id integer)" for number in range(size)]
            postgresql(own).ddl(*SCHEMA, *tables)
            options = {"batch_tables": 1, "fan_out": how, "sensor_seconds": 1}
            exclude = {".*": ["control"]}
            connections.append({"name": name, "url": own, "exclude": exclude, "options": options})
    config = folder / "connections.yaml"
    config.write_text(json.dumps({"state": "./catalog", "connections": connections}))
    return Webserver(folder, home.directory, config)


def _measure(server: Webserver, name: str, how: str) -> float:
    """Seconds from the click to the end of the run that commits."""
    first, last = (f"{name}_{job}" for job in JOBS[how])
    began = server.finish(server.launch(first))
    if first != last:
        server.wait_until(lambda: server.run_ids(last))
    ended = server.finish(server.run_ids(last)[0])
    for run in (began, ended):
        if run.status != "SUCCESS":
            raise SystemExit(f"{name} failed:\n{run.log}")
    return _seconds(began, ended)


def _on_workers(folder: Path, url: str, sizes: tuple[int, int]) -> list[float]:
    """The same where Celery workers do the runs, the sources and options being those of `runs`.

    Says, too, what the runs of batches took: without waiting for their turn.
    """
    config = json.loads((folder / "connections.yaml").read_text())
    config["state"] = str(folder / "of_workers")
    with temporary_database(url) as storage:
        machines = Farm(folder, storage, config)
        with machines.running() as instance:
            walls = [_on_worker(machines, instance, f"runs_{size}") for size in sizes]
            _say_runs(instance, f"runs_{sizes[1]}_batch")
            return walls


def _on_worker(machines: Farm, instance: dg.DagsterInstance, name: str) -> float:
    machines.launch(f"{name}_plan")
    began, ended = (_finished(machines, instance, f"{name}_{job}") for job in JOBS["runs"])
    assert began.start_time
    assert ended.end_time
    return ended.end_time - began.start_time


def _say_runs(instance: dg.DagsterInstance, job: str) -> None:
    records = instance.get_run_records(dg.RunsFilter(job_name=job))
    took = [one.end_time - one.start_time for one in records if one.start_time and one.end_time]
    say(f"Celery: from start to end a run of {job} took {statistics.median(took):.2f} s (median)")


def _finished(machines: Farm, instance: dg.DagsterInstance, job: str) -> dg.RunRecord:
    """The one run of a job when it has succeeded."""
    asked = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS])
    machines.wait_until(lambda: instance.get_run_records(asked))
    (record,) = instance.get_run_records(asked)
    return record


def _seconds(began: Run, ended: Run) -> float:
    assert began.began
    assert ended.ended
    return ended.ended - began.began


def _report(walls: dict[str, list[float]], sizes: tuple[int, int]) -> None:
    few, many = sizes
    each = {how: (wall[1] - wall[0]) / (many - few) for how, wall in walls.items()}
    say(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    say(f"| | {few} batches, s | {many} batches, s | each further batch, s |")
    say("|---|---|---|---|")
    for how, wall in walls.items():
        say(f"| {how} | {wall[0]:.1f} | {wall[1]:.1f} | {each[how]:.2f} |")
    for how in each.keys() - {"in_run"}:
        say(f"a batch in {how} costs {each[how] / each['in_run']:.0f} x one in the refresh's run")


if __name__ == "__main__":
    main()

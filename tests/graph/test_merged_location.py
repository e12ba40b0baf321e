"""Our definitions inside somebody's own code location, with whatever else is there."""

import os
import runpy
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from incremental_assets import Config, Connection, build_definitions, open_state
from incremental_resources.sinks import kinds
from tests.documents import block
from tests.live import refresh, refreshing
from tests.sources import postgresql

PAGE = "docs/dagster.md"
TAKEN = dict.fromkeys(("sources", "states", "progress"), "theirs")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def configured(folder: Path, *names: str) -> Config:
    """Connections of these names, each to a file with one table."""
    for name in names:
        with closing(sqlite3.connect(folder / f"{name}.db")) as connection:
            connection.executescript("create table item (id integer primary key, name text)")
    connections = [Connection(name=name, url=f"sqlite:///{folder}/{name}.db") for name in names]
    return Config(state=str(folder / "catalog"), connections=tuple(connections), base=folder)


def theirs(ours: dg.Definitions, seen: list[str]) -> dg.Definitions:
    """A location that uses the same words, has an executor and a logger, and hears of failures."""

    @dg.asset(required_resource_keys=set(TAKEN), deps=[["shop", "current_state"]])
    def report() -> None: ...

    @dg.run_failure_sensor(monitored_jobs=list(ours.jobs or []))
    def alarm(context: dg.RunFailureSensorContext) -> None:
        steps = context.get_step_failure_events()
        seen.extend(event.step_failure_data.error.cls_name for event in steps)
        seen.extend(str(event.step_failure_data.user_failure_data.description) for event in steps)

    return dg.Definitions(
        assets=[report],
        sensors=[alarm],
        resources=TAKEN,
        executor=dg.multiprocess_executor,
        loggers={"console": dg.colored_console_logger},
    )


def merged(config: Config, seen: list[str]) -> dg.Definitions:
    ours = build_definitions(config)
    return dg.Definitions.merge(theirs(ours, seen), ours)


def version(folder: Path, name: str) -> int:
    connection = Connection(name=name, url=f"sqlite:///{folder}/{name}.db")
    config = Config(state=str(folder / "catalog"), connections=(connection,))
    found = open_state(config, name).current()
    assert found is not None
    return found.number


def test_each_connection_refreshes_inside_the_location_of_others(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    definitions = merged(configured(tmp_path, "shop", "office"), [])
    dg.Definitions.validate_loadable(definitions)

    for name in ("shop", "office"):
        job = definitions.resolve_job_def(f"{name}_refresh")
        assert job.executor_def is dg.in_process_executor
        assert job.execute_in_process(instance=instance).success
        assert version(tmp_path, name) == 1
    whole = definitions.resolve_implicit_global_asset_job_def()
    assert whole.executor_def is dg.multiprocess_executor


def test_two_configurations_can_be_merged(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    parts = [build_definitions(configured(tmp_path, name)) for name in ("shop", "office")]
    definitions = dg.Definitions.merge(*parts)

    run = definitions.resolve_job_def("office_refresh").execute_in_process(instance=instance)

    assert run.success
    assert version(tmp_path, "office") == 1


def alarm(
    definitions: dg.Definitions, instance: dg.DagsterInstance, run: dg.ExecuteInProcessResult
) -> None:
    """Show a failed run to the sensor ``alarm``."""
    (failed,) = (e for e in run.all_events if e.event_type == dg.DagsterEventType.RUN_FAILURE)
    context = dg.build_run_status_sensor_context(
        "alarm", failed, instance, instance.get_run_by_id(run.run_id)
    ).for_run_failure()
    definitions.resolve_sensor_def("alarm")(context)


def test_a_sensor_on_failed_runs_hears_what_the_source_said(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    seen: list[str] = []
    config = configured(tmp_path, "shop")
    (tmp_path / "shop.db").unlink()
    definitions = merged(config, seen)
    job = definitions.resolve_job_def("shop_refresh")
    run = job.execute_in_process(instance=instance, raise_on_error=False)
    alarm(definitions, instance, run)
    assert any("shop.db" in text for text in seen), seen


def documented_location(folder: Path) -> Path:
    """The code location in the docs, its state moved to ``folder``."""
    text = block(PAGE, "python", "@dg.definitions")
    assert "/var/lib/catalog" in text
    file = folder / "location.py"
    file.write_text(text.replace("/var/lib/catalog", str(folder / "catalog")))
    return file


def test_the_location_in_the_docs_loads(tmp_path: Path) -> None:
    """Without the variable, which only a refresh needs."""
    file = documented_location(tmp_path)
    command = ["dagster", "definitions", "validate", "-f", str(file)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr


def test_the_alarm_in_the_docs_says_why_a_refresh_was_refused(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    fresh_database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SHOP_URL", fresh_database)
    live = postgresql(fresh_database)
    live.ddl("create table item (id integer)", "create table sale (id integer)")
    definitions = runpy.run_path(str(documented_location(tmp_path)))["catalog"](None)
    job = definitions.resolve_job_def("shop_refresh")
    assert job.execute_in_process(instance=instance).success
    live.ddl("drop table item", "drop table sale")
    run = job.execute_in_process(instance=instance, raise_on_error=False)
    alarm(definitions, instance, run)
    told = capsys.readouterr().out
    assert told.startswith("DeletionsSuspicious: ")
    assert "--accept-deletions" in told


def test_the_sink_in_the_docs_is_told_what_to_put_and_what_to_remove(
    tmp_path: Path,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with closing(sqlite3.connect("shop.db")) as connection:
        for number in range(6):
            connection.execute(f"create table item{number} (id integer)")
        exec(block("docs/sinks.md", "python", "class Printed:"), names)
        job = names["definitions"].resolve_job_def("shop_refresh")
        assert job.execute_in_process(instance=instance).success
        assert "put tables {" in capsys.readouterr().out
        connection.execute("drop table item0")
        connection.execute("alter table item1 add sold integer")
    assert job.execute_in_process(instance=instance).success
    told = capsys.readouterr().out
    place = "'database': 'shop', 'schema': 'main', 'table':"
    assert f"put columns {{{place} 'item1', 'column': 'sold'" in told
    assert f"remove tables {{{place} 'item0', 'change': 'DELETED'" in told


def test_the_kind_in_the_docs_can_be_named_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "shop_sinks.py").write_text(block("docs/sinks.md", "python", "PrintedOptions"))
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("printed", "shop_sinks:KIND", kinds.GROUP)
    monkeypatch.setattr(kinds, "entry_points", lambda group: [entry])
    kinds.kind_named.cache_clear()
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("create table item (id integer)")
    sink = {"kind": "printed", "prefix": "> "}
    with refreshing(f"sqlite:///{tmp_path}/shop.db", configured_sinks=[sink]) as refresher:
        refresh(refresher)
    assert "> shop: version 1\n" in capsys.readouterr().out
    kinds.kind_named.cache_clear()

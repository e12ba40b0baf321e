"""Law 9: no secret of ours in a log, an event, a metadata value, the state or an error message.

One Dagster home, connections that succeed and that fail in every way, and then a search of all that
was printed, recorded and kept. Runs that the UI starts are in ``webserver``.
"""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg import sql
from sqlalchemy import make_url

from incremental_assets.build import build_definitions
from incremental_assets.cli.app import main
from incremental_assets.config.connection import Connection
from incremental_assets.config.loading import load_config
from incremental_assets.wiring import open_source, source_makers
from incremental_resources.errors import ResourceError
from incremental_resources.source.resource import sources_resource
from tests.chains import carried
from tests.leaks import awkward, in_folder, in_text, watched_processes
from tests.postgres_server import WITH_PASSWORD
from tests.tattling_server import tattling_server

ROLE, DATABASE = "secretive", "law9"
# By the connection that has it; tls is a second secret of good.
CORES = {
    "good": "Gq7xDd0good",
    "filed": "Fq7xDd0filed",
    "wrong": "Wq7xDd0wrong",
    "closed": "Cq7xDd0closed",
    "tattling": "Tq7xDd0tattling",
    "query": "Qq7xDd0query",
    "setting": "Sq7xDd0setting",
    "option": "Oq7xDd0option",
    "tls": "Lq7xDd0tls",
}
SUCCEED = ("good", "filed")
WHY = {
    "wrong": "wrong (PostgreSQL, database 'law9', while connecting): the login was ",
    "closed": "closed (PostgreSQL, database 'nowhere', while connecting): ",
    "tattling": "the driver's own words are not shown: they hold a secret of the url",
    "query": "query (PostgreSQL, database 'law9', while connecting): the login was ",
    "setting": "an option of the url is refused: (the driver's own words are not shown",
    "option": 'an option of the url is refused: invalid connection option "nosuch',
    "denied": "permission denied for database",
}


@dataclass(frozen=True)
class Trial:
    """A directory with everything that was written, and what was printed on the way."""

    home: Path
    state: Path
    config: Path
    printed: dict[str, str]
    processes: set[str]
    leaking_processes: set[str]
    outcomes: dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[str]:
    """A superuser's URL of a database that the role ``ROLE`` reads with its password."""
    url = postgres_url.rpartition("/")[0] + f"/{DATABASE}"
    password = sql.Literal(awkward(CORES["good"]))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"create database {DATABASE}")
        connection.execute(f"create database {DATABASE}_denied")
        connection.execute(f"revoke connect on database {DATABASE}_denied from public")
        for role in (ROLE, f"{ROLE}_filed"):
            connection.execute(f"create role {role} login in role {WITH_PASSWORD}")
        alter = sql.SQL("alter role {} password {}")
        connection.execute(alter.format(sql.Identifier(ROLE), password))
        filed = sql.Literal(awkward(CORES["filed"]))
        connection.execute(alter.format(sql.Identifier(f"{ROLE}_filed"), filed))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create table item (id integer primary key, name text)")
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in (DATABASE, f"{DATABASE}_denied"):
            connection.execute(f"drop database {name} with (force)")
        connection.execute(f"drop role {ROLE}, {ROLE}_filed")


def urls(database: str, tattling_port: int) -> dict[str, str]:
    """The URL of every connection but those that have it from elsewhere."""
    ours = make_url(database).set(username=ROLE)
    secrets = {name: awkward(core) for name, core in CORES.items()}
    quoted = {name: quote(secret, safe="") for name, secret in secrets.items()}
    trusted = database.partition("?")[0]
    nowhere = ours.set(port=1, database="nowhere", password=secrets["closed"])

    def with_password(name: str) -> str:
        return ours.set(password=secrets[name]).render_as_string(hide_password=False)

    return {
        "good": f"{with_password('good')}?sslpassword={quoted['tls']}",
        "wrong": with_password("wrong"),
        "closed": nowhere.render_as_string(hide_password=False),
        "tattling": f"postgresql://x:{quoted['tattling']}@127.0.0.1:{tattling_port}/x",
        "query": f"{ours.render_as_string()}?password={quoted['query']}",
        "setting": f"{trusted}?options=-cstatement_timeout%3D{CORES['setting']}",
        "option": f"{trusted}?nosuch={quoted['option']}",
        "denied": with_password("good") + "_denied",
    }


@pytest.fixture(scope="module")
def trial(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Every connection refreshed, checked and looked at."""
    secrets, kept = tmp_path_factory.mktemp("secrets"), tmp_path_factory.mktemp("kept")
    config, home = secrets / "connections.yaml", kept / "home"
    environment = {"DAGSTER_HOME": str(home)}
    with tattling_server() as port, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        patch.chdir(kept)
        write_config(config, kept / "catalog", urls(database, port), database)
        command = [sys.executable, "-m", "incremental_assets", "--config", str(config)]
        with watched_processes(CORES.values()) as watch:
            refreshed = subprocess.run(
                [*command, "--debug", "--verbose", "refresh", "--json"],
                env=os.environ | environment,
                capture_output=True,
                text=True,
                check=False,
            )
        assert refreshed.returncode == 1, refreshed.stderr
        outcomes = json.loads(refreshed.stdout)["connections"]
        printed = {"refresh": refreshed.stdout + refreshed.stderr}
        for arguments in COMMANDS:
            result = invoke(config, *arguments)
            printed[" ".join(arguments)] = told_by(result)
        yield Trial(
            home,
            kept / "catalog",
            config,
            printed,
            watch.seen,
            watch.found,
            {one["name"]: one for one in outcomes},
        )


COMMANDS = (
    ("refresh", "tattling"),
    ("--debug", "check"),
    ("check", "--json"),
    ("--debug", "status"),
    ("status", "--json"),
    ("history", "good"),
)


def write_config(file: Path, state: Path, urls: dict[str, str], database: str) -> None:
    """All connections; the one named ``filed`` has its URL in a file beside."""
    filed = make_url(database).set(username=f"{ROLE}_filed", password=awkward(CORES["filed"]))
    (file.parent / "filed").write_text(filed.render_as_string(hide_password=False))
    (file.parent / "filed").chmod(0o644)
    connections = [{"name": name, "url": url} for name, url in urls.items()]
    connections.append({"name": "filed", "url_file": "filed"})
    file.write_text(json.dumps({"state": str(state), "connections": connections}))


def invoke(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(config), *arguments])


def told_by(result: Result) -> str:
    """What was printed, and the traceback that Python would have printed."""
    error = result.exc_info if not isinstance(result.exception, SystemExit) else None
    return result.output + ("".join(traceback.format_exception(*error)) if error else "")


def test_the_refreshes_ended_as_they_should(trial: Trial) -> None:
    ended = {name: outcome["ok"] for name, outcome in trial.outcomes.items()}
    assert ended == {name: name in SUCCEED for name in (*SUCCEED, *WHY)}, trial.outcomes
    errors = {name: str(trial.outcomes[name]["error"]) for name in WHY}
    assert {name for name, why in WHY.items() if why not in errors[name]} == set(), errors


def test_nothing_that_was_printed_holds_a_secret(trial: Trial) -> None:
    assert "every user of this machine may read" in trial.printed["check --json"]
    for arguments, told in trial.printed.items():
        assert told, arguments
        assert in_text(arguments, told, CORES.values()) == []


def test_nothing_that_dagster_recorded_holds_a_secret(trial: Trial) -> None:
    assert in_folder(trial.home, ["database 'nowhere', while connecting"])
    assert in_folder(trial.home, CORES.values()) == []


def test_nothing_in_the_state_holds_a_secret(trial: Trial) -> None:
    assert any("databases.parquet" in found for found in in_folder(trial.state, [DATABASE]))
    assert in_folder(trial.state, CORES.values()) == []


def test_no_process_shows_a_secret(trial: Trial) -> None:
    assert any("--verbose refresh" in told for told in trial.processes)
    assert trial.leaking_processes == set()


def test_no_object_shows_a_secret(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_URL", f"postgresql://x:{CORES['good']}@h/d")
    config = load_config(trial.config)
    late = Connection(name="late", url=dg.EnvVar("SECRET_URL"), dialect="postgresql")
    sources = [open_source(config, one) for one in (*config.connections, late)]
    things = [
        *(config, *config.connections, late, late.url, late.dialect(), late.scope()),
        *sources,
        *(source._sessions for source in sources),
        sources_resource(source_makers(config)),
        build_definitions(config),
    ]
    shown = [show(thing) for thing in things for show in (repr, str)]
    shown += [f"{one.model_dump()}{one.model_dump_json()}" for one in (config, late)]
    assert [found for text in shown for found in in_text(text, text, CORES.values())] == []


@pytest.mark.parametrize("name", [name for name in WHY if name != "tattling"])
def test_no_error_of_a_source_carries_a_secret(trial: Trial, name: str) -> None:
    config = load_config(trial.config)
    source = open_source(config, config.connection(name))
    for ask in (source.databases, source.version, source.identity, source.probe):
        with source, pytest.raises(ResourceError) as caught:
            ask()
        assert in_text(name, carried(caught.value), CORES.values()) == []


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:{}@h:port/d",
        "postgresql://reader:{}@@h/d",
        "postgresql://reader:a@{}@h/d",
        "oracle://reader:{}@h/d",
        "{}",
        "sqlite://reader:{}@/shop.db",
    ],
)
@pytest.mark.parametrize("command", ["refresh", "check", "status"])
def test_a_url_that_cannot_be_used_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, command: str
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    config = tmp_path / "connections.yaml"
    connection = {"name": "shop", "url": url.format(CORES["good"])}
    config.write_text(json.dumps({"connections": [connection]}))
    for flags in ([], ["--debug"]):
        result = invoke(config, *flags, command)
        assert result.exit_code == 1
        told = told_by(result)
        assert "connections[0].url: " in told
        assert in_text(command, told, CORES.values()) == []

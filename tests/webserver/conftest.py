"""The webserver that all tests here share, and for each test a connection of its own."""

import json
from collections.abc import Generator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from incremental_assets.instance.home import Home, open_instance, prepare_home
from incremental_resources.source.dialect import dialect_for
from tests.leaks import awkward
from tests.postgres_server import WITH_PASSWORD
from tests.sources import copied_folder, sql_files
from tests.webserver.faulty import BLOCKED, COLUMNS, PACKAGE, SCHEMA
from tests.webserver.server import Webserver
from tests.webserver.shops import TABLES, TABLES_OF_A_BATCH, Shop, Shops

# Those that nobody has refreshed before the first click.
FRESH = ("first_in_job", "first_in_group", "first_in_graph")
# The connections, each with a database of the same name; those refreshed stand at version 1.
NEW = (
    "clicked",
    "fixed",
    "broken",
    "killed",
    "busy",
    "watched",
    "secret",
    "denied",
    "fanned",
    "rerun",
    *FRESH,
)
# Those whose batches are read in runs of their own.
FANNED_OUT = ("fanned",)
# Those of a role with a password; one of them gives a wrong one.
CORES = {"secret": "Uq7xDd0secret", "denied": "Eq7xDd0denied"}
ROLE = "secretive_in_the_ui"
CLICKED = ("visited", "halted", "emptied", "grouped")
REFRESHED = ("shown", "guarded", "resumed", "whole", *CLICKED)


@pytest.fixture(scope="package")
def webserver(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webserver]:
    """A running webserver with a daemon, in a Dagster home with the project's settings."""
    directory = tmp_path_factory.mktemp("webserver")
    home = Home(directory / "home", None)
    prepare_home(home)
    # Processes that open a new home at the same time disturb each other.
    open_instance(home).dispose()
    write_dialect(directory)
    create_databases(postgres_url)
    server = Webserver(directory, home.directory, write_config(directory, postgres_url))
    with server.start("refresh", *REFRESHED) as refreshes, server.running():
        told, _ = refreshes.communicate()
        assert refreshes.returncode == 0, told
        yield server


def write_dialect(directory: Path) -> None:
    """The folder that ``faulty.py`` speaks of."""
    dialect = dialect_for("postgresql://")
    columns = COLUMNS.format(given=sql_files(dialect)["columns"], blocked=BLOCKED)
    copied_folder(dialect, directory / PACKAGE, columns=columns)


def create_databases(postgres_url: str) -> None:
    """A database per connection, each with the same tables."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create database template_shop")
    with psycopg.connect(database_url(postgres_url, "template_shop")) as connection:
        for table in TABLES:
            connection.execute(f"create table {table} (id integer primary key, name text)")
        for statement in SCHEMA:
            connection.execute(statement)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in (*NEW, *REFRESHED):
            connection.execute(f"create database {name} template template_shop")
        password = sql.Literal(awkward(CORES["secret"]))
        create = sql.SQL("create role {} login in role {} password {}")
        names = map(sql.Identifier, (ROLE, WITH_PASSWORD))
        connection.execute(create.format(*names, password))


def write_config(directory: Path, postgres_url: str) -> Path:
    """A ``connections.yaml`` (JSON is YAML too) with all connections."""
    connections = [
        {
            "name": name,
            "url": configured_url(postgres_url, name),
            "exclude": {".*": ["control"]},
            "options": {
                "batch_tables": TABLES_OF_A_BATCH,
                "sensor_seconds": 1,
                "fan_out": "runs" if name in FANNED_OUT else "in_run",
            },
        }
        for name in (*NEW, *REFRESHED)
    ]
    path = directory / "connections.yaml"
    path.write_text(json.dumps({"state": "./catalog", "connections": connections}))
    return path


def configured_url(postgres_url: str, name: str) -> str:
    """What the configuration says of a connection."""
    url = database_url(postgres_url, name)
    if name not in CORES:
        return url
    password = awkward(CORES[name])
    return make_url(url).set(username=ROLE, password=password).render_as_string(hide_password=False)


def database_url(postgres_url: str, name: str) -> str:
    """Another database of the same server."""
    return f"{postgres_url.rpartition('/')[0]}/{name}"


@pytest.fixture
def shop(webserver: Webserver, postgres_url: str) -> Shops:
    """The connection of a name; a test that changes one has it for itself."""

    def of(name: str) -> Shop:
        return Shop(name, database_url(postgres_url, name), webserver)

    return of


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what webserver and daemon printed below a test that failed."""
    report = yield
    server = getattr(item, "funcargs", {}).get("webserver")
    if report.failed and server:
        report.sections.append(("webserver and daemon", server.end_of_log()))
    return report

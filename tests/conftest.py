"""What all tests may ask for, and which of them are run, by how many processes, in which order."""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from xdist.remote import Producer

from tests import mysql_server
from tests.postgres_server import running_server, temporary_database
from tests.sharing import Sharing, rank

CAMPAIGN = "campaign"
LEFT_OUT = (
    "campaigns are left out (faults at many points, races, every kind of folder): "
    "`pytest --campaigns` runs them too, `pytest --campaigns -m campaign` only them"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--campaigns", action="store_true", help="run what is marked `campaign`, too: it is long"
    )


def pytest_report_header(config: pytest.Config) -> str | None:
    return None if config.getoption("campaigns") else LEFT_OUT


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("campaigns"):
        left_out = [item for item in items if item.get_closest_marker(CAMPAIGN)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: rank(item.nodeid))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The last line but one, as a short report has no header."""
    if not config.getoption("campaigns"):
        terminalreporter.write_line(LEFT_OUT)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Sharing:
    return Sharing(config, log)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A superuser's URL, to the database ``postgres`` of a server of our own.

    ``TEST_POSTGRES_URL`` names another server instead, of another version, say.
    """
    given = os.environ.get("TEST_POSTGRES_URL")
    with nullcontext(given) if given else running_server() as url:
        yield url


@pytest.fixture
def fresh_database(postgres_url: str) -> Iterator[str]:
    """The URL of a new, empty database that is gone after the test."""
    with temporary_database(postgres_url) as url:
        yield url


@pytest.fixture
def clickhouse_database(tmp_path: Path) -> Iterator[object]:
    """A new, empty database of ClickHouse behind HTTP."""
    from tests.sources import clickhouse

    with clickhouse(tmp_path / "clickhouse") as live:
        yield live


@pytest.fixture
def mariadb_database() -> Iterator[str]:
    """The URL of a new, empty database on MariaDB that is gone after the test."""
    with mysql_server.temporary_database(mysql_server.server_url("mariadb")) as url:
        yield url


@pytest.fixture
def mysql_database() -> Iterator[str]:
    """The same on MySQL."""
    with mysql_server.temporary_database(mysql_server.server_url("mysql")) as url:
        yield url

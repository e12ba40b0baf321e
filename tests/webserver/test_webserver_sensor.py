"""The change sensor with the daemon running: a change in the source is in the state soon after."""

from collections.abc import Mapping
from typing import Any

import psycopg
import pytest

from tests.webserver.shops import TABLES, Shop, Shops

pytestmark = pytest.mark.integration

SENSOR = "watched_change_sensor"


def ticks(watched: Shop) -> list[Mapping[str, Any]]:
    return watched.server.ticks(SENSOR)


def wait_for_ticks(watched: Shop, number: int) -> list[Mapping[str, Any]]:
    """So many ticks that began after now, newest first."""
    earlier = len(ticks(watched))
    watched.server.wait_until(lambda: len(ticks(watched)) > earlier + number)
    return ticks(watched)[:number]


def wait_for_version(watched: Shop, number: int) -> None:
    """The state gets there, and the run that took it there comes to its end."""

    def is_there() -> bool:
        head = watched.store.head()
        return head is not None and head.head.version == number

    watched.server.wait_until(is_there, watched.server.failure("watched_refresh"))
    watched.server.finish(watched.run_ids()[0])


def allow_connections(watched: Shop, allowed: str) -> None:
    """Whether anybody may log in to the connection's database; who is there is thrown out."""
    server = watched.url.rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"alter database {watched.name} allow_connections {allowed}")
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s",
            [watched.name],
        )


def test_the_state_follows_the_source_by_itself(shop: Shops) -> None:
    watched = shop("watched")
    watched.server.start_sensor(SENSOR)
    wait_for_version(watched, 1)
    assert len(watched.run_ids()) == 1

    # Nothing changes: the sensor looks and leaves it at that.
    for tick in wait_for_ticks(watched, 10):
        assert tick["status"] == "SKIPPED", tick
        assert tick["skipReason"] == "Nothing changed since version 1.", tick
    assert len(watched.run_ids()) == 1

    watched.ddl(f"alter table {TABLES[0]} add column more integer")
    wait_for_version(watched, 2)
    version = watched.store.find(2)
    created = version.scan("diff/columns").collect()
    assert created["column"].to_list() == ["more"]
    wait_for_ticks(watched, 2)
    assert len(watched.run_ids()) == 2

    # Nobody can log in: the tick says so, and no refresh is tried.
    allow_connections(watched, "false")
    watched.server.wait_until(lambda: ticks(watched)[0]["status"] == "FAILURE")
    assert "not currently accepting connections" in str(ticks(watched)[0]["error"])
    assert len(watched.run_ids()) == 2
    # Then all is well again. The database's own row in the catalog has another version now.
    allow_connections(watched, "true")
    watched.server.wait_until(lambda: len(watched.run_ids()) == 3)
    assert watched.server.finish(watched.run_ids()[0]).status == "SUCCESS"
    assert {tick["status"] for tick in wait_for_ticks(watched, 2)} == {"SKIPPED"}

    # Changed while the daemon is being started again: seen once.
    watched.ddl(f"alter table {TABLES[1]} add column more integer")
    watched.server.start_daemon()
    wait_for_version(watched, 3)
    wait_for_ticks(watched, 2)
    assert len(watched.run_ids()) == 4
    assert {run.status for run in watched.runs()} == {"SUCCESS"}

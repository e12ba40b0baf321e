"""A restart of the server: native ids stay what they are, tokens may be another copy's."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from incremental_assets.cli.running import Refresher, RefreshRequest
from incremental_assets.steps.rolling_back import roll_back
from tests.live import NAME, current, differences, full, refresh, refreshing, state
from tests.oracle import differing
from tests.postgres_server import Cluster, cluster
from tests.sources import postgresql

PLAIN = {"wal_level": "replica"}


@pytest.fixture
def server() -> Iterator[Cluster]:
    with cluster() as server:
        server.start(**PLAIN)
        yield server


def restart(server: Cluster) -> None:
    server.stop()
    server.start(**PLAIN)


def assert_full_for_a_restart(refresher: Refresher) -> None:
    outcome = refresh(refresher)
    assert outcome.mode == "full"
    assert "the server was restarted since the last refresh" in str(outcome.why)


def assert_equals_the_source(server: Cluster, refresher: Refresher) -> None:
    assert differing(server.url, state(current(refresher)), partitions=False) == {}


def test_after_a_restart_everything_is_read_once_and_ids_are_trusted(server: Cluster) -> None:
    live = postgresql(server.url)
    live.ddl("create table was (id integer)")
    with refreshing(server.url, deletion_guard_percent=0) as refresher:
        refresh(refresher)
        restart(server)
        live.ddl("alter table was rename to now")
        assert_full_for_a_restart(refresher)
        assert current(refresher).manifest.changes["tables"] == {"RENAMED": 1}
        assert refresh(refresher).mode == "unchanged"


def test_a_copy_that_has_gone_past_the_heads_position_is_read_in_full(server: Cluster) -> None:
    """Other DDL in transactions of the same ids: neither tokens nor the probe differ."""
    live = postgresql(server.url)
    live.ddl("create table item (id integer)", "checkpoint")
    server.stop()
    server.back_up()
    server.start(**PLAIN)
    with refreshing(server.url) as refresher:
        refresh(refresher)
        live.ddl("alter table item add column one text")
        refresh(refresher)
        server.stop()
        server.restore()
        server.start(**PLAIN)
        live.ddl("alter table item add column two text")
        with psycopg.connect(server.url, autocommit=True) as session:
            for _ in range(50):
                session.execute("select txid_current()")
            session.execute("select pg_switch_wal()")
            session.execute("checkpoint")
        assert_full_for_a_restart(refresher)
        assert_equals_the_source(server, refresher)
        assert differences(state(current(refresher)), full(refresher)) == {}


@pytest.mark.parametrize("step", ["tables", "columns"])
def test_a_restart_in_the_middle_is_survived_and_the_next_refresh_is_full(
    server: Cluster, step: str
) -> None:
    live = postgresql(server.url)
    live.ddl(*(f"create table t{number} (id integer, note text)" for number in range(6)))
    with refreshing(server.url, batch_columns=2, retry_seconds=0) as refresher:
        refresh(refresher)
        live.ddl(*(f"alter table t{number} add column more text" for number in range(6)))
        begins: dict[str, Callable[[], None]] = {f"{NAME}__{step}": lambda: restart(server)}

        def tell(event: object) -> None:
            if getattr(event, "event_type_value", "") == "STEP_START":
                begins.pop(str(getattr(event, "step_key", "")), lambda: None)()

        outcome = refresher.run(NAME, RefreshRequest(), tell)
        assert (outcome.ok, begins) == (True, {}), outcome.error
        assert_equals_the_source(server, refresher)
        assert_full_for_a_restart(refresher)


def test_a_version_from_before_the_restart_is_not_trusted_after_a_rollback(
    server: Cluster,
) -> None:
    live = postgresql(server.url)
    live.ddl("create table item (id integer)")
    with refreshing(server.url) as refresher:
        refresh(refresher)
        restart(server)
        live.ddl("alter table item add column one text")
        assert_full_for_a_restart(refresher)
        rolled = roll_back(refresher.store(NAME), live.dialect, 1)
        assert rolled is not None
        assert rolled.trusted
        assert_full_for_a_restart(refresher)
        assert_equals_the_source(server, refresher)
        assert refresh(refresher).mode == "unchanged"

"""Counting the writes to PostgreSQL's catalogs: it spares probes, and spares none too many."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from incremental_resources.source.probes import ProbeReading
from incremental_resources.source.sessions import Session
from incremental_resources.source.source import Source
from tests.postgres_server import cluster
from tests.sources import Live, postgresql

# Otherwise a session that wrote may tell of it ten seconds later.
TOLD = "select pg_stat_force_next_flush()"


@pytest.fixture
def live(fresh_database: str) -> Live:
    live = postgresql(fresh_database)
    live.ddl("create table item (id integer)", TOLD)
    return live


@pytest.fixture
def source(live: Live) -> Iterator[Source]:
    with live.source() as source:
        yield source


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every file that a session runs, in order."""
    files: list[str] = []
    rows = Session.rows

    def noted(session: Session, file: str, **binds: object) -> list[dict[str, Any]]:
        files.append(file)
        return rows(session, file, **binds)

    monkeypatch.setattr(Session, "rows", noted)
    return files


def test_a_probe_is_asked_for_once_as_long_as_nothing_is_written(
    live: Live, source: Source, asked: list[str]
) -> None:
    last = source.probes()
    assert last
    live.ddl("insert into item values (1)", "analyze item", TOLD)
    assert source.probes(last=last) == last
    assert asked.count("probe") == 1
    live.ddl("alter table item add column name text", TOLD)
    moved = source.probes(last=last)
    assert moved
    assert moved[live.database].probe != last[live.database].probe
    assert asked.count("probe") == 2


def test_only_the_database_that_was_written_to_is_asked(
    live: Live, fresh_database: str, asked: list[str]
) -> None:
    other = "postgres"
    names = sorted([live.database, other])
    with live.source() as source:
        last = source.probes(names)
        assert last
        live.ddl("create view seen as select * from item", TOLD)
        moved = source.probes(names, last=last)
    assert moved
    assert moved[other] == last[other]
    assert moved[live.database] != last[live.database]
    assert asked.count("probe") == 3


def test_what_is_written_while_writes_are_counted_is_in_the_probe(
    live: Live, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counters are not of the session's snapshot: they may be ahead of it."""
    rows = Session.rows
    outstanding = ["alter table item add column name text", TOLD]

    def disturbed(session: Session, file: str, **binds: object) -> list[dict[str, Any]]:
        if file == "writes":
            live.ddl(*outstanding)
            outstanding.clear()
        return rows(session, file, **binds)

    monkeypatch.setattr(Session, "rows", disturbed)
    last = source.probes()
    assert last
    assert source.probes(last=last) == source.probes()


def test_a_session_that_is_not_counted_is_seen_by_the_probe_alone(
    live: Live, source: Source
) -> None:
    """Why nothing is remembered for longer than ``remembered.LONGEST``."""
    last = source.probes()
    assert last
    live.ddl("set track_counts = off", "alter table item add column name text", TOLD)
    assert source.probes(last=last) == last
    assert source.probes() != last


def test_counters_that_begin_anew_are_other_counters(live: Live, source: Source) -> None:
    last = source.probes()
    assert last
    live.ddl("select pg_stat_reset()", TOLD)
    now = source.probes(last=last)
    assert now
    assert now[live.database].writes != last[live.database].writes


def test_after_a_crash_counters_are_others_even_if_they_are_equal() -> None:
    with cluster() as server:
        server.start()
        live = postgresql(server.url)
        crash(live)
        with live.source() as source:
            last = source.probes()
            since = source.identity()["restart"]
        live.ddl("create table item (id integer)", "checkpoint")
        crash(live)
        with live.source() as source:
            now = source.probes(last=last or {})
            assert now == source.probes()
            again = source.identity()["restart"]
        assert now != last
        # Ids of transactions that it lost are given again, and it was not started anew.
        assert (again["started"], again["recovered"] != since["recovered"]) == (
            since["started"],
            True,
        )


def crash(live: Live) -> None:
    """Kill a session's process, so that the server begins anew with all of them."""
    with psycopg.connect(live.url.render_as_string(), autocommit=True) as connection:
        os.kill(connection.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    while not answers(live):
        time.sleep(0.1)


def answers(live: Live) -> bool:
    try:
        live.ddl("select 1")
    except psycopg.OperationalError:
        return False
    return True


def test_where_writes_are_not_counted_the_probe_is_asked_for(
    live: Live, source: Source, asked: list[str]
) -> None:
    live.ddl(f'alter database "{live.database}" set track_counts = off')
    last = source.probes()
    assert last
    assert last[live.database] == ProbeReading(last[live.database].probe, None)
    assert source.probes(last=last) == last
    assert asked.count("probe") == 2


def test_a_standby_counts_nothing_and_is_not_believed() -> None:
    with cluster() as server:
        server.start(wal_level="replica")
        server.stop()
        server.back_up()
        server.restore(as_standby=True)
        server.start(wal_level="replica", hot_standby="on")
        with postgresql(server.url).source() as standby:
            (probed,) = (standby.probes() or {}).values()
    assert probed.writes is None

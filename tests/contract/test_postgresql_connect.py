"""Whose search path a session of ours has, from its start on, and what of its settings stays."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from incremental_resources.source.dialects.postgresql.connect import connect
from tests.postgres_server import running_server
from tests.sources import Live, postgresql
from tests.wire import Statement, Wire

OURS, THEIRS = "pg_catalog, pg_temp", "theirs"
REFUSING = "incremental_resources.source.dialects.postgresql.connect.refusing"


@pytest.fixture
def live(fresh_database: str) -> Live:
    live = postgresql(fresh_database)
    live.ddl(f"alter database {live.database} set search_path = {THEIRS}")
    return live


@pytest.fixture
def pooler(live: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """In front of the server; it takes no options at the start."""
    monkeypatch.setattr(REFUSING, set())
    assert live.url.port
    with Wire(live.url.port, Statement.do, refused="options") as wire:
        yield wire


def opened(url: Any, **settings: Any) -> Any:
    parts = make_url(url)
    to = {"host": parts.host, "port": parts.port, "user": parts.username, "dbname": parts.database}
    return closing(connect(**{**to, **settings}, silence_seconds=30))


def shown(connection: Any, name: str) -> str:
    (value,) = connection.execute(f"show {name}").fetchone()
    return str(value)


def of_session(connection: Any, name: str) -> bytes | None:
    """The setting outside of any transaction."""
    value: bytes | None = connection.pgconn.exec_(f"show {name}".encode()).get_value(0, 0)
    return value


def test_the_path_is_ours_from_the_start_and_in_every_transaction(live: Live) -> None:
    with opened(live.url) as connection:
        assert of_session(connection, "search_path") == b"pg_catalog,pg_temp"
        for end in (connection.commit, connection.rollback):
            assert shown(connection, "search_path") == OURS
            assert shown(connection, "transaction_read_only") == "on"
            assert shown(connection, "transaction_isolation") == "repeatable read"
            end()


def test_behind_a_pooler_the_path_is_ours_and_the_session_stays_as_it_was(
    live: Live, pooler: Wire
) -> None:
    for _ in range(2):
        with opened(live.url, port=pooler.port) as connection:
            assert of_session(connection, "search_path") == THEIRS.encode()
            assert shown(connection, "search_path") == OURS
            connection.rollback()
            assert of_session(connection, "search_path") == THEIRS.encode()
            assert shown(connection, "search_path") == OURS
    assert pooler.refusals == 1


def test_what_else_is_refused_is_told_and_not_laid_to_the_options(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered: set[object] = set()
    monkeypatch.setattr(REFUSING, remembered)
    assert live.url.port
    with (
        Wire(live.url.port, Statement.do, refused="client_encoding") as wire,
        pytest.raises(psycopg.OperationalError, match="parameter: client_encoding"),
    ):
        opened(live.url, port=wire.port, client_encoding="utf8")
    assert remembered == set()


@pytest.mark.parametrize("given", ["url", "environment", "service", "service of the url"])
def test_options_of_ones_own_are_kept(
    live: Live, given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, settings = "-c geqo=off", {}
    services = tmp_path / "services"
    services.write_text(f"[mine]\noptions={options}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    if given == "url":
        settings["options"] = options
    elif given == "environment":
        monkeypatch.setenv("PGOPTIONS", options)
    elif given == "service":
        monkeypatch.setenv("PGSERVICE", "mine")
    else:
        settings["service"] = "mine"
    with opened(live.url, **settings) as connection:
        assert shown(connection, "geqo") == "off"
        assert shown(connection, "search_path") == OURS


def test_a_trigger_on_login_finds_nothing_of_the_owner() -> None:
    """It runs before any statement, since PostgreSQL 17; only a superuser can make one."""
    with running_server() as url:
        live = postgresql(url)
        live.ddl(
            "create table seen (who text)",
            "create table called (who text)",
            "create schema evil",
            "create function evil.lower(text) returns text language sql "
            "as 'insert into public.called values ($1) returning who'",
            "create function noticing() returns event_trigger language plpgsql as "
            "$$ begin insert into public.seen values (lower(session_user::text)); end $$",
            "create event trigger noticed on login execute function noticing()",
            "alter database postgres set search_path = evil, pg_catalog",
        )
        with opened(url) as connection:
            answers = [
                connection.execute(f"select count(*) from public.{table}").fetchone()[0]
                for table in ("seen", "called")
            ]
    assert answers == [1, 0]

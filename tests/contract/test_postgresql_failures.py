"""How PostgreSQL fails as a source: privileges, timeouts, locks, broken sessions, moving rows."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from incremental_assets.core.entities import ENTITIES
from incremental_resources.errors import ResourceError
from incremental_resources.source.errors import AccessDenied, QueryFailed, SourceUnavailable
from incremental_resources.source.sessions import Sessions
from incremental_resources.source.source import ScopeLike, Source
from tests.sources import Live, Only, columns, copied_folder, listed, postgresql, quoted
from tests.wire import Statement, Wire

ROLE = "least_privileged"


@dataclass(frozen=True)
class Starting:
    """A scope of the databases whose names start so."""

    start: str
    partitions: str = "collapse"

    def admits_database(self, database: str) -> bool:
        return database.startswith(self.start)

    def names_database(self, _database: str) -> bool:
        return False

    def admits_schema(self, _database: str, _schema: str) -> bool:
        return True


@pytest.fixture
def live(fresh_database: str) -> Live:
    return postgresql(fresh_database)


@pytest.fixture
def other(live: Live) -> Iterator[Live]:
    """A second database on the same server, whose name starts like the first's."""
    name = f"{live.database}_other"
    live.ddl(f"create database {name}")
    yield postgresql(live.url.set(database=name).render_as_string())
    live.ddl(f"drop database {name} with (force)")


@pytest.fixture
def least(live: Live) -> Iterator[Live]:
    """The same database as a role that may log in and nothing else."""
    live.ddl(f"create role {ROLE} login")
    yield live.at(live.url.set(username=ROLE))
    live.ddl(f"drop role {ROLE}")


def source(live: Live, scope: ScopeLike, timeout: int = 30, **changes: object) -> Source:
    return Source(
        live.url,
        replace(live.dialect, **changes),
        scope,
        statement_timeout_seconds=timeout,
        name="shop_connection",
    )


# Databases and privileges


def test_all_admitted_databases_are_listed_and_templates_never(live: Live, other: Live) -> None:
    live.ddl("create table here (a integer)")
    other.ddl("create table there (a integer)", "create schema wing")
    with source(live, Starting(live.database)) as both:
        assert both.databases() == [live.database, other.database]
        found = listed(both, "tables").select("database", "table").rows()
        probe = both.probe()
        other.ddl("drop table there")
        assert both.probe() != probe
        assert "wing" in set(listed(both, "schemas")["schema"])
    assert sorted(found) == [(live.database, "here"), (other.database, "there")]
    with source(live, Starting("")) as everything:
        assert not {"template0", "template1"} & set(everything.databases())


def test_a_database_that_takes_no_connections_is_no_absence_if_it_is_known(
    live: Live, other: Live
) -> None:
    name = f'{live.database}_"Closed" 1'
    half = f"{live.database}_half_removed"
    live.ddl(f"create database {quoted(name)}", f"create database {half}")
    try:
        closing = f"alter database {quoted(name)} allow_connections false"
        # What a broken off `drop database` leaves behind.
        breaking = f"update pg_database set datconnlimit = -2 where datname = '{half}'"
        live.ddl(closing, breaking)
        with source(live, Starting(live.database)) as all_of_them:
            assert all_of_them.databases() == [live.database, other.database]
            assert all_of_them.databases([live.database, "another"])
            with pytest.raises(SourceUnavailable, match="datallowconn is false") as closed:
                all_of_them.databases([live.database, name])
            remedy = f"alter database {quoted(name)} with allow_connections true"
            assert remedy in str(closed.value)
            live.ddl(remedy)
            assert name in all_of_them.databases([name])
            with pytest.raises(SourceUnavailable, match="its removal broke off") as broken:
                all_of_them.databases([half])
            assert f"drop database {half}" in str(broken.value)
        with source(live, Only(half)) as named, pytest.raises(SourceUnavailable):
            named.databases()
        live.ddl(f"alter database {other.database} with allow_connections false is_template true")
        with source(live, Only(other.database)) as template:
            assert template.databases() == []
    finally:
        live.ddl(
            f"alter database {other.database} with allow_connections true is_template false",
            f"drop database {quoted(name)}",
            f"drop database {half}",
        )


@pytest.mark.parametrize("entity", ["schemas", "tables", "procedures"])
def test_a_database_that_cannot_be_listed_is_named(
    live: Live, other: Live, least: Live, entity: str
) -> None:
    live.ddl(f"revoke connect on database {other.database} from public")
    with source(least, Starting(live.database)) as both, pytest.raises(AccessDenied) as error:
        listed(both, entity)
    assert f"database '{other.database}'" in str(error.value)


def test_a_role_without_any_grant_sees_everything(live: Live, least: Live) -> None:
    live.ddl(
        "create schema closed",
        "create table closed.t (id integer primary key, a text default 'x')",
        "create view closed.v as select id from closed.t",
        "create function closed.f() returns integer language sql return 1",
        "revoke all on schema closed from public",
        "revoke all on function closed.f from public",
    )
    with live.source() as mighty, least.source() as small:
        assert small.version() == mighty.version()
        assert small.identity()["identity"] == mighty.identity()["identity"]
        assert small.probe() == mighty.probe()
        for entity in ENTITIES:
            mine = listed(small, entity)
            assert sorted(mine.rows(), key=str) == sorted(listed(mighty, entity).rows(), key=str)
            assert not mine.is_empty()


def test_a_function_that_may_not_be_called_is_named(live: Live, least: Live) -> None:
    live.ddl("revoke execute on function pg_control_system from public")
    with least.source() as small, pytest.raises(AccessDenied, match="pg_control_system"):
        small.identity()


# Sessions


def test_a_timeout_says_what_to_set(live: Live, package: Path) -> None:
    slow = copied_folder(live.dialect, package, version="select pg_sleep(5) as version")
    with (
        source(live, Starting(live.database), timeout=1, **slow) as hasty,
        pytest.raises(QueryFailed, match=r"options\.statement_timeout_seconds") as error,
    ):
        hasty.version()
    assert not error.value.transient


@pytest.mark.parametrize(
    ("function", "error", "transient"),
    [("pg_terminate_backend", SourceUnavailable, True), ("pg_cancel_backend", QueryFailed, False)],
)
def test_a_session_that_is_stopped_says_so_and_the_next_one_works(
    live: Live, package: Path, function: str, error: type[ResourceError], transient: bool
) -> None:
    slow = copied_folder(live.dialect, package, version="select pg_sleep(600) as version")
    with (
        source(live, Starting(live.database), timeout=900, **slow) as sleeping,
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(sleeping.version)
        stopped = False
        while not stopped and not answer.done():
            stopped = stop_session(live, function)
        with pytest.raises(error) as raised:
            answer.result()
        assert raised.value.transient is transient
        assert sleeping.databases() == [live.database]


def test_a_server_that_falls_silent_is_not_waited_for_for_ever(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("incremental_resources.source.sessions.GRACE_SECONDS", -0.5)

    def listen(statement: Statement) -> None:
        if "pg_namespace" not in statement.text:
            statement.do()

    assert live.url.port
    with Wire(live.url.port, listen) as wire:
        there = live.at(live.url.set(port=wire.port))
        with (
            source(there, Starting(live.database), timeout=1) as hasty,
            pytest.raises(
                QueryFailed, match=r"nothing was heard of the server for 0\.5 s"
            ) as error,
        ):
            listed(hasty, "schemas")
    assert error.value.transient


def stop_session(live: Live, function: str) -> bool:
    """Whether one of our sessions was there to be stopped while it slept."""
    with psycopg.connect(live.url.render_as_string()) as connection:
        return bool(
            connection.execute(
                f"select {function}(pid) from pg_stat_activity where datname = %s "
                "and application_name = 'incremental-assets' and wait_event = 'PgSleep'",
                [live.database],
            ).fetchall()
        )


def test_a_server_without_room_may_be_tried_again(
    live: Live, least: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("incremental_resources.source.sessions.PAUSES", (0.01,))
    live.ddl(f"alter role {ROLE} connection limit 0")
    with least.source() as small, pytest.raises(SourceUnavailable, match="too many connections"):
        small.databases()


# Locks, and a catalog that moves under a session


def test_a_locked_table_is_read_all_the_same(live: Live) -> None:
    live.ddl("create table t (id serial primary key, a text default 'x')")
    with locked(live, "t"), live.source() as reader:
        read = columns(reader, listed(reader, "tables"))
    assert read.sort("ordinal")["default"].to_list() == [
        "nextval('public.t_id_seq'::regclass)",
        "'x'::text",
    ]


def test_a_locked_table_with_a_generated_column_is_listed_all_the_same(live: Live) -> None:
    """Only what names somebody's own object in a generated column has to be printed."""
    live.ddl("create table t (a text, b integer generated always as (length(a) + 1) stored)")
    with locked(live, "t"), live.source() as reader:
        assert listed(reader, "tables")["table"].to_list() == ["t"]


def test_a_view_that_cannot_be_printed_for_a_lock_fails_soon(live: Live, package: Path) -> None:
    live.ddl("create table t (id integer)", "create view v as select id from t")
    session = live.dialect.sql("session").replace("'5s'", "'50ms'")
    with (
        locked(live, "t"),
        live.source(**copied_folder(live.dialect, package, session=session)) as reader,
        pytest.raises(QueryFailed, match="exclusive lock") as error,
    ):
        listed(reader, "tables")
    assert error.value.transient


@contextmanager
def locked(live: Live, name: str) -> Iterator[None]:
    with psycopg.connect(live.url.render_as_string()) as connection:
        connection.execute(f"lock table {name} in access exclusive mode")
        yield


def test_what_is_dropped_meanwhile_is_left_out(live: Live) -> None:
    live.ddl(
        "create table t (id integer)",
        "create view v as select id from t",
        "create materialized view w as select id from v",
        "create function f() returns integer language sql return 1",
        "create aggregate a(integer) (sfunc = int4pl, stype = integer)",
    )
    sessions = Sessions(live.url, live.dialect, statement_timeout_seconds=30, name="shop")
    with closing(sessions), sessions.session("the test") as session:
        session.rows("now")
        live.ddl("drop view v cascade", "drop function f", "drop aggregate a(integer)")
        binds = {"schemas": ["public"], "list_partitions": False}
        tables = session.rows("tables", **binds)
        procedures = session.rows("procedures", **binds)
    assert [row["table"] for row in tables] == ["t"]
    assert procedures == []

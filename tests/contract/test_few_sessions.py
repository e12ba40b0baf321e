"""Few sessions, whatever the number of databases: a server with 30 places for 40 databases."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from incremental_assets.cli.app import main
from incremental_assets.cli.running import RefreshRequest
from incremental_assets.naming import ENTITY_NAMES
from incremental_resources.source.errors import SourceUnavailable
from incremental_resources.source.places import Places
from tests.live import attempt, current, refresh, refreshing, state, written_config
from tests.oracle import differing
from tests.postgres_server import cluster
from tests.sources import listed, postgresql

DATABASES = 40
EVERY = {"tenant_.*": "*"}
ROLE = "few"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A superuser's, on a server with 30 places, and with a role that has few of them."""
    with cluster() as server:
        server.start(max_connections="30")
        live = postgresql(server.url)
        live.ddl("create database tenant_00")
        first = postgresql(make_url(server.url).set(database="tenant_00").render_as_string())
        first.ddl("create table item (id integer primary key)", "create table other (a text)")
        names = (f"tenant_{number:02}" for number in range(1, DATABASES))
        live.ddl(*(f"create database {name} template tenant_00" for name in names))
        live.ddl(f"create role {ROLE} login")
        yield server.url


def of_role(url: str) -> str:
    return make_url(url).set(username=ROLE).render_as_string()


@contextmanager
def limited(url: str, places: int) -> Iterator[None]:
    """While the block lasts the role may have so many sessions."""
    live = postgresql(url)
    live.ddl(f"alter role {ROLE} connection limit {places}")
    yield
    live.ddl(f"alter role {ROLE} connection limit -1")


class Sampler:
    """Looks again and again how many sessions there are, and in how many databases."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = 0
        self.looks = 0

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as session:
            while not self._over.is_set():
                self.most = max(self.most, sessions(session))
                self.looks += 1


def sessions(session: "psycopg.Connection[tuple[int]]") -> int:
    row = session.execute(
        "select count(*) from pg_stat_activity "
        "where backend_type = 'client backend' and pid <> pg_backend_pid()"
    ).fetchone()
    assert row
    return row[0]


def check(tmp_path: Path, url: str, **settings: object) -> None:
    config = written_config(tmp_path / "connections.yaml", url, include=EVERY, **settings)
    result = CliRunner().invoke(main, ["--config", str(config), "check", "--full"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("options", "bound"),
    [
        ({}, 4),
        ({"max_sessions": 2}, 2),
        ({"max_sessions": 1}, 1),
        ({"max_concurrent_batches": 1}, 2),
    ],
    ids=str,
)
def test_a_refresh_has_no_more_sessions_than_its_bound(
    url: str, options: dict[str, int], bound: int
) -> None:
    with Sampler(url) as sampler, refreshing(url, include=EVERY, **options) as refresher:
        outcome = refresh(refresher)
        assert (outcome.counts["databases"], outcome.counts["tables"]) == (40, 80)
        assert refresh(refresher).mode == "unchanged"
    assert 1 <= sampler.most <= bound
    assert sampler.looks > 10


def test_a_check_has_no_more_sessions_than_a_refresh(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Sampler(url) as sampler:
        check(tmp_path, url)
    assert 1 <= sampler.most <= 4
    with limited(url, 1):
        check(tmp_path, of_role(url))


@pytest.mark.parametrize("places", [1, 2])
def test_a_role_that_may_have_few_sessions_is_enough(url: str, places: int) -> None:
    with limited(url, places), refreshing(of_role(url), include=EVERY) as refresher:
        assert refresh(refresher).counts["tables"] == 2 * DATABASES
        assert refresh(refresher).mode == "unchanged"


@pytest.mark.parametrize("places", [1, 2, 4])
def test_batches_of_one_database_need_no_more(url: str, places: int) -> None:
    """More batches at a time than there are places: the others wait for one of ours."""
    database = make_url(of_role(url)).set(database="tenant_00").render_as_string()
    with limited(url, places), refreshing(database, batch_columns=1) as refresher:
        refresh(refresher)
        assert differing(database, state(current(refresher)), partitions=False) == {}


@pytest.mark.parametrize(
    ("entities", "after"),
    [
        (ENTITY_NAMES, "incremental_diff"),
        # Its own first act is to close what the listings opened.
        (("databases", "schemas", "tables"), "current_state"),
    ],
    ids=["with columns", "without"],
)
def test_no_session_waits_in_a_database_that_is_done(
    url: str, entities: tuple[str, ...], after: str
) -> None:
    with (
        refreshing(url, include=EVERY, entities=entities) as refresher,
        psycopg.connect(url, autocommit=True) as session,
    ):
        seen: list[int] = []

        def tell(event: object) -> None:
            step = str(getattr(event, "step_key", ""))
            if getattr(event, "event_type_value", "") == "STEP_START":
                seen.append(sessions(session) if step.endswith(after) else 0)

        assert refresher.run("shop", RefreshRequest(), tell).ok
        assert sum(seen) == 0
        assert seen


def test_consecutive_listings_of_a_database_share_a_session(url: str) -> None:
    live = postgresql(make_url(url).set(database="tenant_00").render_as_string())
    with live.source() as source, psycopg.connect(url, autocommit=True) as session:
        query = "select array_agg(backend_start) from pg_stat_activity where datname = %s"
        started = set()
        for entity in ("databases", "schemas", "tables", "procedures", "columns"):
            listed(source, entity)
            source.probe()
            started.add(str(session.execute(query, ["tenant_00"]).fetchone()))
    assert len(started) == 1
    assert started.pop().count("datetime.datetime(") == 1


def test_a_place_that_comes_free_is_taken(url: str) -> None:
    with (
        limited(url, 0),
        refreshing(of_role(url), include=EVERY) as refresher,
        ThreadPoolExecutor(1) as pool,
    ):
        outcome = pool.submit(refresh, refresher)
        time.sleep(0.5)
        postgresql(url).ddl(f"alter role {ROLE} connection limit 1")
        assert outcome.result().version == 1


def test_a_server_without_a_place_is_told_with_what_to_do(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("incremental_resources.source.sessions.PAUSES", (0.01,))
    with limited(url, 0), refreshing(of_role(url), retry_seconds=0) as refresher:
        told = attempt(refresher).error
    assert told is not None
    for part in ("SourceUnavailable", "too many connections", "options.max_sessions"):
        assert part in told


def test_a_listing_that_fails_leaves_no_session_and_no_place_behind(url: str) -> None:
    live = postgresql(of_role(url))
    with live.source() as source:
        for _ in range(8):
            with pytest.raises(SourceUnavailable):
                source.pinned_to({"identity": {"id": "another"}}).clock()
        assert source.databases() == ["postgres"]


# The bound itself: it knows no product


def test_places_are_never_more_than_their_limit_and_ended_for_other_keys() -> None:
    alive: set[object] = set()
    most: list[int] = []
    places: Places[object] = Places(3, alive.remove)

    def use(number: int) -> None:
        connection = places.take(number % 5)
        if connection is None:
            connection = object()
            alive.add(connection)
        most.append(len(alive))
        if number % 7:
            places.put_back(number % 5, connection, threading.get_ident())
        else:
            places.give_up(connection, threading.get_ident())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(500)))
    assert max(most) <= 3
    places.close()
    assert not alive


def test_a_session_inside_the_only_session_is_a_mistake_and_no_deadlock() -> None:
    places: Places[str] = Places(1, lambda _connection: None)
    assert places.take("a") is None
    with pytest.raises(RuntimeError, match="wait for itself"):
        places.take("b")
    places.put_back("a", "connection", threading.get_ident())
    assert places.take("a") == "connection"


def test_a_refused_place_is_not_asked_for_again_while_others_are_ours() -> None:
    places: Places[str] = Places(4, lambda _connection: None)
    others = ThreadPoolExecutor(1)
    assert others.submit(places.take, "a").result() is None
    assert places.take("b") is None
    places.refused()
    places.give_up(None, threading.get_ident())
    waiting = ThreadPoolExecutor(1).submit(places.take, "a")
    assert not waiting.done()
    holder = others.submit(threading.get_ident).result()
    places.put_back("a", "connection", holder)
    assert waiting.result() == "connection"

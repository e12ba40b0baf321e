"""One extraction reads one server, and never one that is behind what it has read already.

A primary with a real streaming standby, whose replay is paused, behind an address that leads to
now the one, now the other.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle

import psycopg
import pytest
from sqlalchemy import make_url

from incremental_assets import wiring
from incremental_assets.cli.running import Outcome, Refresher, RefreshRequest
from incremental_assets.config.connection import Connection
from incremental_assets.config.model import Config
from incremental_assets.core.entities import COLUMNS
from incremental_resources.source.errors import SourceUnavailable
from incremental_resources.source.source import NO_TABLES, Source
from tests.live import NAME, attempt, current, differences, full, refresh, refreshing, state
from tests.oracle import differing
from tests.postgres_server import REPLICATED, cluster
from tests.sources import listed, postgresql
from tests.wire import Statement, Wire

TABLES = tuple(f"create table t{number} (id integer, note text)" for number in range(6))
ALTERED = tuple(f"alter table t{number} alter note type varchar(9)" for number in range(6))
AGAIN = tuple(f"alter table t{number} alter note type varchar(7)" for number in range(6))


@dataclass
class Pair:
    """The two servers, and the address that leads to the one ``at`` names."""

    primary: str
    standby: str
    address: str = ""
    at: Callable[[], str] = field(default=lambda: "primary")

    def port(self) -> int:
        port = make_url(getattr(self, self.at())).port
        assert port
        return port

    def ddl(self, *statements: str) -> None:
        postgresql(self.primary).ddl(*statements)

    def ask(self, statement: str) -> object:
        with psycopg.connect(self.standby, autocommit=True) as session:
            row = session.execute(statement).fetchone()
        assert row
        return row[0]

    def pause(self) -> None:
        """Replay stands still where the primary is now."""
        self.catch_up()
        self.ask("select pg_wal_replay_pause()")
        while self.ask("select pg_get_wal_replay_pause_state()") != "paused":
            """It is at rest only after the record that it is at."""

    def resume(self) -> None:
        self.ask("select pg_wal_replay_resume()")

    def catch_up(self) -> None:
        with psycopg.connect(self.primary, autocommit=True) as session:
            row = session.execute("select pg_current_wal_flush_lsn()").fetchone()
        assert row
        while not self.ask(f"select pg_last_wal_replay_lsn() >= '{row[0]}'"):
            """WAL streams within milliseconds."""


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    with cluster() as primary:
        primary.start(**REPLICATED)
        with cluster(primary) as standby:
            standby.start(**REPLICATED)
            yield Pair(primary.url, standby.url)


@pytest.fixture
def pair(servers: Pair, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """New databases on both, seen by sessions of which each is a connection of its own."""
    servers.ddl("drop database if exists shop with (force)", "create database shop")
    servers.catch_up()
    primary, standby = (
        make_url(url).set(database="shop").render_as_string(hide_password=False)
        for url in (servers.primary, servers.standby)
    )
    pair = Pair(primary, standby)
    pair.ddl(*TABLES)
    pair.catch_up()

    def open_source(_config: Config, connection: Connection) -> Source:
        return Source(
            connection.address,
            replace(connection.dialect(), keeps_sessions=False),
            connection.scope(),
            statement_timeout_seconds=30,
            name=NAME,
        )

    monkeypatch.setattr(wiring, "open_source", open_source)
    with Wire(pair.port, Statement.do) as wire:
        pair.address = make_url(primary).set(port=wire.port).render_as_string()
        yield pair
    pair.resume()
    pair.catch_up()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A standby that is behind is given up at once."""
    monkeypatch.setattr("incremental_resources.source.sessions.PAUSES", (0.0,))


def first_primary_then_standby(pair: Pair) -> None:
    turns = iter(["primary"])
    pair.at = lambda: next(turns, "standby")


@contextmanager
def refreshed(pair: Pair) -> Iterator[Refresher]:
    """Refreshes by the address, after a first one of the primary."""
    settings = {"retry_seconds": 0, "batch_columns": 2}
    with refreshing(pair.address, **settings) as refresher:
        refresh(refresher)
        yield refresher


def attempt_telling(refresher: Refresher, begins: dict[str, Callable[[], None]]) -> Outcome:
    """A refresh at whose steps something happens, the first time each."""

    def tell(event: object) -> None:
        step = str(getattr(event, "step_key", "")).removeprefix(f"{NAME}__")
        if getattr(event, "event_type_value", "") == "STEP_START" and step in begins:
            begins.pop(step)()

    return refresher.run(NAME, RefreshRequest(), tell)


def assert_as_the_primary(pair: Pair, refresher: Refresher) -> None:
    pair.at = lambda: "primary"
    refresh(refresher)
    assert differing(pair.primary, state(current(refresher)), partitions=False) == {}
    incremental = {name: rows.collect().lazy() for name, rows in state(current(refresher)).items()}
    assert differences(incremental, full(refresher)) == {}


@pytest.mark.usefixtures("hasty")
def test_a_standby_that_is_behind_is_not_read_after_the_primary(pair: Pair) -> None:
    """The step's next attempt talks to the standby alone: whole, though of an earlier time."""
    with refreshed(pair) as refresher:
        pair.pause()
        pair.ddl(*ALTERED)
        first_primary_then_standby(pair)
        outcome = refresh(refresher)
        assert (outcome.mode, "restarted" in str(outcome.why)) == ("full", True)
        assert differing(pair.standby, state(current(refresher)), partitions=False) == {}
        assert_as_the_primary(pair, refresher)


@pytest.mark.usefixtures("hasty")
def test_servers_in_turns_of_which_one_is_behind_are_refused(pair: Pair) -> None:
    with refreshed(pair) as refresher:
        before = refresher.store(NAME).head()
        pair.pause()
        pair.ddl(*ALTERED)
        turns = cycle(["primary", "standby", "standby"])
        pair.at = lambda: next(turns)
        outcome = attempt(refresher)
        assert not outcome.ok
        for part in ("SourceUnavailable", "is behind the one", "short of", "standby", "then refr"):
            assert part in str(outcome.error)
        assert refresher.store(NAME).head() == before
        assert_as_the_primary(pair, refresher)


@pytest.mark.usefixtures("hasty")
def test_no_batch_is_read_behind_the_listing(pair: Pair) -> None:
    """The standby is past where the extraction began, and not as far as its listing."""
    with refreshed(pair) as refresher:
        before = refresher.store(NAME).head()
        pair.ddl(*ALTERED)

        def alter_again() -> None:
            pair.pause()
            pair.ddl(*AGAIN)

        def move() -> None:
            pair.at = lambda: "standby"

        outcome = attempt_telling(refresher, {"tables": alter_again, "columns": move})
        assert not outcome.ok
        assert "is behind the one" in str(outcome.error)
        assert refresher.store(NAME).head() == before
        assert_as_the_primary(pair, refresher)


@pytest.mark.usefixtures("hasty")
def test_no_listing_is_read_behind_the_probe(pair: Pair) -> None:
    with refreshed(pair) as refresher:
        before = refresher.store(NAME).head()
        pair.pause()
        pair.ddl(*ALTERED)

        def move() -> None:
            pair.at = lambda: "standby"

        outcome = attempt_telling(refresher, {"tables": move})
        assert not outcome.ok
        assert "is behind the one" in str(outcome.error)
        assert refresher.store(NAME).head() == before
        assert_as_the_primary(pair, refresher)


def test_a_standby_that_catches_up_in_time_is_read(pair: Pair) -> None:
    with refreshed(pair) as refresher:
        pair.pause()
        pair.ddl(*ALTERED)
        turns = iter(["primary", "standby", "standby"])

        def route() -> str:
            turn = next(turns, None)
            if turn is None:
                pair.at = lambda: "standby"
                threading.Thread(target=pair.resume).start()
            return turn or "standby"

        pair.at = route
        outcome = refresh(refresher)
        assert outcome.changes["columns"] == {"UPDATED": 6}
        pair.at = lambda: "primary"
        # The other server runs since another time: that alone makes the next one full.
        assert refresh(refresher).mode in ("unchanged", "full")
        assert differing(pair.primary, state(current(refresher)), partitions=False) == {}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "ask",
    [
        lambda source: source.clock(),
        lambda source: source.version(),
        lambda source: source.databases(),
        lambda source: source.probe(),
        *(
            lambda source, entity=entity: listed(source, entity)
            for entity in ("databases", "schemas", "tables", "procedures")
        ),
        lambda source: list(source.columns("shop", NO_TABLES, COLUMNS.schema)),
    ],
    ids=[
        *("clock", "version", "databases", "probe"),
        *("list databases", "schemas", "tables", "procedures", "columns"),
    ],
)
def test_every_session_proves_that_it_is_not_behind(
    pair: Pair, ask: Callable[[Source], object]
) -> None:
    with postgresql(pair.address).source(keeps_sessions=False) as source:
        pair.pause()
        pair.ddl("create table another (id integer)")
        pinned = source.pinned_to(source.identity())
        ask(pinned)
        pair.at = lambda: "standby"
        with pytest.raises(SourceUnavailable, match="is behind the one"):
            ask(pinned)
        pair.resume()
        pair.catch_up()
        ask(pinned)


def test_what_is_read_later_is_not_behind_what_was_read_before(pair: Pair) -> None:
    with postgresql(pair.address).source(keeps_sessions=False) as source:
        pinned = source.pinned_to(source.identity())
        began = pinned.reached["position"]
        pair.ddl("create table another (id integer)")
        pinned.probe()
        assert pinned.reached["position"]["wal"] > began["wal"]
        assert pinned.reached["identity"] == source.identity()["identity"]

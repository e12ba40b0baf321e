"""Law 4: HEAD's marker and probe are never ahead of the state, so that no change is lost."""

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
import pytest

from incremental_assets import wiring
from incremental_assets.cli.running import Refresher
from incremental_resources.source.source import Source
from tests.live import NAME, current, refresh, refreshing, state
from tests.oracle import differing
from tests.sources import postgresql

CATALOGUE = (
    "create table lasting (id integer primary key, note text)",
    "create table moved (id integer)",
    "create view seen as select id from lasting",
)
MOMENTS = (
    *("identity", "clock", "probe", "listing databases", "listing schemas", "listing tables"),
    *("listing procedures", "columns"),
)


def changes(number: int) -> tuple[str, ...]:
    """DDL of every kind that can be repeated under another number."""
    return (
        f"create table made_{number} (id integer)",
        f"alter table lasting add column note_{number} text",
        f"comment on column lasting.note is '{number}'",
        f"alter table moved rename column id to id_{number}",
        f"alter table moved rename column id_{number} to id",
        f"create schema schema_{number}",
        f"create function made_{number}() returns integer language sql return {number}",
        f"create or replace view seen as select id, {number} as number from lasting",
    )


class Meddled:
    """A source after whose calls something happens in the database."""

    def __init__(self, source: Source, after: Callable[[str, Any], None]) -> None:
        self._source = source
        self._after = after

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._source, name)
        if not callable(method):
            return method

        def call(*arguments: Any, **more: Any) -> Any:
            answer = method(*arguments, **more)
            if name == "pinned_to":
                return Meddled(answer, self._after)
            if name == "columns":
                answer = list(answer)
            entity = f" {arguments[0]}" if name == "listing" else ""
            self._after(f"{name}{entity}", answer)
            return answer

        return call


class Watch:
    """Notes every call to the source, and makes ``ddl`` happen after one of them."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.moment: str | None = None
        self.ddl: Callable[[], None] = lambda: None

    def expect(self, moment: str, ddl: Callable[[], None]) -> None:
        """Forget the past; run ``ddl`` once, after the first such call."""
        self.calls.clear()
        self.moment, self.ddl = moment, ddl

    def __call__(self, call: str, answer: Any) -> None:
        self.calls.append((call, answer))
        if call == self.moment:
            self.moment = None
            self.ddl()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Told of every call to every source that is opened."""
    watch, open_source = Watch(), wiring.open_source
    monkeypatch.setattr(
        wiring, "open_source", lambda *arguments: Meddled(open_source(*arguments), watch)
    )
    return watch


def assert_marker_came_first(refresher: Refresher, watch: Watch) -> None:
    calls = [call for call, _ in watch.calls]
    clock, probe = calls.index("clock"), calls.index("probe")
    listings = [at for at, call in enumerate(calls) if call.startswith(("listing", "columns"))]
    assert clock < probe < min(listings)
    head = refresher.store(NAME).head()
    assert head is not None
    assert head.head.marker == watch.calls[clock][1]
    assert head.head.probe == watch.calls[probe][1]


def test_a_change_at_any_moment_is_seen_by_the_next_refresh(
    fresh_database: str, watch: Watch
) -> None:
    live = postgresql(fresh_database)
    live.ddl(*CATALOGUE)
    with refreshing(fresh_database) as refresher:
        refresh(refresher)
        for number, moment in enumerate(MOMENTS):
            live.ddl(f"alter table moved add column note_{number} text")
            watch.expect(moment, partial(live.ddl, *changes(number)))
            refresh(refresher)
            assert watch.moment is None, f"{moment} did not come"
            assert_marker_came_first(refresher, watch)
            refresh(refresher)
            seen = differing(fresh_database, state(current(refresher)), partitions=False)
            assert seen == {}, moment
        assert refresh(refresher).mode == "unchanged"


def test_what_is_committed_late_is_seen_by_the_next_refresh(fresh_database: str) -> None:
    postgresql(fresh_database).ddl(*CATALOGUE)
    with refreshing(fresh_database) as refresher, psycopg.connect(fresh_database) as session:
        refresh(refresher)
        session.execute("create table late (id integer)")
        session.execute("alter table moved add column late text")
        session.execute("comment on table lasting is 'late'")
        assert refresh(refresher).version == 1
        session.commit()
        assert refresh(refresher).version == 2
        assert differing(fresh_database, state(current(refresher)), partitions=False) == {}


def test_tables_that_swap_names_between_two_batches_are_read_again(
    fresh_database: str, watch: Watch
) -> None:
    live = postgresql(fresh_database)
    live.ddl("create table a (x integer)", "create table b (y integer, z integer)")
    swap = ("alter table a rename to c", "alter table b rename to a", "alter table c rename to b")
    with refreshing(fresh_database, batch_columns=1, max_concurrent_batches=1) as refresher:
        watch.expect("columns", partial(live.ddl, *swap))
        refresh(refresher)
        refresh(refresher)
        assert differing(fresh_database, state(current(refresher)), partitions=False) == {}

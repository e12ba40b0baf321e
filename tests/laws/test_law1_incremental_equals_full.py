"""Law 1: increments reach what a full extraction reaches, and what an independent look sees."""

from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from hypothesis import note

from incremental_assets.cli.running import Refresher
from incremental_assets.core.equality import unequal
from tests import ddl_clickhouse, ddl_duckdb
from tests.ddl import play, settle
from tests.ddl_mysql import mysql_player, play_mysql
from tests.ddl_sqlite import play_in_file, sqlite_player
from tests.games import play_games, player
from tests.live import (
    current,
    differences,
    forget,
    full,
    refresh,
    refresh_as_a_person,
    refreshing,
    reread,
    state,
)
from tests.oracle import differing
from tests.sources import postgresql

# What can happen to a table or its columns in disguise, or without a change of their own rows:
# the changes before one refresh, those before the next, and so on.
CHANGES = (
    {
        "a table takes the place of a dropped one": "drop table t; alter table u rename to t",
        "two tables swap names": (
            "alter table v rename to x; alter table w rename to v; alter table x rename to w"
        ),
        "two schemas swap names": (
            "alter schema s rename to x; alter schema r rename to s; alter schema x rename to r"
        ),
        "a type's attribute goes from a default": "alter type pair drop attribute y",
        "a view becomes a table": "drop view seen; create table seen (b integer)",
        "a partition becomes a table": "alter table parted detach partition part",
    },
    {
        "a table is made again, alike": "drop table t; create table t (b integer, c text)",
        "two columns swap names": (
            "alter table w rename b to x; alter table w rename c to b; alter table w rename x to c"
        ),
        "a label changes in a default": "alter type mood rename value 'sad' to 'blue'",
        "a table becomes a view": "drop table seen; create view seen as select b from w",
        "a table becomes a partition": "alter table parted attach partition part for values in (1)",
    },
    {"a column is made again, alike": "alter table t drop b; alter table t add b integer"},
    {
        "a table moves to where a dropped one was": (
            "drop table s.k; alter table t set schema s; alter table s.t rename to k"
        ),
        "a schema changes its name in a default": "alter schema empty rename to hollow",
    },
)
CATALOGUE = """
    create schema s; create schema r; create schema empty; create type pair as (x text, y text);
    create type mood as enum ('sad', 'ok'); create table t (b integer, c text);
    create table u (b integer); create table v (b integer, c text); create table w (d date);
    create table s.k (k integer); create table r.k (k text); create view seen as select 1 as b;
    create table prints (
        a pair default '(1,2)', b mood default 'sad', c oid default 'empty'::regnamespace::oid
    );
    create table parted (id integer) partition by list (id);
    create table part partition of parted for values in (1)
"""


def assert_incremental(refresher: Refresher, url: str, **options: bool) -> None:
    """Refresh; the state is what the oracle sees, and what did not change was not read again."""
    outcome = refresh_as_a_person(refresher)
    assert outcome.mode in ("incremental", "unchanged")
    assert [place for place in reread(refresher) if "still" in place] == []
    seen = differing(url, state(current(refresher)), **options)
    assert seen == {}


def assert_equal_to_full(refresher: Refresher, afresh: Refresher) -> None:
    """What increments reached is what a first refresh reaches."""
    reached, whole = state(current(refresher)), full(afresh)
    assert unequal(reached, whole) == {}, differences(reached, whole)


@pytest.mark.parametrize("partitions", ["collapse", "list"])
def test_after_any_ddl_an_increment_equals_a_full_extraction(
    fresh_database: str, partitions: str, games: int
) -> None:
    def game(random: Random) -> None:
        settle(connection)
        forget(refresher)
        refresh(refresher)
        for _ in range(random.randint(1, 3)):
            note(";\n".join(play(connection, random)))
            assert_incremental(refresher, fresh_database, partitions=partitions == "list")
            assert_equal_to_full(refresher, afresh)

    with (
        refreshing(fresh_database, partitions=partitions) as refresher,
        refreshing(fresh_database, partitions=partitions) as afresh,
        player(fresh_database) as connection,
    ):
        play_games(game, games=games)


def test_after_any_ddl_on_a_file_an_increment_equals_a_full_extraction(
    tmp_path: Path, games: int
) -> None:
    file = tmp_path / "shop.db"
    url = f"sqlite:///{file}"

    def game(random: Random) -> None:
        file.unlink(missing_ok=True)
        with sqlite_player(file) as connection:
            forget(refresher)
            refresh(refresher)
            for _ in range(random.randint(1, 3)):
                note(";\n".join(play_in_file(connection, random)))
                assert_incremental(refresher, url, partitions=False)
                assert_equal_to_full(refresher, afresh)

    with refreshing(url) as refresher, refreshing(url) as afresh:
        play_games(game, games=games)


@pytest.mark.parametrize("product", ["mariadb", "mysql"])
def test_after_any_ddl_on_these_an_increment_equals_a_full_extraction(
    request: pytest.FixtureRequest, product: str, games: int
) -> None:
    url = request.getfixturevalue(f"{product}_database")

    def game(random: Random) -> None:
        with mysql_player(url) as cursor:
            forget(refresher)
            refresh(refresher)
            for _ in range(random.randint(1, 3)):
                note(";\n".join(play_mysql(cursor, random)))
                assert_incremental(refresher, url, partitions=False)
                assert_equal_to_full(refresher, afresh)

    with refreshing(url) as refresher, refreshing(url) as afresh:
        play_games(game, games=games)


@pytest.mark.parametrize(
    ("product", "scheme"),
    [(ddl_duckdb, "duckdb"), (ddl_clickhouse, "chdb")],
    ids=["duckdb", "chdb"],
)
def test_after_any_ddl_in_process_an_increment_equals_a_full_extraction(
    tmp_path: Path, games: int, product: ModuleType, scheme: str
) -> None:
    place = tmp_path / "shop"
    if product is ddl_clickhouse:
        place.mkdir()

    def game(random: Random) -> None:
        product.settle(place)
        forget(refresher)
        refresh(refresher)
        for _ in range(random.randint(1, 3)):
            note(";\n".join(product.play(place, random)))
            outcome = refresh_as_a_person(refresher)
            assert outcome.mode in ("incremental", "unchanged")
            assert [place for place in reread(refresher) if "still" in place] == []
            assert product.differing(place, state(current(refresher))) == {}
            assert_equal_to_full(refresher, afresh)

    url = f"{scheme}:///{place}"
    with refreshing(url) as refresher, refreshing(url) as afresh:
        play_games(game, games=games)


def test_what_only_looks_like_something_else_is_not_mistaken(fresh_database: str) -> None:
    live = postgresql(fresh_database)
    live.ddl(CATALOGUE, "create table still (id integer)")
    with refreshing(fresh_database) as refresher, refreshing(fresh_database) as afresh:
        refresh(refresher)
        for changes in CHANGES:
            live.ddl(*changes.values())
            assert_incremental(refresher, fresh_database, partitions=False)
        assert_equal_to_full(refresher, afresh)

"""Law 1: increments reach what a full extraction reaches, and what an independent look sees."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import note

from incremental_assets.core.equality import unequal
from tests.ddl import play, settle
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


@pytest.mark.parametrize("partitions", ["collapse", "list"])
def test_after_any_ddl_an_increment_equals_a_full_extraction(
    fresh_database: str, partitions: str
) -> None:
    def game(random: Random) -> None:
        settle(connection)
        forget(by_increments)
        refresh(by_increments)
        for _ in range(random.randint(1, 3)):
            note(";\n".join(play(connection, random)))
            refresh_as_a_person(by_increments)
            assert [name for name in reread(by_increments) if name[0] == "still"] == []
            reached = state(current(by_increments))
            assert differing(fresh_database, reached, partitions=partitions == "list") == {}
            whole = full(afresh)
            assert unequal(reached, whole) == {}, differences(reached, whole)

    with (
        refreshing(fresh_database, partitions=partitions) as by_increments,
        refreshing(fresh_database, partitions=partitions) as afresh,
        player(fresh_database) as connection,
    ):
        play_games(game, games=4)


def test_after_any_ddl_an_increment_equals_a_full_extraction_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    url = f"sqlite:///{file}"

    def game(random: Random) -> None:
        file.unlink(missing_ok=True)
        with sqlite_player(file) as connection:
            forget(by_increments)
            refresh(by_increments)
            for _ in range(random.randint(1, 3)):
                note(";\n".join(play_in_file(connection, random)))
                refresh_as_a_person(by_increments)
                assert ("main", "still") not in reread(by_increments)
                reached = state(current(by_increments))
                assert differing(url, reached, partitions=False) == {}
                whole = full(afresh)
                assert unequal(reached, whole) == {}, differences(reached, whole)

    with refreshing(url) as by_increments, refreshing(url) as afresh:
        play_games(game, games=5)

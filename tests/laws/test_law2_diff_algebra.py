"""Law 2: what a version's diff says, applied to its parent, gives the version."""

from random import Random

from hypothesis import note

from incremental_assets.core.apply import apply
from incremental_assets.core.change import Comparison
from incremental_assets.core.diff import diff
from incremental_assets.core.entities import ENTITIES
from incremental_assets.core.equality import unequal
from incremental_assets.core.scope import Scope
from incremental_resources.state_store.version import Version
from tests.ddl import play, settle
from tests.games import play_games, player
from tests.live import (
    NAME,
    differences,
    forget,
    refresh,
    refresh_as_a_person,
    refreshing,
    state,
)


def assert_diff_leads_here(parent: Version, version: Version) -> None:
    changes = {entity: version.diff(entity) for entity in version.entities}
    applied = {name: rows.lazy() for name, rows in apply(state(parent), changes).items()}
    there = state(version)
    assert unequal(applied, there) == {}, differences(applied, there)


def assert_nothing_differs_from_itself(version: Version) -> None:
    scope = Scope.from_json(version.manifest.scope)
    comparison = Comparison(scope, scope, durable_ids=True, durable_ordinals=True)
    changes = diff(state(version), state(version), comparison)
    assert {name: rows.height for name, rows in changes.items()} == dict.fromkeys(ENTITIES, 0)


def test_a_stored_diff_leads_from_the_parent_to_the_version(
    fresh_database: str, games: int
) -> None:
    def game(random: Random) -> None:
        settle(connection)
        forget(refresher)
        refresh(refresher)
        for _ in range(random.randint(1, 4)):
            note(";\n".join(play(connection, random)))
            refresh_as_a_person(refresher)
        versions = list(refresher.store(NAME).history())
        for version, parent in zip(versions, versions[1:], strict=False):
            assert_diff_leads_here(parent, version)
        assert_nothing_differs_from_itself(versions[0])

    with refreshing(fresh_database) as refresher, player(fresh_database) as connection:
        play_games(game, games=games)

"""Law 5: of several refreshes of a connection at once one commits, the others change nothing."""

import json
import re
from typing import Any

import pytest

from tests.live import written_config
from tests.postgres_server import temporary_database
from tests.watched import run_module

BEGAN = r"StateConflict: .* began at (no state|revision \d+), but HEAD is at revision \d+"
CLOSED = "another refresh has moved the head since it began"

# For every race: how many refreshes succeed, what those that do not are told, and by how many
# versions HEAD moves.
ENDS = {
    "swap_at_once": (1, 3, BEGAN, 1),
    "swap_two_at_once": (1, 1, BEGAN, 1),
    "swap_late": (1, 1, BEGAN, 1),
    "come_late": (1, 1, CLOSED, 1),
    "share_a_home": (1, 1, "StateConflict: Run .* is STARTED", 1),
    "pruned_meanwhile": (5, 0, "", 5),
    "prune_late": (2, 0, "", 2),
}


CAMPAIGNS = {"swap_late", "come_late", "pruned_meanwhile"}


@pytest.fixture(scope="module")
def seen(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> dict[str, Any]:
    """The races to be run, each on two bases (no version, and one) where it can happen on both."""
    folder = tmp_path_factory.mktemp("races")
    items = [one for one in request.session.items if one.path == request.path]
    names = {one.callspec.params["race"] for one in items if isinstance(one, pytest.Function)}
    with temporary_database(postgres_url) as url:
        config = written_config(folder / "connections.yaml", url)
        result = run_module(folder, "tests.races", config, url, *names)
    assert result.returncode == 0, result.stderr
    races: dict[str, Any] = json.loads(result.stdout)
    assert races.keys() == names
    return races


@pytest.mark.parametrize(
    "race",
    [
        pytest.param(race, marks=[pytest.mark.campaign] if race in CAMPAIGNS else [])
        for race in ENDS
    ],
)
def test_one_commits_and_the_others_change_nothing(seen: dict[str, Any], race: str) -> None:
    winners, losers, reason, moved = ENDS[race]
    for told, by, afterwards in seen[race]:
        assert [why for code, why in told if code == 0] == [""] * winners
        lost = [(code, why) for code, why in told if code]
        assert [code for code, _ in lost] == [1] * losers
        assert [why for _, why in lost if not re.search(reason, why)] == []
        assert (by, afterwards) == (moved, 0)

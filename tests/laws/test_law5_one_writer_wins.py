"""Law 5: of two refreshes of a connection at once one commits, the other changes nothing."""

import json
import re
from pathlib import Path

import pytest

from tests.live import written_config
from tests.watched import run_module

TOO_LATE = "another refresh has moved the head since it began"


@pytest.mark.parametrize(
    ("race", "reason", "number"),
    [
        ("swap_first_at_once", "StateConflict: .* began at no state", 1),
        ("swap_at_once", "StateConflict: .* began at revision 1", 2),
        ("come_late", TOO_LATE, 1),
        ("share_a_home", "StateConflict: Run .* is STARTED", 1),
    ],
)
def test_of_two_refreshes_at_once_one_commits(
    tmp_path: Path, fresh_database: str, race: str, reason: str, number: int
) -> None:
    config = written_config(tmp_path / "connections.yaml", fresh_database)
    result = run_module(tmp_path, "tests.races", race, config, fresh_database)
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout)
    told = dict(sorted(seen["told"]))
    assert list(told) == [0, 1]
    assert told[0] == ""
    assert re.search(reason, told[1]), told[1]
    assert (seen["after"], seen["numbers"]) == (0, [number, number])

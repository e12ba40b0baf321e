"""Law 5: of two refreshes of a connection at once one commits, the other changes nothing."""

import json
import re
from pathlib import Path

from tests.live import written_config
from tests.watched import run_module

# What is told to the one that loses, and the version that HEAD stands at in the end.
ENDS = {
    "swap_first_at_once": ("StateConflict: .* began at no state", 1),
    "swap_at_once": ("StateConflict: .* began at revision 1", 2),
    "come_late": ("another refresh has moved the head since it began", 1),
    "share_a_home": ("StateConflict: Run .* is STARTED", 1),
}


def test_of_two_refreshes_at_once_one_commits(tmp_path: Path, fresh_database: str) -> None:
    config = written_config(tmp_path / "connections.yaml", fresh_database)
    result = run_module(tmp_path, "tests.races", config, fresh_database)
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout)
    assert seen.keys() == ENDS.keys()
    for race, (told, number, code_afterwards, number_afterwards) in seen.items():
        reason, expected = ENDS[race]
        (won, nothing), (lost, why) = sorted(told)
        assert (won, nothing, lost) == (0, "", 1), race
        assert re.search(reason, why), (race, why)
        assert (number, code_afterwards, number_afterwards) == (expected, 0, expected), race

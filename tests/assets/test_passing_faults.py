"""Faults of the store that pass are survived by the retries of the step they happen in."""

from pathlib import Path

import pytest

from incremental_resources.state_store.memory import MemoryObjects
from tests.live import NAME, configured, refresh, refreshing
from tests.sources import sqlite
from tests.troubles import FAULTS, Trouble
from tests.watched import Watched, attempt_watched


@pytest.mark.parametrize(
    ("fault", "point"),
    [
        ("error 500, twice", "swap _checks/"),
        ("reply lost", f"create {NAME}/extractions/"),
        ("error 500, twice", "current_state_checks"),
        ("reply lost", f"swap {NAME}/extractions/"),
    ],
)
def test_it_is_survived_and_the_outcome_is_a_success(
    tmp_path: Path, point: str, fault: str
) -> None:
    live = sqlite(tmp_path / "shop.db")
    url, objects = live.url.render_as_string(), MemoryObjects()
    with refreshing(url, objects) as shop:
        for number in range(2):
            live.ddl(f"create table t{number} (id integer)")
            refresh(shop)
    live.ddl("alter table t0 add column note text")
    trouble = Trouble(FAULTS[fault], point)
    watched = Watched(objects, trouble.around)
    outcome = attempt_watched(configured(url, retry_seconds=0), watched, trouble.on_event)
    assert trouble.struck == FAULTS[fault].times
    assert (outcome.version, outcome.error, outcome.changed) == (3, None, True)

"""Law 6 on ClickHouse, which hides what a user may not see: an absence may be a lost grant.

chdb has one user, who may see all: what hides a table here is a filter that its door puts on the
system tables, beside the grants that it tells.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from incremental_assets.cli.running import Refresher
from tests import clickhouse_server
from tests.clickhouse_server import Faults
from tests.live import attempt, current, differences, refresh, refreshing, state
from tests.sources import CATALOGUES, chdb_folder

ALL = ("GRANT SHOW TABLES, SHOW COLUMNS ON shop.* TO reader",)
FEWER = ("GRANT SHOW TABLES, SHOW COLUMNS ON shop.product TO reader",)
FILLERS = [f"create table filler_{number} (a Int32) order by a" for number in range(20)]


@dataclass(frozen=True)
class Granted:
    """A refresher as a user, and what that one may see."""

    refresher: Refresher
    faults: Faults

    def may(self, grants: tuple[str, ...], hidden: str | None = None) -> None:
        """From now on."""
        self.faults.grants, self.faults.hidden = grants, hidden


@pytest.fixture
def granted(tmp_path: Path) -> Iterator[Granted]:
    live = chdb_folder(tmp_path / "shop")
    live.ddl(*CATALOGUES["chdb"], *FILLERS)
    with clickhouse_server.serving(tmp_path / "shop") as (port, faults):
        url = f"clickhouse://{clickhouse_server.USER}:s3cr%40t%3A%2F%25@127.0.0.1:{port}/shop"
        with refreshing(url, deletion_guard_percent=20) as refresher:
            found = Granted(refresher, faults)
            found.may(ALL)
            refresh(refresher)
            yield found


def test_what_a_lost_grant_hides_is_not_deleted_unasked(granted: Granted) -> None:
    before = current(granted.refresher)
    granted.may(FEWER, hidden="sale")

    refused = attempt(granted.refresher)

    assert not refused.ok
    parts = ("1 table", "sale", f"gone: {ALL[0]}", f"new: {FEWER[0]}")
    assert [part for part in parts if part not in (refused.error or "")] == []
    assert current(granted.refresher).number == before.number
    granted.may(ALL)
    refresh(granted.refresher)
    assert differences(state(before), state(current(granted.refresher))) == {}
    granted.may(FEWER, hidden="sale")
    assert not attempt(granted.refresher).ok
    gone = refresh(granted.refresher, accept_deletions=True)
    assert gone.changes["tables"] == {"DELETED": 1}


def test_with_the_same_grants_what_is_gone_goes_unasked(granted: Granted) -> None:
    granted.may(ALL, hidden="sale")
    assert refresh(granted.refresher).changes["tables"] == {"DELETED": 1}


def test_other_grants_alone_stop_nothing(granted: Granted) -> None:
    granted.may(FEWER)
    assert attempt(granted.refresher).ok

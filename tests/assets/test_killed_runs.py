"""Runs that are killed while the source does not answer, wherever they were started: the next look
knows it, and takes no living one for dead.
"""

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from incremental_assets.instance import lost
from incremental_assets.instance.claims import Claim
from incremental_assets.instance.lost import LONGEST_SILENCE
from incremental_assets.instance.runs import fail_abandoned_runs, make_way
from incremental_assets.naming import LOCATION
from incremental_resources.processes import Process
from incremental_resources.state_store.errors import StateConflict
from tests.hanging import Hanging, hanging, kill
from tests.live import NAME
from tests.namespaces import UNSHARED

SILENT = LONGEST_SILENCE + timedelta(seconds=30)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Hanging]:
    with hanging(tmp_path) as shop:
        yield shop


def later(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(UTC) + by

    monkeypatch.setattr(lost, "datetime", Clock)


def assert_in_the_way(shop: Hanging) -> None:
    assert fail_abandoned_runs(shop.instance) == []
    with pytest.raises(StateConflict, match=shop.run().run_id):
        make_way(shop.instance, NAME, wait=False)


def assert_out_of_the_way(shop: Hanging) -> None:
    make_way(shop.instance, NAME, wait=False)
    assert shop.run().status == dg.DagsterRunStatus.FAILURE


def test_a_run_of_dagsters_own_command_that_is_killed_in_its_preflight(shop: Hanging) -> None:
    command = ("dagster", "job", "execute", "-m", LOCATION, "-j", f"{NAME}_refresh")
    with shop.process(*command) as process:
        shop.wait_until(shop.is_in_preflight)
        assert_in_the_way(shop)
        kill(process)
        assert_out_of_the_way(shop)


def test_a_launched_run_that_is_killed_in_its_preflight_with_its_server(shop: Hanging) -> None:
    with shop.code_server() as (server, port):
        shop.launch(port)
        shop.wait_until(shop.is_in_preflight)
        assert_in_the_way(shop)
        kill(server)
        assert_out_of_the_way(shop)


def test_a_launched_run_that_never_reached_our_code_lives_as_long_as_its_server_says_so(
    shop: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.code_server() as (server, port):
        # A machine that is so busy that the run does not get on.
        os.kill(shop.launch(port), signal.SIGSTOP)
        assert Claim.of(shop.run()) is None
        later(monkeypatch, timedelta(hours=1))
        assert_in_the_way(shop)
        kill(server)
        later(monkeypatch, LONGEST_SILENCE - timedelta(minutes=2))
        assert_in_the_way(shop)
        later(monkeypatch, SILENT)
        assert_out_of_the_way(shop)


def test_a_refresh_in_another_namespace_under_the_same_host_name_is_not_taken_for_dead(
    shop: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shop.process("incremental_assets", "refresh", NAME, before=UNSHARED) as process:
        shop.wait_until(shop.is_in_preflight)
        assert_in_the_way(shop)
        claim = Claim.of(shop.run())
        assert claim
        assert not claim.process.is_here
        kill(process)
        assert_in_the_way(shop)
        later(monkeypatch, SILENT)
        assert_out_of_the_way(shop)


def test_where_every_step_has_a_process_the_run_lives_in_the_one_that_began_them(
    shop: Hanging,
) -> None:
    command = ("dagster", "asset", "materialize", "-m", "tests.others_location")
    with shop.process(*command, "--select", f"key:{NAME}/extraction") as process:
        shop.wait_until(shop.is_in_preflight)
        claim = Claim.of(shop.run())
        assert claim
        assert claim.process == Process.of(process.pid)
        assert claim.seen is None
        assert fail_abandoned_runs(shop.instance) == []
        kill(process)
        assert fail_abandoned_runs(shop.instance) == [shop.run().run_id]

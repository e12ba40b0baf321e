"""Refreshes of the command line and of the UI in one Dagster home: shown, re-executed, killed."""

import pytest

from tests.webserver.server import ASSET_JOB
from tests.webserver.shops import ASSETS, BATCHES, TABLES, Shops

pytestmark = pytest.mark.integration


def test_a_run_of_the_command_line_is_shown_and_can_be_re_executed(shop: Shops) -> None:
    shown = shop("shown")
    (first,) = shown.runs()
    assert first.status == "SUCCESS"
    shown.change_every_table()
    again = shown.server.finish(shown.server.reexecute(first.id, "ALL_STEPS"))
    assert again.status == "SUCCESS", again.log
    assert shown.version() == 2


def test_a_failed_run_of_the_command_line_can_be_re_executed_from_failure(shop: Shops) -> None:
    broken = shop("broken")
    broken.break_tables(TABLES[0])
    code, told = broken.server.command("refresh", "broken", faulty=True)
    assert code == 1
    assert f"1 of {BATCHES} batches of broken failed" in told
    broken.break_tables()
    (failed,) = broken.runs()
    again = broken.server.finish(broken.server.reexecute(failed.id, "FROM_FAILURE"))
    assert again.status == "SUCCESS", again.log
    assert len(again.materialized("column_batches")) == 1
    assert broken.version() == 1


def test_killed_refreshes_stop_nobody(shop: Shops) -> None:
    killed = shop("killed")
    for _ in range(4):
        killed.kill_a_refresh()
    code, told = killed.server.command("refresh", "killed")
    assert code == 0, told
    assert killed.version() == 1
    runs = killed.runs()
    assert [run.status for run in runs] == ["SUCCESS", *["FAILURE"] * 4]
    assert all("was killed" in run.log for run in runs[1:])
    killed.ddl("alter table item_00 add column most integer")
    clicked = killed.refresh()
    assert clicked.status == "SUCCESS", clicked.log
    assert killed.version() == 2


def test_a_refresh_gives_way_to_the_one_that_is_running(shop: Shops) -> None:
    busy = shop("busy")
    with busy.columns_blocked():
        # From an asset's page, where runs have none of the job's tags.
        running = busy.server.launch(ASSET_JOB, busy.assets(*ASSETS))
        busy.wait_until_reading(running)
        patient = busy.server.start("refresh", "busy", "--wait")
        code, told = busy.server.command("refresh", "busy")
        assert code == 1
        assert f"StateConflict: Run {running} of busy is STARTED" in told
        assert patient.poll() is None
    first = busy.server.finish(running)
    assert first.status == "SUCCESS", first.log
    told, _ = patient.communicate()
    assert patient.returncode == 0, told
    (second,) = busy.runs()
    assert second.began > first.ended
    assert busy.version() == 1

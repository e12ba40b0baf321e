"""One click in the UI refreshes a connection; what the assets' pages then show."""

import pytest

from tests.webserver.shops import ASSETS, BATCHES, TABLES, TABLES_OF_A_BATCH, Shops

pytestmark = pytest.mark.integration


def test_one_click_refreshes_everything(shop: Shops) -> None:
    clicked = shop("clicked")
    run = clicked.refresh()
    assert run.status == "SUCCESS", run.log
    assert clicked.version() == 1
    shown = clicked.seen()
    latest = {name: node["assetMaterializations"] for name, node in shown.items()}
    assert {name for name, events in latest.items() if events} == {*ASSETS, "column_batches"}
    assert {event["runId"] for events in latest.values() for event in events} == {run.id}
    assert clicked.row_count("tables") == len(TABLES)
    assert clicked.row_count("columns") == 2 * len(TABLES)

    assert clicked.batches() == clicked.keys()
    stats = shown["column_batches"]["partitionStats"]
    assert stats == {"numMaterialized": BATCHES, "numPartitions": BATCHES, "numFailed": 0}
    assert clicked.row_count("column_batches") == 2 * TABLES_OF_A_BATCH


def test_a_batch_of_an_extraction_that_is_over_is_not_read_again(shop: Shops) -> None:
    shown = shop("shown")
    shown.break_tables(*TABLES)
    run = shown.materialize("column_batches", partition=min(shown.keys()))
    shown.break_tables()
    assert run.status == "SUCCESS", run.log
    assert "Nothing to do" in run.log
    assert "is committed" in run.log


def test_deletions_beyond_reason_need_a_person(shop: Shops) -> None:
    guarded = shop("guarded")
    guarded.ddl(*(f"drop table {table}" for table in TABLES[:3]))
    refused = guarded.refresh()
    assert refused.status == "FAILURE"
    check = guarded.check("current_state", "deletions_plausible")
    assert check["runId"] == refused.id
    assert check["status"] == "FAILED"
    told = check["evaluation"]["description"]
    assert ".item_02" in told
    assert "incremental-assets refresh guarded --accept-deletions" in told
    assert "ops: {guarded__extraction: {config: {accept_deletions: true}}}" in told
    assert refused.materialized("marker") == []
    assert guarded.version() == 1
    accepted = guarded.refresh(accept_deletions=True)
    assert accepted.status == "SUCCESS", accepted.log
    assert guarded.version() == 2
    assert guarded.check("current_state", "deletions_plausible")["status"] == "SUCCEEDED"
    assert guarded.row_count("tables") == len(TABLES) - 3

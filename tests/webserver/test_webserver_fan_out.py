"""A refresh in many runs with the daemon running: a batch fails, a person reads it again."""

import pytest

from tests.webserver.shops import BATCHES, TABLES, Shops

pytestmark = pytest.mark.integration

SENSOR = "fanned_fan_out_sensor"


def test_a_batch_that_failed_for_good_is_read_by_a_person_and_the_rest_follows(
    shop: Shops,
) -> None:
    fanned = shop("fanned")
    server = fanned.server

    def told() -> str:
        return str((server.ticks(SENSOR) or [{}])[0].get("skipReason"))

    fanned.break_tables(TABLES[5])
    plan = server.finish(server.launch("fanned_plan"))
    assert plan.status == "SUCCESS", plan.log
    server.start_daemon()
    one_failed = server.failure("fanned_batch", but=1)
    server.wait_until(lambda: f"{BATCHES - 1} of {BATCHES} batches" in told(), one_failed)
    assert "no other run is asked for" in told()
    runs = [server.run(run_id) for run_id in server.run_ids("fanned_batch")]
    (failed,) = (run for run in runs if run.status == "FAILURE")
    missing = failed.tags["dagster/partition"]
    assert len(runs) == BATCHES
    assert fanned.batches() == fanned.keys(plan) - {missing}
    assert fanned.batches("failed") == {missing}
    assert missing in told()
    assert fanned.store.head() is None

    fanned.break_tables()
    again = fanned.materialize("column_batches", partition=missing)
    assert again.status == "SUCCESS", again.log
    server.wait_until(lambda: fanned.store.head() is not None, server.failure("fanned_apply"))
    (apply,) = server.run_ids("fanned_apply")
    assert server.finish(apply).status == "SUCCESS"
    assert fanned.version() == 1
    assert len(server.run_ids("fanned_batch")) == BATCHES
    server.wait_until(lambda: told() == "No extraction of fanned_plan is open.")

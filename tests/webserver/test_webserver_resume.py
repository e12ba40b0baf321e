"""A batch fails in a refresh; then only that one is read again, whichever way a person chooses."""

import pytest

from tests.webserver.server import Run
from tests.webserver.shops import BATCHES, TABLES, Shop, Shops

pytestmark = pytest.mark.integration

FAULTY = TABLES[5]
SAME_BATCH = TABLES[4:6]


def fail_one_batch(shop: Shop) -> tuple[Run, str]:
    """A refresh that failed because one batch did; the key of that batch."""
    shop.break_tables(FAULTY)
    run = shop.refresh()
    (missing,) = shop.keys(run) - shop.batches()
    return run, missing


def heal_that_batch_only(shop: Shop) -> None:
    """Whoever reads another batch again will fail."""
    shop.break_tables(*(table for table in TABLES if table not in SAME_BATCH))


def test_re_execution_from_failure_reads_only_the_batch_that_failed(shop: Shops) -> None:
    resumed = shop("resumed")
    resumed.change_every_table()
    failed, missing = fail_one_batch(resumed)
    assert failed.status == "FAILURE"
    assert f"- {missing}: QueryFailed: resumed (PostgreSQL, database 'resumed'" in failed.failures
    assert "division by zero" in failed.failures
    assert set(failed.materialized("column_batches")) == resumed.keys(failed) - {missing}
    assert resumed.batches("unmaterialized") == {missing}
    assert resumed.version() == 1

    heal_that_batch_only(resumed)
    again = resumed.server.finish(resumed.server.reexecute(failed.id, "FROM_FAILURE"))
    assert again.status == "SUCCESS", again.log
    assert again.materialized("column_batches") == [missing]
    assert again.materialized("extraction") == []
    assert resumed.batches("unmaterialized") == set()
    assert resumed.version() == 2
    assert resumed.row_count("columns") == 3 * len(TABLES)


def test_the_missing_partition_can_be_materialized_by_itself(shop: Shops) -> None:
    fixed = shop("fixed")
    _, missing = fail_one_batch(fixed)
    heal_that_batch_only(fixed)
    alone = fixed.materialize("column_batches", partition=missing)
    assert alone.status == "SUCCESS", alone.log
    assert alone.materialized("column_batches") == [missing]
    assert fixed.store.head() is None
    rest = fixed.materialize("columns", "incremental_diff", "current_state", "marker")
    assert rest.status == "SUCCESS", rest.log
    assert rest.materialized("column_batches") == []
    assert fixed.version() == 1
    assert len(fixed.batches()) == BATCHES

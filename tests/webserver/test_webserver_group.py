"""The button "Materialize all" of a connection's group, which Dagster makes a backfill of."""

import pytest

from tests.webserver.shops import ASSETS, Shops

pytestmark = pytest.mark.integration


def test_materialize_all_refreshes_and_does_so_again(shop: Shops) -> None:
    whole = shop("whole")
    for version in (2, 3):
        whole.ddl(f"alter table item_00 add column added_{version} integer")
        everything = whole.assets(*ASSETS, "column_batches")
        launched = whole.server.backfill(everything, whole.listed_keys())
        status, runs = whole.server.finish_backfill(launched)
        assert status == "COMPLETED_SUCCESS", "\n".join(run.log for run in runs)
        assert whole.version() == version

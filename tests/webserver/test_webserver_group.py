"""The button "Materialize all" of a connection's group, which Dagster makes a backfill of."""

import pytest

from tests.webserver.conftest import Shops
from tests.webserver.shops import ASSETS

pytestmark = pytest.mark.integration


def test_materialize_all_refreshes_and_does_so_again(shop: Shops) -> None:
    whole = shop("whole")
    for version in (2, 3):
        whole.ddl(f"alter table item_00 add column added_{version} integer")
        keys = whole.seen()["column_batches"]["partitionKeys"]
        launched = whole.server.backfill(whole.assets(*ASSETS, "column_batches"), keys)
        status, runs = whole.server.finish_backfill(launched)
        assert status == "COMPLETED_SUCCESS", [run.log for run in runs]
        assert whole.version() == version

"""Filters that are narrowed and widened, on every product: nothing is deleted, nothing created."""

import pytest

from incremental_resources.state_store.memory import MemoryObjects
from tests.live import NAME, current, refresh, refreshing
from tests.sources import SOURCES, catalogue


@pytest.mark.parametrize("product", SOURCES)
def test_what_the_filters_leave_out_goes_out_of_scope_and_comes_back(
    product: str, request: pytest.FixtureRequest
) -> None:
    live = SOURCES[product](request)
    live.ddl(*catalogue(product))
    url = live.url.render_as_string(hide_password=False)
    objects = MemoryObjects()
    told = []
    for pattern in (None, "sale", None):
        settings = {} if pattern is None else {"exclude_tables": pattern}
        with refreshing(url, objects, **settings) as refresher:
            outcome = refresh(refresher, accept_new_state=True)
            assert current(refresher).number == outcome.version
            told.append(
                {
                    name: outcome.changes.get(name, {})
                    for name in ("tables", "columns")
                    if outcome.version != 1
                }
            )
            assert refresher.store(NAME).head() is not None
    assert told[1:] == [
        {"tables": {"OUT_OF_SCOPE": 1}, "columns": {"OUT_OF_SCOPE": 3}},
        {"tables": {"BACKFILL": 1}, "columns": {"BACKFILL": 3}},
    ]

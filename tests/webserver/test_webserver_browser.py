"""What a person sees and clicks, in a headless Chromium.

Skipped where there is no Chromium, unless REQUIRE_BROWSER is set: then it is a failure.
"""

import os
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from incremental_assets.config.run_config import ExtractionConfig
from incremental_assets.naming import LOCATION
from tests.webserver.browser import chromium, opened
from tests.webserver.server import Run, Webserver
from tests.webserver.shops import BATCHES, TABLES, Shop, Shops
from tests.webserver.test_webserver_resume import fail_one_batch, heal_that_batch_only

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def page(webserver: Webserver) -> Iterator[Page]:
    found = chromium()
    if found is None:
        assert not os.environ.get("REQUIRE_BROWSER"), "there is no chromium"
        pytest.skip("there is no chromium")
    with opened(found, webserver.url) as page:
        yield page


def location(path: str) -> str:
    """A page of the code location."""
    return f"/locations/{LOCATION}/{path}"


def open_asset(page: Page, connection: str, name: str, tab: str) -> None:
    page.goto(f"/assets/{connection}/{name}?view={tab}")


def see(page: Page, text: str | re.Pattern[str]) -> None:
    """The page shows this, now or soon."""
    expect(page.locator("body")).to_contain_text(text)


def newest_run(shop: Shop, than: list[str]) -> str:
    """The run that a click has launched."""
    shop.server.wait_until(lambda: len(shop.run_ids()) > len(than))
    return shop.run_ids()[0]


def ends_in(page: Page, run_id: str, status: str) -> None:
    """The page of the run says so."""
    page.goto(f"/runs/{run_id}")
    expect(page.get_by_text(status, exact=True).first).to_be_visible()


def test_one_click_refreshes_a_connection(shop: Shops, page: Page) -> None:
    visited = shop("visited")
    visited.change_every_table()
    earlier = visited.run_ids()
    page.goto(location("jobs/visited_refresh"))
    page.get_by_role("button", name="Materialize all").click()
    ends_in(page, newest_run(visited, earlier), "Success")
    assert visited.version() == 2

    open_asset(page, "visited", "column_batches", "partitions")
    see(page, f"Materialized ({2 * BATCHES})")
    for key in sorted(visited.keys()):
        expect(page.get_by_text(key).first).to_be_visible()

    open_asset(page, "visited", "tables", "overview")
    see(page, re.compile(rf"Row count\s*{len(TABLES)}"))
    page.get_by_text("Plots", exact=True).click()
    see(page, "dagster/row_count")

    open_asset(page, "visited", "incremental_diff", "events")
    see(page, re.compile(rf"CREATED\s*visited\.public\.{TABLES[0]}\.more\s*integer"))

    # A page that is open already does not show what the daemon finds afterwards.
    visited.server.wait_until(lambda: visited.is_fresh("marker"))
    open_asset(page, "visited", "marker", "overview")
    see(page, "Fails if more than 24 hours since last materialization")
    see(page, re.compile(r"Freshness policy\s*Passing"))

    open_asset(page, "visited", "current_state", "checks")
    earlier = visited.server.run_ids()
    page.get_by_role("button", name="Execute all").click()
    visited.server.wait_until(lambda: len(visited.server.run_ids()) > len(earlier))
    ends_in(page, visited.server.run_ids()[0], "Success")
    see(page, "5 checks")


def test_a_failed_batch_is_named_and_read_again_alone(shop: Shops, page: Page) -> None:
    halted = shop("halted")
    halted.change_every_table()
    failed, missing = fail_one_batch(halted)
    ends_in(page, failed.id, "Failure")
    see(page, "Errored (1)")
    page.get_by_text("halted__columns", exact=True).last.click()
    see(page, missing)

    heal_that_batch_only(halted)
    open_asset(page, "halted", "column_batches", "partitions")
    see(page, "Failed (1)")
    see(page, "Missing (0)")
    page.get_by_role("button", name="Materialize…").click()
    page.get_by_role("button", name="Failed and missing", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("1 partition")
    page.get_by_role("button", name=re.compile("^Launch")).click()
    halted.server.wait_until(lambda: missing in halted.batches())

    again = re_executed_from_failure(page, halted, failed)
    assert again.materialized("column_batches") == []
    assert halted.version() == 2


def re_executed_from_failure(page: Page, shop: Shop, failed: Run) -> Run:
    """What the run's page offers, clicked; the run that came of it, which succeeded."""
    earlier = shop.run_ids()
    page.goto(f"/runs/{failed.id}")
    # The arrow beside the button.
    button = page.get_by_role("button", name="Re-execute all (*)")
    button.locator("xpath=following::button").first.click()
    page.get_by_text("From failure", exact=True).click()
    again = newest_run(shop, earlier)
    ends_in(page, again, "Success")
    return shop.server.run(again)


def test_re_executed_from_failure_reads_only_what_is_outstanding(shop: Shops, page: Page) -> None:
    rerun = shop("rerun")
    failed, missing = fail_one_batch(rerun)
    heal_that_batch_only(rerun)

    again = re_executed_from_failure(page, rerun, failed)

    assert again.materialized("column_batches") == [missing]
    assert again.materialized("extraction") == []
    assert rerun.version() == 1


def test_deletions_in_doubt_are_explained(shop: Shops, page: Page) -> None:
    emptied = shop("emptied")
    emptied.ddl(*(f"drop table {table}" for table in TABLES[:3]))
    assert emptied.refresh().status == "FAILURE"
    open_asset(page, "emptied", "current_state", "checks")
    page.get_by_text("deletions_plausible", exact=True).first.click()
    see(page, "incremental-assets refresh emptied --accept-deletions")
    see(page, ".item_02")

    page.goto(location("jobs/emptied_refresh/playground"))
    for field in ("accept_deletions: false", "full: false", "reason: ''"):
        see(page, field)
    page.get_by_text("accept_deletions").first.click()
    for name, field in ExtractionConfig.model_fields.items():
        see(page, name)
        see(page, re.compile(r"\s+".join(map(re.escape, str(field.description).split()))))


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("first_in_job", location("jobs/first_in_job_refresh")),
        ("first_in_group", location("asset-groups/first_in_group")),
        ("first_in_graph", "/asset-groups~group%3A%22first_in_graph%22/"),
        ("grouped", location("asset-groups/grouped")),
    ],
)
def test_one_click_refreshes_wherever_it_is(shop: Shops, page: Page, name: str, where: str) -> None:
    clicked = shop(name)
    known = clicked.store.head()
    clicked.ddl("alter table item_00 add column added integer")
    page.goto(where)
    # Dagster ends the label with dots where a dialog would follow.
    button = page.get_by_role("button").filter(has_text=re.compile(r"^Materialize all( \(\d+\))?$"))
    button.click()
    clicked.server.wait_until(
        lambda: clicked.store.head() not in (None, known),
        lambda: (
            f"a dialog: {found.inner_text()}"
            if (found := page.get_by_role("dialog").first).is_visible()
            else None
        ),
    )
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert clicked.version() == (2 if known else 1)


def test_the_automations_are_listed_and_off(page: Page) -> None:
    # The first of the list, which draws only the lines that are to be seen.
    page.goto("/automation")
    for name in ("broken_schedule", "broken_change_sensor"):
        # A box to select the line, and the switch.
        line = page.get_by_text(name, exact=True).locator("xpath=ancestor::div[count(.//input)=2]")
        expect(line.first.get_by_role("checkbox").last).not_to_be_checked()

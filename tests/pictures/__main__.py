"""``python -m tests.pictures``: refresh the demo, open its UI in a headless Chromium, look.

It needs Chromium, writes docs/images/asset-graph.png, and leaves nothing else behind.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from incremental_assets.config.loading import ENVIRONMENT_VARIABLE
from incremental_assets.naming import LOCATION
from tests.webserver.browser import chromium, opened
from tests.webserver.server import ROOT
from tests.webserver.test_webserver_demo import started

PICTURE = ROOT / "docs" / "images" / "asset-graph.png"
# Where it is narrower, the assets are drawn as boxes without their checks.
SIZE = {"width": 2200, "height": 960}


def main() -> None:
    """Take the picture."""
    browser = chromium()
    if browser is None:
        sys.exit("There is no chromium on the PATH. Install it, then try again.")
    # A short path: a socket's address has little room.
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        refresh_the_demo(Path(folder))
        with started("ui", Path(folder)) as server, opened(browser, server.url, **SIZE) as page:
            take(page)
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size / 1000:.0f} kB\n")


def refresh_the_demo(folder: Path) -> None:
    """The demo in ``folder``, whatever is configured outside."""
    unset = ("DAGSTER_HOME", ENVIRONMENT_VARIABLE)
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, "-m", "incremental_assets", "demo"]
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)


def take(page: Page) -> None:
    """The graph of the demo's group, once all of it is drawn."""
    graph = f"/locations/{LOCATION}/asset-groups/demo/lineage"
    page.goto(graph)
    page.get_by_text("Hide navigation").click()
    page.goto(graph)
    for text in ("extraction", "column_batches", "marker", "1 / 1 Passed", "5 / 5 Passed"):
        expect(page.get_by_text(text, exact=True).first).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.mouse.move(0, 0)
    # Edges and icons come last, and nothing says that they are there.
    page.wait_for_timeout(5000)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()

"""A newcomer's first minute: `python -m tests.benchmarks.first_minute`; it needs Chromium.

Seconds until `ui` answers in a new folder, and from the first click to the demo's first commit.
"""

import sys
import tempfile
import time
from pathlib import Path

from incremental_assets.naming import LOCATION
from tests.waiting import wait_until
from tests.webserver.browser import chromium, opened
from tests.webserver.test_webserver_demo import started

JOB = f"/locations/{LOCATION}/jobs/demo_refresh"


def main() -> None:
    """Start, click once, wait for HEAD."""
    browser = chromium()
    if browser is None:
        sys.exit("There is no chromium on the PATH. Install it, then try again.")
    # A short path: a socket's address has little room.
    with tempfile.TemporaryDirectory(prefix="minute-") as folder:
        began = time.monotonic()
        with started("ui", Path(folder)) as server, opened(browser, server.url) as page:
            sys.stdout.write(f"start, and a browser: {time.monotonic() - began:.1f} s\n")
            page.goto(JOB)
            button = page.get_by_text("Materialize all").first
            button.wait_for()
            clicked = time.monotonic()
            button.click()
            wait_until(lambda: any(Path(folder).rglob("catalog/demo/HEAD")))
            sys.stdout.write(f"click to commit: {time.monotonic() - clicked:.1f} s\n")


if __name__ == "__main__":
    main()

"""A page in a headless Chromium."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect, sync_playwright

from tests.waiting import LIMIT_SECONDS

WAIT = LIMIT_SECONDS * 1000
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str | None:
    """The path of the machine's Chromium, if it has one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def opened(chromium: str, url: str, *, width: int = 1600, height: int = 1000) -> Iterator[Page]:
    """A page whose addresses start at ``url``; its size is in CSS pixels."""
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        page = browser.new_page(base_url=url, viewport={"width": width, "height": height})
        page.set_default_timeout(WAIT)
        yield page
        browser.close()

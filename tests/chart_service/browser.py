"""A real browser for tests of pages: Debian's Chromium, driven by Playwright.

Start it for one module at a time: Playwright's synchronous interface keeps a loop of its own running, in which tests
that are coroutines could not run.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser while this is open. Skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install the package chromium to test pages")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def watched(context: BrowserContext) -> list[str]:
    """A list that fills with what goes wrong on any page of the context: exceptions, errors in the console, and
    what the page's policy refuses."""
    problems: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(message.text)

    def opened(page: Page) -> None:
        page.on("pageerror", lambda error: problems.append(f"exception: {error}"))

    context.on("page", opened)
    context.on("console", heard)
    return problems

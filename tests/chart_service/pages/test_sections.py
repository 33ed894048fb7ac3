"""The sections beside the dashboards, each as a whole: no barriers, no scrolling sideways, paper, both languages."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from chart_service.pages.texts import LANGS, section, sections
from tests.chart_service.pages.barriers import expect_no_barrier
from tests.chart_service.pages.conftest import LYING, MANAGERS_SQL

SECTIONS = {
    "/ask": ".no-key",
    "/ask?mode=sql": ".sql",
    "/charts": ".thumb-plot",
    "/schema": ".schema-column",
    "/settings#glossary": ".settings-card form",
    "/settings#budget": ".meter",
    "/settings#usage": ".settings-card",
    "/settings#examples": ".settings-card",
    "/settings#embedding": ".link-form",
}


@pytest.fixture
def chart(kept_chart: Callable[..., int]) -> str:
    return f"/charts/{kept_chart('Для разделов', MANAGERS_SQL, LYING, assumptions=['Все сделки.'])}"


def drawn(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(".work-card .bars .point").first).to_be_attached()


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_no_serious_barrier(
    open_context: Callable[..., BrowserContext], chart: str, theme: str, expected_problems: list[str]
) -> None:
    expected_problems.append("404")  # a dashboard that may not be embedded
    page = open_context(theme=theme).new_page()
    for address, ready in SECTIONS.items():
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator(ready).first).to_be_visible()
        expect_no_barrier(page)
    drawn(page, chart)
    expect_no_barrier(page)
    page.locator(".format-button").click()
    expect_no_barrier(page)
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="SQL-запрос").fill("SELECT pg_sleep(1)")
    expect(page.locator(".sql-problem")).to_be_visible()
    expect_no_barrier(page)
    page.locator("[data-action=to-dashboard]").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect_no_barrier(page)


@pytest.mark.parametrize("width", [390, pytest.param(900, marks=pytest.mark.slow), 1440])
def test_nothing_is_wider_than_the_screen(
    open_context: Callable[..., BrowserContext], chart: str, width: int, expected_problems: list[str]
) -> None:
    expected_problems.append("404")  # a dashboard that may not be embedded
    page = open_context(viewport={"width": width, "height": 800}, lang="en").new_page()
    for address, ready in SECTIONS.items():
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator(ready).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    page.goto(chart)
    expect(page.locator(".work-card .bars .point").first).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_paper_has_the_chart_and_no_controls(browser_page: Page, chart: str) -> None:
    drawn(browser_page, chart)
    browser_page.emulate_media(media="print")
    expect(browser_page.locator(".work-bar")).to_be_hidden()
    expect(browser_page.locator(".nav")).to_be_hidden()
    expect(browser_page.locator(".work-card .main-svg").first).to_be_visible()
    browser_page.emulate_media(media="screen")


def test_the_mode_changes_what_is_drawn(browser_page: Page, chart: str) -> None:
    drawn(browser_page, chart)
    colour = "getComputedStyle(document.querySelector('.work-card .bars .point path')).fill"
    light = browser_page.evaluate(colour)
    browser_page.get_by_role("button", name="Оформление").click()
    browser_page.locator("[data-item=dark]").click()
    browser_page.wait_for_function(f"{colour} !== '{light}'")


def test_pages_run_no_code_but_ours(pages_api: httpx.Client, chart: str) -> None:
    for address in (*(address.split("#")[0] for address in SECTIONS), chart, "/sign-in"):
        page = pages_api.get(address)
        policy = page.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "script-src 'self' 'nonce-" in policy
        assert " onclick" not in page.text


def test_every_text_is_in_both_languages_with_the_same_places() -> None:
    for name in sections():
        for key, wordings in section(name).items():
            assert wordings.keys() == set(LANGS), f"{name}.{key}"
            places = [
                {part.split("}")[0] for part in str(wordings[lang]).split("{")[1:] if "}" in part} for lang in LANGS
            ]
            plain = [{place for place in found if place.isidentifier()} for found in places]
            assert plain[0] == plain[1], f"{name}.{key}"

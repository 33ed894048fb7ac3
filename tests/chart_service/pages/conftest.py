"""Pages in a browser: one service on a loaded warehouse for the whole run, and the browser for one module each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from chart_service.app import create_app
from tests.chart_service.browser import chromium, watched
from tests.conftest import PostgresServer
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database

DRAWN = "main[data-settled=true]"
"""A dashboard all of whose charts are on the screen, or say why not."""
VIEWPORT: ViewportSize = {"width": 1440, "height": 900}
PATIENCE = 45_000
"""Milliseconds: a machine that runs other things beside the tests is slow."""
expect.set_options(timeout=PATIENCE)

COUNT, MANAGERS, MONTHS = "Все сделки", "Сделки по менеджерам", "Сделки по месяцам"
NUMBER = {"format": "indicator", "traces": [{"type": "indicator", "values": "n"}]}
LYING = {"format": "horizontal_bar", "traces": [{"type": "bar", "x": "n", "y": "who", "orientation": "h"}]}
MANAGERS_SQL = "SELECT assigned_by_name AS who, count(*) AS n FROM crm.deals GROUP BY 1 ORDER BY 2 DESC LIMIT 8"
MONTHS_SQL = "SELECT date_trunc('month', date_create)::date AS m, count(*) AS n FROM crm.deals GROUP BY 1 ORDER BY 1"


@pytest.fixture(scope="session")
def pages_database(postgres: PostgresServer, loaded_template: str) -> Iterator[Database]:
    """The warehouse that all tests of pages share: they add to it, and change only what they made."""
    name = f"b24_test_{os.getpid()}_pages"
    yield postgres.create(name, loaded_template)
    postgres.drop(name)


@pytest.fixture(scope="session")
def pages_url(pages_database: Database) -> Iterator[str]:
    """The service with its pages, without sign-in or a model's key."""
    with serving(create_app(settings_with(pages_database), pages_database)) as url:
        # The dashboards that come with the service are put there when somebody first asks for a list.
        httpx.get(f"{url}/api/v1/dashboards", timeout=30, trust_env=False).raise_for_status()
        yield url


@pytest.fixture(scope="session")
def pages_api(pages_url: str) -> Iterator[httpx.Client]:
    """A client of the same service, to make what a test looks at."""
    with httpx.Client(base_url=pages_url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium."""
    with chromium() as started:
        yield started


@pytest.fixture
def expected_problems() -> list[str]:
    """Parts of what the console will say in a test that makes something go wrong; without one, any error fails it."""
    return []


def _only_expected(problems: list[str], expected: list[str]) -> None:
    assert [problem for problem in problems if not any(part in problem for part in expected)] == []


@pytest.fixture
def open_context(
    browser: Browser, pages_url: str, expected_problems: list[str]
) -> Iterator[Callable[..., BrowserContext]]:
    """Open a context with options of Playwright's; ``theme`` and ``lang`` are the cookies. Closed after the test."""
    with ExitStack() as stack:
        heard: list[list[str]] = []

        def start(*, theme: str = "light", lang: str = "ru", **options: Any) -> BrowserContext:
            context = browser.new_context(**{"viewport": VIEWPORT, "base_url": pages_url, **options})
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE)
            context.add_cookies(_cookies(pages_url, theme=theme, lang=lang))
            heard.append(watched(context))
            return context

        yield start
        for problems in heard:
            _only_expected(problems, expected_problems)


@pytest.fixture(scope="module")
def _shared_context(browser: Browser, pages_url: str) -> Iterator[tuple[BrowserContext, list[str]]]:
    """One context for most tests of a module: what it loaded once, it need not load and compile again."""
    context = browser.new_context(viewport=VIEWPORT, base_url=pages_url)
    context.set_default_timeout(PATIENCE)
    yield context, watched(context)
    context.close()


@pytest.fixture
def browser_page(
    _shared_context: tuple[BrowserContext, list[str]], pages_url: str, expected_problems: list[str]
) -> Iterator[Page]:
    """A page at 1440 × 900, light, Russian. Any error in its console fails the test."""
    context, problems = _shared_context
    before = set(context.pages)
    problems.clear()
    context.clear_cookies()
    context.add_cookies(_cookies(pages_url))
    yield context.new_page()
    for page in set(context.pages) - before:
        page.close()
    _only_expected(problems, expected_problems)


@pytest.fixture(scope="module")
def _lasting_page(
    _shared_context: tuple[BrowserContext, list[str]], pages_url: str, small_dashboard: str
) -> Iterator[tuple[Page, list[str]]]:
    context, problems = _shared_context
    context.add_cookies(_cookies(pages_url))
    page = context.new_page()
    page.goto(small_dashboard)
    page.wait_for_selector(DRAWN)
    yield page, problems
    page.close()


@pytest.fixture
def looked_at(_lasting_page: tuple[Page, list[str]], expected_problems: list[str]) -> Iterator[Page]:
    """The small dashboard, open since the module began: for tests that only look, and leave it as it was."""
    page, problems = _lasting_page
    problems.clear()
    yield page
    _only_expected(problems, expected_problems)


@pytest.fixture
def dressed_page(browser_page: Page, pages_url: str) -> Callable[[str, str], Page]:
    """The page of the test in an appearance and a language."""

    def dress(theme: str, lang: str) -> Page:
        browser_page.context.add_cookies(_cookies(pages_url, theme=theme, lang=lang))
        return browser_page

    return dress


def _cookies(url: str, *, theme: str = "light", lang: str = "ru") -> list[Any]:
    return [{"name": "theme", "value": theme, "url": url}, {"name": "lang", "value": lang, "url": url}]


def keep_chart(api: httpx.Client, title: str, sql: str, template: dict[str, Any], **values: Any) -> int:
    """Keep a chart; answers its id."""
    answer = api.post("/api/v1/charts", json={"title": title, "sql": sql, "template": template, **values})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def make_dashboard(api: httpx.Client, *charts: int, title: str = "Проверка", **values: Any) -> int:
    """Make a dashboard of charts that stand side by side, two in a row; answers its id."""
    items = [
        {"id": f"c{at}", "kind": "chart", "chart_id": chart, "x": at % 2 * 6, "y": at // 2 * 8, "w": 6, "h": 8}
        for at, chart in enumerate(charts)
    ]
    answer = api.post("/api/v1/dashboards", json={"title": title, "items": items, **values})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


@pytest.fixture(scope="session")
def small_dashboard(pages_api: httpx.Client) -> str:
    """The address of a dashboard of three charts: a number, managers, months. Not to be changed."""
    charts = [
        keep_chart(pages_api, COUNT, "SELECT count(*) AS n FROM crm.deals", NUMBER),
        keep_chart(pages_api, MANAGERS, MANAGERS_SQL, LYING),
        keep_chart(
            pages_api, MONTHS, MONTHS_SQL, {"format": "line", "traces": [{"type": "scatter", "x": "m", "y": "n"}]}
        ),
    ]
    return f"/dashboards/{make_dashboard(pages_api, *charts, title='Малый')}"


@pytest.fixture
def kept_chart(pages_api: httpx.Client) -> Callable[..., int]:
    """Keep a chart; answers its id."""
    return partial(keep_chart, pages_api)


@pytest.fixture
def kept_dashboard(pages_api: httpx.Client) -> Iterator[Callable[..., int]]:
    """As ``make_dashboard``; the dashboard is gone after the test."""
    made: list[int] = []

    def make(*charts: int, **values: Any) -> int:
        made.append(make_dashboard(pages_api, *charts, **values))
        return made[-1]

    yield make
    for number in made:
        pages_api.delete(f"/api/v1/dashboards/{number}")

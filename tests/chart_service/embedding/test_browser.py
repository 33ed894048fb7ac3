"""The SDK from npm, unmodified, embeds a dashboard in a page of another site, in a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from chart_service.app import create_app
from tests.chart_service.browser import chromium, watched
from tests.chart_service.embedding.conftest import PERSON, embed, embed_settings
from tests.chart_service.embedding.host_site import HostSite, host_site
from tests.conftest import PostgresServer
from tests.webhook_api.conftest import serving
from warehouse.database import Database

PATIENCE = 20_000
"""Milliseconds: a machine that runs other things beside the tests is slow."""
DRAWN = "main[data-settled=true]"
SQL = "SELECT assigned_by_name AS who, count(*) AS deals FROM crm.deals GROUP BY 1 ORDER BY 2 DESC"
TABLE = {"format": "table", "traces": [{"type": "table"}]}
BARS = {"format": "horizontal_bar", "traces": [{"type": "bar", "x": "deals", "y": "who", "orientation": "h"}]}


@dataclass(frozen=True)
class Place:
    """The service, what it embeds, and two managers of the data: id and name."""

    api: httpx.Client
    site: HostSite
    stranger: HostSite
    dashboard: int
    uuid: str
    managers: list[tuple[int, str]]

    @property
    def domain(self) -> str:
        return str(self.api.base_url).rstrip("/")


@pytest.fixture(scope="module")
def place(postgres: PostgresServer, loaded_template: str) -> Iterator[Place]:
    name = f"b24_test_{os.getpid()}_embedding"
    database = postgres.create(name, loaded_template)
    with (
        serving(create_app(embed_settings(database), database)) as url,
        httpx.Client(base_url=url, timeout=30, trust_env=False) as api,
        host_site(api) as site,
        host_site(api) as stranger,
    ):
        number = _dashboard(api)
        yield Place(api, site, stranger, number, embed(api, number, allowed_domains=[site.url]), _managers(database))
    postgres.drop(name)


def _dashboard(api: httpx.Client) -> int:
    items = []
    for at, (title, template) in enumerate((("Managers", TABLE), ("The same as bars", BARS))):
        chart = {"title": title, "lang": "en", "sql": SQL, "template": template}
        answer = api.post("/api/v1/charts", json=chart, headers=PERSON)
        assert answer.status_code == 201, answer.text
        chart_id = answer.json()["id"]
        items += [
            {"id": f"{tab}{at}", "tab": tab, "kind": "chart", "chart_id": chart_id, "x": 6 * at, "y": 0, "w": 6, "h": 9}
            for tab in ("first", "second")
        ]
    tabs = [{"id": "first", "title": "First"}, {"id": "second", "title": "Second"}]
    body = {"title": "Embedded & <b>bold</b>", "tabs": tabs, "items": items}
    answer = api.post("/api/v1/dashboards", json=body, headers=PERSON)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def _managers(database: Database) -> list[tuple[int, str]]:
    with database.connect("test", autocommit=True) as connection:
        rows: psycopg.Cursor[Any] = connection.execute(
            "SELECT assigned_by_id, assigned_by_name FROM crm.deals GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 2"
        )
        return rows.fetchall()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def expected() -> list[str]:
    """Parts of what the console will say in a test that makes something go wrong; without one, any error fails it."""
    return []


@pytest.fixture
def page(browser: Browser, place: Place, expected: list[str]) -> Iterator[Page]:
    """A page of the host."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(PATIENCE)
    problems = watched(context)
    page = context.new_page()
    page.goto(place.site.url)
    yield page
    context.close()
    assert [problem for problem in problems if not any(part in problem for part in ("favicon", *expected))] == []


def embedded(
    page: Page, place: Place, where: str = "one", options: dict[str, Any] | None = None, **query: str
) -> Frame:
    """Embed with the SDK; answers the frame, drawn."""
    given = {"dashboardUiConfig": {"urlParams": {"lang": "en"}}, **(options or {})}
    call = "([place, domain, id, query, options]) => embed(place, domain, id, query, options)"
    assert page.evaluate(call, [where, place.domain, place.uuid, {"id": place.uuid, **query}, given])
    element = page.query_selector(f"#{where} iframe")
    frame = element.content_frame() if element else None
    assert frame is not None
    frame.wait_for_selector(DRAWN)
    return frame


def names(frame: Frame) -> list[str]:
    """The managers in the table."""
    return frame.locator("section.card table tbody tr th, section.card table tbody tr td:first-child").all_inner_texts()


def test_two_viewers_see_the_rows_of_their_rules(page: Page, place: Place) -> None:
    frames = [
        embedded(page, place, where, rule=f"assigned_by_id = {number}")
        for where, (number, _) in zip(("one", "two"), place.managers, strict=True)
    ]
    for frame, (_, name) in zip(frames, place.managers, strict=True):
        expect(frame.locator("h1").first).to_have_text("Embedded & <b>bold</b>")
        assert name in " ".join(names(frame))
        others = {other for _, other in place.managers} - {name}
        assert not any(other in frame.locator("body").inner_text() for other in others)


def test_what_the_host_can_ask_and_tell(page: Page, place: Place) -> None:
    frame = embedded(page, place)
    expect(frame.locator(".js-plotly-plot")).to_be_visible()
    size = page.evaluate("oneDashboard.getScrollSize()")
    assert size == frame.evaluate("({width: document.body.scrollWidth, height: document.body.scrollHeight})")
    assert size["width"] == 1000
    assert 300 < size["height"] < 700  # of its content, not of the frame
    assert page.evaluate("oneDashboard.getActiveTabs()") == ["first"]
    assert page.evaluate("oneDashboard.getDataMask()") == {}
    assert len(page.evaluate("oneDashboard.getChartStates()")) == 2
    payloads = page.evaluate("oneDashboard.getChartDataPayloads()")
    assert all(payload["filters"] == {"period": None, "columns": []} for payload in payloads.values())
    assert page.evaluate("oneDashboard.getChartDataPayloads({chartId: 987654})")["987654"]["error"] is True
    began = frame.evaluate("performance.timeOrigin")
    background = "getComputedStyle(document.body).backgroundColor"
    light = frame.evaluate(background)
    assert frame.evaluate("document.documentElement.dataset.theme") == "light"
    page.evaluate("oneDashboard.setThemeMode('dark')")
    frame.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert frame.evaluate(background) != light
    page.evaluate("oneDashboard.setThemeConfig({token: {colorPrimary: '#ff0000', colorBgLayout: 'url(x)'}})")
    frame.wait_for_function("document.documentElement.style.getPropertyValue('--accent') === '#ff0000'")
    assert frame.evaluate("document.documentElement.style.getPropertyValue('--page')") == ""
    assert frame.evaluate("performance.timeOrigin") == began
    page.evaluate("oneDashboard.unmount()")
    assert page.query_selector("#one iframe") is None


def test_the_switches_of_the_host(page: Page, place: Place) -> None:
    ui = {"hideTitle": True, "hideTab": True, "hideChartControls": True, "filters": {"visible": False}}
    parameters = {"urlParams": {"lang": "ru", "themeMode": "dark", "what": "ever"}}
    frame = embedded(page, place, options={"dashboardUiConfig": {**ui, **parameters}})
    expect(frame.locator("h1")).to_be_hidden()
    assert frame.locator(".filters").count() == 0
    assert frame.locator(".card-head button").count() == 0
    assert frame.evaluate("document.documentElement.lang") == "ru"
    assert frame.evaluate("document.documentElement.dataset.theme") == "dark"
    box = frame.locator(".tabs").bounding_box()
    assert box is None or box["height"] <= 1
    with_filters = embedded(page, place, "two", {"dashboardUiConfig": {"filters": {"expanded": False}}})
    expect(with_filters.locator(".filters")).to_be_hidden()
    with_filters.locator(".filter-toggle").click()
    expect(with_filters.locator(".filters")).to_be_visible()


def test_filters_are_told_to_the_host_and_come_back_by_permalink(page: Page, place: Place) -> None:
    number, name = place.managers[0]
    options = {"dashboardUiConfig": {"emitDataMasks": True, "urlParams": {"lang": "en"}}}
    frame = embedded(page, place, options=options)
    page.evaluate("oneDashboard.observeDataMask((mask) => masks.push(mask))")
    frame.locator("[data-pill=assigned_by_id]").click()
    frame.get_by_role("checkbox", name=name).check()
    page.wait_for_function("masks.length > 0")
    [mask, *_] = page.evaluate("masks")
    assert mask["nativeFiltersChanged"] is True
    assert mask["NATIVE_FILTER-assigned_by_id"]["filterState"]["value"] == [number]
    expect(frame.locator("section.card table tbody tr")).to_have_count(1)
    url = page.evaluate("oneDashboard.getDashboardPermalink('')")
    assert url.startswith(f"{place.domain}/embedded/{place.uuid}?permalink_key=")
    key = url.rpartition("=")[2]
    again = embedded(page, place, "two", {"dashboardUiConfig": {"urlParams": {"permalink_key": key, "lang": "en"}}})
    assert len(names(again)) == 1
    embedded(page, place, "two", {"dashboardUiConfig": {"urlParams": {"lang": "en"}}, "ownPermalinks": True})
    own = page.evaluate("twoDashboard.getDashboardPermalink('')")
    assert own.startswith("https://host.example/p/")
    by_name = {"dashboardUiConfig": {"urlParams": {"assigned_by_id": str(number), "lang": "en"}}}
    assert len(names(embedded(page, place, "two", by_name))) == 1


def test_a_new_token_is_used_without_drawing_anew(page: Page, place: Place, expected: list[str]) -> None:
    expected.append("401")
    frame = embedded(page, place, seconds="11")
    frame.evaluate("window.marked = document.querySelector('section.card table')")
    given = place.site.tokens
    used: list[str] = []
    page.on("request", lambda request: used.append(request.headers.get("x-guesttoken", "")))
    page.wait_for_timeout(1)
    for _ in range(40):
        if place.site.tokens > given:
            break
        page.wait_for_timeout(250)
    assert place.site.tokens > given
    page.wait_for_timeout(300)
    assert not any(used)  # it draws nothing and asks for nothing
    assert frame.evaluate("window.marked.isConnected")
    revoked = place.api.post(f"/api/v1/dashboard/{place.dashboard}/embedded/revoke", headers=PERSON)
    assert revoked.status_code == 200
    # With a token that ends meanwhile, what was asked for is asked again with the next one.
    frame.locator("[data-pill=assigned_by_id]").wait_for()
    frame.locator(".card-head button").first.click()
    with page.expect_response(lambda answer: answer.url.endswith("/data") and answer.status == 200):
        frame.get_by_role("menuitem", name="Refresh").click()
    assert len(set(filter(None, used))) == 2
    assert frame.locator(".chart-state.bad").count() == 0


def test_without_access_what_is_drawn_stays(page: Page, place: Place, expected: list[str]) -> None:
    expected.append("403")
    leads = place.api.post("/api/v1/dashboards", json=_copy(place), headers=PERSON).json()["id"]
    other = embed(place.api, leads, allowed_domains=[place.site.url])
    frame = embedded(page, Place(place.api, place.site, place.stranger, leads, other, place.managers))
    assert place.api.delete(f"/api/v1/dashboard/{leads}/embedded", headers=PERSON).status_code == 200
    frame.locator(".card-head button").first.click()
    frame.get_by_role("menuitem", name="Refresh").click()
    expect(frame.locator("[data-notice]")).to_contain_text("no access")
    assert len(names(frame)) > 1


def _copy(place: Place) -> dict[str, Any]:
    body = place.api.get(f"/api/v1/dashboards/{place.dashboard}", headers=PERSON).json()
    return {name: body[name] for name in ("title", "tabs", "items")}


def test_a_site_that_is_not_allowed_is_refused_by_the_browser(page: Page, place: Place, expected: list[str]) -> None:
    expected.append("frame-ancestors")
    page.goto(place.stranger.url)
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    options = {"dashboardUiConfig": {"urlParams": {"lang": "en"}}, "referrerPolicy": "no-referrer"}
    call = "([domain, id, options]) => { embed('one', domain, id, {id}, options); }"
    page.evaluate(call, [place.domain, place.uuid, options])
    for _ in range(40):
        if any("frame-ancestors" in text for text in refused):
            break
        page.wait_for_timeout(250)
    assert any("frame-ancestors" in text for text in refused), refused
    element = page.query_selector("#one iframe")
    frame = element.content_frame() if element else None
    assert frame is not None
    assert frame.url.startswith("chrome-error://")


def test_opened_alone_it_says_so(page: Page, place: Place) -> None:
    page.goto(f"{place.domain}/embedded/{place.uuid}?lang=en")
    expect(page.locator("main")).to_contain_text("only inside another site")


def test_a_link_with_a_password_in_a_plain_frame(page: Page, place: Place, expected: list[str]) -> None:
    expected.append("401")
    number, name = place.managers[1]
    locked = {"columns": [{"column": "assigned_by_id", "op": "in", "values": [number]}]}
    body = {"filters": locked, "password": "open sesame"}
    answer = place.api.post(f"/api/v1/dashboards/{place.dashboard}/links", json=body, headers=PERSON)
    page.evaluate("(html) => document.getElementById('one').innerHTML = html", answer.json()["snippet"])
    element = page.wait_for_selector("#one iframe")
    frame = element.content_frame() if element else None
    assert frame is not None
    frame.wait_for_selector("input[type=password]").fill("guess")
    frame.locator("form button").click()
    expect(frame.locator("[role=alert]")).to_be_visible()
    frame.locator("input[type=password]").fill("open sesame")
    frame.locator("form button").click()
    frame.wait_for_selector(DRAWN)
    assert [text for text in names(frame) if text] == [name]
    assert frame.locator("[data-pill=assigned_by_id]").count() == 0

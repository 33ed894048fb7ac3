"""What pages show when there is nothing to show, too much, or something went wrong; and on other screens."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import psycopg
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from chart_service.app import create_app
from tests.chart_service.pages.barriers import expect_no_barrier
from tests.chart_service.pages.conftest import COUNT, DRAWN, LYING, MANAGERS, NUMBER
from tests.chart_service.pages.test_dashboard import card, choose, opened
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database

EVIL = (
    '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>%{y}'
    '<a href="javascript:window.hacked=3">x</a>'
)
DIVIDED = "SELECT assigned_by_name AS who, count(*) / (count(*) - count(*)) AS n FROM crm.deals GROUP BY 1"


def test_a_chart_that_fails_says_what_can_be_done(
    browser_page: Page,
    kept_chart: Callable[..., int],
    kept_dashboard: Callable[..., int],
    pages_database: Database,
    expected_problems: list[str],
) -> None:
    expected_problems.append("422")
    failing = kept_chart(
        "Не считается", "SELECT assigned_by_name AS who, count(*) AS n FROM crm.deals GROUP BY 1", LYING
    )
    with pages_database.connect("test", autocommit=True) as owner:
        # Not something that the library lets in: what once could be counted may fail on later rows.
        owner.execute("UPDATE app.charts SET sql = %s WHERE id = %s", (DIVIDED, failing))
    number = kept_dashboard(failing, kept_chart("Считается", "SELECT count(*) AS n FROM crm.deals", NUMBER))
    page = opened(browser_page, f"/dashboards/{number}")
    one = card(page, "Не считается")
    expect(one).to_have_attribute("data-state", "error")
    expect(one.get_by_role("alert")).to_contain_text("График не построен")
    expect(one.get_by_role("alert")).not_to_contain_text("Traceback")
    expect(one.get_by_role("button", name="Показать SQL")).to_be_visible()
    expect(card(page, "Считается").locator(".kpi-value")).to_have_text("500")
    with pages_database.connect("test", autocommit=True) as owner:
        owner.execute(
            "UPDATE app.charts SET sql = replace(sql, '/ (count(*) - count(*))', '') WHERE id = %s", (failing,)
        )
    one.get_by_role("button", name="Повторить").click()
    expect(one.locator(".main-svg").first).to_be_attached()


def test_filters_that_leave_nothing_offer_to_be_reset(browser_page: Page, small_dashboard: str) -> None:
    nothing = json.dumps(["title", "contains", "нет такой сделки"])
    page = opened(browser_page, f"{small_dashboard}?f={nothing}")
    expect(card(page, MANAGERS)).to_contain_text("Под фильтр ничего не попало")
    expect(card(page, COUNT).locator(".kpi-value")).to_have_text("0")
    card(page, MANAGERS).get_by_role("button", name="Сбросить фильтры").click()
    expect(card(page, MANAGERS).locator(".main-svg").first).to_be_attached()
    assert "f=" not in page.url


def test_a_result_that_is_too_long_says_so(
    browser_page: Page, kept_chart: Callable[..., int], kept_dashboard: Callable[..., int]
) -> None:
    sql = "SELECT d.id, d.title, n FROM crm.deals AS d CROSS JOIN generate_series(1, 20) AS n ORDER BY 1, 3"
    number = kept_dashboard(kept_chart("Длинный", sql, {"format": "table", "traces": [{"type": "table"}]}))
    page = opened(browser_page, f"/dashboards/{number}")
    expect(card(page, "Длинный").locator(".badge.warn")).to_have_text("Не все строки")
    expect(card(page, "Длинный").locator("tbody tr").nth(50)).to_be_attached()


def test_a_dashboard_that_does_not_exist_says_so(browser_page: Page, expected_problems: list[str]) -> None:
    expected_problems.append("404")
    browser_page.goto("/dashboards/999999")
    expect(browser_page.get_by_role("heading", level=1)).to_have_text("Такого дашборда нет")
    browser_page.get_by_role("link", name="К дашбордам").click()
    expect(browser_page.get_by_role("heading", level=1)).to_have_text("Дашборды")


def test_an_address_that_leads_nowhere_is_a_page_for_browsers(pages_api: httpx.Client) -> None:
    page = pages_api.get("/nowhere", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert page.status_code == 404
    assert "No such page" in page.text
    assert pages_api.get("/api/v1/nowhere", headers={"Accept": "text/html"}).json()["code"] == "not_found"


def test_texts_of_people_and_of_the_crm_stay_texts(
    browser_page: Page,
    kept_chart: Callable[..., int],
    kept_dashboard: Callable[..., int],
    pages_api: httpx.Client,
) -> None:
    """A title, a description, a heading, a column, a value that would run as HTML anywhere: none does."""
    quoted = EVIL.replace("'", "''")
    bars = (
        f"SELECT '{quoted}' || assigned_by_name AS who, count(*) AS n FROM crm.deals GROUP BY 1 ORDER BY 2 DESC LIMIT 4"
    )
    column = 'SELECT assigned_by_name AS "<img src=x onerror=window.hacked=4>", count(*) AS n FROM crm.deals GROUP BY 1'
    pie = {"format": "donut", "traces": [{"type": "pie", "labels": "who", "values": "n"}]}
    table = {"format": "table", "traces": [{"type": "table"}]}
    charts = [
        kept_chart(EVIL[:190], bars, LYING, description=EVIL),
        kept_chart("Круг", bars, pie),
        kept_chart("Таблица", column, table),
        kept_chart("Строки", bars, table),
    ]
    number = kept_dashboard(*charts, title=EVIL[:190], description=EVIL)
    document = pages_api.get(f"/api/v1/dashboards/{number}").json()
    words = [
        {"id": "h", "kind": "heading", "text": EVIL, "x": 0, "y": 40, "w": 12, "h": 1},
        {"id": "t", "kind": "text", "text": EVIL, "x": 0, "y": 41, "w": 12, "h": 2},
    ]
    changed = {key: document[key] for key in ("title", "description", "slug", "filters", "version")}
    changed |= {"items": document["items"] + words}
    assert pages_api.put(f"/api/v1/dashboards/{number}", json=changed).status_code == 200

    cross = json.dumps([["c0", [{"column": EVIL, "op": "in", "values": [EVIL]}], None, [], EVIL]])
    page = browser_page
    page.goto(f"/dashboards/{number}?period={EVIL}&f={EVIL}&tab={EVIL}&x={cross}")
    page.wait_for_selector(DRAWN)
    for one in page.locator("section.card .point, section.card .slice").all()[:6]:
        one.hover(force=True)
    page.mouse.wheel(0, 2000)
    page.locator("[data-action=edit]").click()
    page.locator("[data-tool=chart]").click()
    expect(page.locator(".pick-list button").first).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("[data-tool=cancel]").click()
    choose(page, EVIL[:190], "sql")
    page.keyboard.press("Escape")
    choose(page, "Строки", "rows")
    expect(page.get_by_role("dialog").locator("h2")).to_have_text("Строки")
    page.keyboard.press("Escape")
    page.goto("/")
    expect(page.locator(".dash-card", has_text="onerror").first).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    page.goto(f"/dashboards/{number}")
    page.wait_for_selector(DRAWN)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, a[href^='javascript:']").count() == 0
    assert page.evaluate("[...document.scripts].every(one => one.src || one.type === 'application/json')")


def test_only_what_changed_is_drawn_again(
    browser_page: Page, kept_chart: Callable[..., int], kept_dashboard: Callable[..., int], pages_database: Database
) -> None:
    leads = kept_chart("Число лидов", "SELECT count(*) AS n FROM crm.leads", NUMBER)
    companies = kept_chart("Компании", "SELECT title AS who, 1 AS n FROM crm.companies ORDER BY id LIMIT 5", LYING)
    number = kept_dashboard(leads, companies)
    with browser_page.expect_response("**/freshness"):
        page = opened(browser_page, f"/dashboards/{number}")
    before = card(page, "Число лидов").locator(".kpi-value").inner_text()
    page.evaluate("""() => {
        window.drawn = [];
        for (const one of document.querySelectorAll('.chart-view'))
            new MutationObserver(() => window.drawn.push(one.closest('section').querySelector('h3').textContent))
                .observe(one, {childList: true, subtree: true});
    }""")
    with pages_database.connect("test", autocommit=True) as owner:
        _delete_one_lead(owner)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(card(page, "Число лидов").locator(".kpi-value")).not_to_have_text(before)
    page.wait_for_selector(DRAWN)
    assert set(page.evaluate("window.drawn")) == {"Число лидов"}


def _delete_one_lead(owner: psycopg.Connection[tuple[object, ...]]) -> None:
    """As a sync does when the portal no longer has it."""
    owner.execute("UPDATE bitrix.leads SET _deleted_at = now() WHERE id = (SELECT min(id) FROM crm.leads)")
    owner.execute("UPDATE app.sync_state SET data_version = data_version + 1 WHERE entity = 'lead'")


def test_nothing_is_wider_than_the_screen(browser_page: Page, small_dashboard: str) -> None:
    page = browser_page
    page.goto("/")
    expect(page.locator(".dash-card svg").first).to_be_visible()
    for width in (1440, 900, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    for width, columns in ((390, 1), (900, 1), (1440, 2)):
        page.set_viewport_size({"width": width, "height": 800})
        if width == 390:
            opened(page, small_dashboard)
            page.get_by_role("button", name="Меню").click()
            expect(page.get_by_role("link", name="Настройки")).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.get_by_role("link", name="Настройки")).to_be_hidden()
        expect(page.locator(".grid")).to_have_css("--columns", {390: "2", 900: "6", 1440: "12"}[width])
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        boxes = [box for one in page.locator("section.card").all() if (box := one.bounding_box())]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
        assert len({round(box["x"]) for box in boxes}) == columns


def test_paper_has_charts_and_no_controls(looked_at: Page) -> None:
    page = looked_at
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator(".nav")).to_be_hidden()
    expect(page.locator(".filters")).to_be_hidden()
    expect(card(page, MANAGERS).locator(".main-svg").first).to_be_visible()
    page.emulate_media(media="screen")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_barrier(
    dressed_page: Callable[[str, str], Page], small_dashboard: str, theme: str
) -> None:
    page = opened(dressed_page(theme, "ru"), small_dashboard)
    expect_no_barrier(page)
    choose(page, MANAGERS, "table")
    page.locator("[data-pill=period]").click()
    expect_no_barrier(page)
    page.keyboard.press("Escape")
    page.locator("[data-action=share]").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect_no_barrier(page)
    page.keyboard.press("Escape")
    page.locator("[data-action=edit]").click()
    expect_no_barrier(page)
    page.locator("[data-tool=cancel]").click()
    page.goto("/")
    expect(page.locator(".dash-card svg").first).to_be_visible()
    expect_no_barrier(page)


def test_home_before_the_first_sync_says_how_to_begin(
    open_context: Callable[..., BrowserContext], database: Database
) -> None:
    with serving(create_app(settings_with(database), database)) as url:
        page = open_context(base_url=url, lang="en").new_page()
        page.goto(url)
        expect(page.get_by_role("heading", name="No data yet")).to_be_visible()
        expect(page.get_by_text("make sync")).to_be_visible()


def test_home_lists_dashboards_with_miniatures_and_the_datas_age(browser_page: Page, small_dashboard: str) -> None:
    page = browser_page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/", wait_until="networkidle")
    sales = page.locator(".dash-card", has_text="Продажи")
    expect(sales.locator("svg.thumb .thumb-mark").first).to_be_visible()
    expect(page.locator("#freshness tbody tr").first).to_be_visible()
    documents = [url for url in asked if "/api/v1/dashboards/" in url]
    assert documents
    assert len(documents) == len(set(documents)), "a miniature was drawn twice"
    page.get_by_placeholder("Найти дашборд").fill("Малый")
    expect(page.locator(".dash-card")).to_have_count(1)
    page.get_by_role("button", name="Создать дашборд").click()
    page.get_by_role("dialog").locator("input").fill("Новый")
    page.keyboard.press("Enter")
    page.wait_for_url("**/dashboards/*?edit=1")
    expect(page.locator("[data-field=title]")).to_have_value("Новый")


def test_a_refresh_that_fails_leaves_the_picture(
    browser_page: Page, small_dashboard: str, expected_problems: list[str]
) -> None:
    expected_problems.append("Failed to load resource")
    with browser_page.expect_response("**/freshness"):
        page = opened(browser_page, small_dashboard)
    page.route("**/charts/*/data", lambda route: route.abort())
    page.evaluate(
        "dispatchEvent(new CustomEvent('freshness', {detail: {data_version: 'x', entities: [], running: []}}))"
    )
    expect(card(page, MANAGERS).locator(".badge.warn")).to_have_text("Не обновлено")
    expect(card(page, MANAGERS).locator(".main-svg").first).to_be_visible()
    page.locator("[data-action=refresh]").click()
    expect(card(page, MANAGERS)).to_contain_text("Нет связи с сервисом")
    page.unroute("**/charts/*/data")
    card(page, MANAGERS).get_by_role("button", name="Повторить").click()
    expect(card(page, MANAGERS).locator(".main-svg").first).to_be_visible()

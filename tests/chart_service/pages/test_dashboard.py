"""The dashboard's page as people use it: in Chromium, on real charts of a loaded warehouse."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import openpyxl
import pytest
from playwright.sync_api import BrowserContext, Download, Locator, Page, expect

from tests.chart_service.pages.conftest import COUNT, DRAWN, LYING, MANAGERS, MONTHS, NUMBER

STAGES = "SELECT stage_name AS who, count(*) AS n FROM crm.deals GROUP BY 1 ORDER BY 2 DESC LIMIT 6"


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    page.wait_for_selector(DRAWN)
    return page


def card(page: Page, title: str) -> Locator:
    return page.locator("section.card", has=page.get_by_role("heading", name=title, exact=True))


def choose(page: Page, title: str, item: str) -> None:
    card(page, title).hover()
    card(page, title).get_by_role("button", name="Действия").click()
    page.locator(f"[data-item={item}]").click()


def downloaded(page: Page, title: str, item: str) -> Download:
    with page.expect_download() as event:
        choose(page, title, item)
    return event.value


@pytest.mark.parametrize(
    ("name", "theme", "lang"), [("sales", "light", "ru"), ("leads", "dark", "en"), ("team", "dark", "ru")]
)
def test_a_starter_dashboard_draws_all_its_charts(
    dressed_page: Callable[[str, str], Page], name: str, theme: str, lang: str
) -> None:
    page = opened(dressed_page(theme, lang), f"/dashboards/{name}")
    cards = page.locator("section.card")
    assert cards.count() >= 10
    for number in range(cards.count()):
        one = cards.nth(number)
        expect(one).to_have_attribute("data-state", "drawn")
        expect(one.locator(".main-svg, table, .kpi-value").first).to_be_attached()
    assert page.locator("html").get_attribute("lang") == lang
    colour = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert colour == ("rgb(255, 255, 255)" if theme == "light" else "rgb(21, 25, 34)")


def test_a_chart_is_a_section_with_a_heading_and_an_image_in_words(looked_at: Page) -> None:
    page = looked_at
    one = page.get_by_role("region", name=MANAGERS)
    expect(one.get_by_role("heading", name=MANAGERS)).to_be_visible()
    words = one.get_by_role("img").first.get_attribute("aria-label") or ""
    assert words.startswith(MANAGERS)
    assert "наибольшее" in words


def test_a_filter_narrows_every_chart_and_stands_in_the_address(browser_page: Page, small_dashboard: str) -> None:
    page = opened(browser_page, small_dashboard)
    before = card(page, COUNT).locator(".kpi-value").inner_text()
    page.locator("[data-pill=assigned_by_id]").click()
    page.get_by_role("checkbox").first.check()
    page.wait_for_url(re.compile("f="))
    page.keyboard.press("Escape")
    page.wait_for_selector(DRAWN)
    expect(card(page, COUNT).locator(".kpi-value")).not_to_have_text(before)
    after = card(page, COUNT).locator(".kpi-value").inner_text()

    again = page.context.new_page()
    opened(again, page.url)
    expect(card(again, COUNT).locator(".kpi-value")).to_have_text(after)
    expect(again.locator("[data-pill=assigned_by_id].active")).to_be_visible()

    page.locator("[data-pill=reset]").click()
    expect(card(page, COUNT).locator(".kpi-value")).to_have_text(before)
    assert "f=" not in page.url
    page.go_back()
    expect(card(page, COUNT).locator(".kpi-value")).to_have_text(after)


def test_a_period_is_sent_as_days_and_kept_by_its_name(browser_page: Page, small_dashboard: str) -> None:
    page = opened(browser_page, small_dashboard)
    page.locator("[data-pill=period]").click()
    with page.expect_request("**/data") as sent:
        page.get_by_role("button", name="Прошлый год").click()
    period = json.loads(sent.value.post_data or "{}")["filters"]["period"]
    year = page.evaluate("new Date().getFullYear()")
    assert (period["from"], period["to"]) == (f"{year - 1}-01-01", f"{year}-01-01")
    assert "period=last-year" in page.url
    page.wait_for_selector(DRAWN)


def test_a_free_column_is_added_from_the_columns_that_there_are(browser_page: Page, small_dashboard: str) -> None:
    page = opened(browser_page, small_dashboard)
    page.locator("[data-pill=add]").click()
    page.get_by_placeholder("Найти поле").fill("валюта")
    page.locator(".popover .menu-item").first.click()
    page.get_by_role("checkbox", name=re.compile("USD|Доллар")).first.check()
    expect(page.locator(".pill.active")).to_contain_text("Валюта")
    page.wait_for_url(re.compile("currency_id"))


def click_bar(page: Page, title: str, number: int = 0) -> None:
    bar = card(page, title).locator(".point path").nth(number)
    bar.scroll_into_view_if_needed()
    box = bar.bounding_box()
    assert box
    page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + 8, box["y"] + box["height"] / 2)


def test_a_click_on_a_mark_filters_the_other_charts(browser_page: Page, small_dashboard: str) -> None:
    page = opened(browser_page, small_dashboard)
    others = card(page, COUNT).locator(".kpi-value")
    before, bars = others.inner_text(), card(page, MANAGERS).locator(".point").count()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or "") if "/data" in request.url else None)
    click_bar(page, MANAGERS)
    expect(others).not_to_have_text(before)
    assert asked
    assert all("assigned_by_name" in body for body in asked)
    assert len(asked) == page.locator("section.card").count() - 1
    assert card(page, MANAGERS).locator(".point").count() == bars
    expect(page.locator(".cross-chips .chip")).to_contain_text(MANAGERS)
    page.mouse.move(5, 5)
    click_bar(page, MANAGERS)
    expect(others).to_have_text(before)
    expect(page.locator(".cross-chips")).to_be_hidden()


def test_a_click_on_a_month_filters_by_its_days(browser_page: Page, small_dashboard: str) -> None:
    page = opened(browser_page, small_dashboard)
    plot = card(page, MONTHS).locator(".plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box
    with page.expect_request(re.compile("/data$")) as sent:
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    period = json.loads(sent.value.post_data or "{}")["filters"]["period"]
    assert period["column"] == "deals.date_create"
    first, last = date.fromisoformat(period["from"]), date.fromisoformat(period["to"])
    assert first.day == last.day == 1
    assert (last - first).days in (28, 29, 30, 31)
    expect(page.locator(".cross-chips .chip")).to_be_visible()
    page.wait_for_selector(DRAWN)


def test_rows_behind_a_mark_open_at_the_side(browser_page: Page, small_dashboard: str) -> None:
    page = opened(browser_page, small_dashboard)
    click_bar(page, MANAGERS)
    page.get_by_role("button", name="Показать строки").click()
    panel = page.get_by_role("dialog")
    table = panel.locator("table")
    expect(table.locator("tbody tr").first).to_be_visible()
    headings = [text.strip() for text in table.locator("th").all_inner_texts()]
    names = {row.locator("td").nth(headings.index("Менеджер")).inner_text() for row in table.locator("tbody tr").all()}
    assert len(names) == 1
    assert names.pop() in page.locator(".cross-chips").inner_text()
    table.get_by_role("button", name="Сумма").click()
    expect(table.locator("th[aria-sort=descending]")).to_contain_text("Сумма")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_a_chart_is_shown_as_a_table_and_as_its_statement(looked_at: Page) -> None:
    page = looked_at
    choose(page, MANAGERS, "table")
    expect(card(page, MANAGERS).locator("tbody tr").first).to_be_visible()
    choose(page, MANAGERS, "sql")
    expect(page.get_by_role("dialog").locator("pre")).to_contain_text("FROM crm.deals")
    page.keyboard.press("Escape")
    choose(page, MANAGERS, "table")
    expect(card(page, MANAGERS).locator(".main-svg").first).to_be_attached()
    choose(page, MANAGERS, "full")
    expect(page.get_by_role("dialog").locator(".main-svg").first).to_be_visible()
    page.keyboard.press("Escape")


def test_a_chart_is_taken_away_as_csv_xlsx_and_png(looked_at: Page, tmp_path: Path) -> None:
    page = looked_at
    rows = list(csv.reader(io.StringIO(downloaded(page, MANAGERS, "csv").path().read_text("utf-8-sig"))))
    assert len(rows) == 9
    book = tmp_path / "book.xlsx"
    downloaded(page, MANAGERS, "xlsx").save_as(book)
    sheet = openpyxl.load_workbook(book).active
    assert sheet is not None
    assert sheet.max_row >= len(rows)
    picture = downloaded(page, MANAGERS, "png")
    assert picture.suggested_filename == f"{MANAGERS}.png"
    assert picture.path().read_bytes().startswith(b"\x89PNG")


def test_the_menu_is_used_by_keyboard_alone(looked_at: Page) -> None:
    page = looked_at
    button = card(page, MANAGERS).get_by_role("button", name="Действия")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(card(page, MANAGERS).locator("table")).to_be_visible()
    choose(page, MANAGERS, "table")
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(button).to_be_focused()


def place(one: Locator) -> list[int]:
    style = one.evaluate("node => [node.style.gridColumn, node.style.gridRow].join(' ')")
    x, w, y, h = (int(number) for number in re.findall(r"\d+", style))
    return [x - 1, y - 1, w, h]


def carry(page: Page, handle: Locator, dx: float, dy: float) -> None:
    handle.hover()  # waits until nothing slides any more
    box = handle.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx / 2, y + dy / 2, steps=4)
    page.mouse.move(x + dx, y + dy, steps=4)
    page.mouse.up()


def test_charts_are_moved_sized_undone_and_kept(
    browser_page: Page,
    pages_api: httpx.Client,
    kept_chart: Callable[..., int],
    kept_dashboard: Callable[..., int],
) -> None:
    charts = [kept_chart(f"График {number}", STAGES, LYING) for number in range(3)]
    number = kept_dashboard(*charts)
    page = opened(browser_page, f"/dashboards/{number}")
    page.locator("[data-action=edit]").click()
    first, second = card(page, "График 0"), card(page, "График 1")
    carry(page, second.locator(".grid-handle"), -560, 30)
    assert place(second) == [0, 0, 6, 8] or place(first) == [0, 0, 6, 8]
    moved = place(second)
    assert moved != [6, 0, 6, 8]
    page.keyboard.press("Control+z")
    assert place(second) == [6, 0, 6, 8]
    page.keyboard.press("Control+Shift+z")
    assert place(second) == moved
    page.locator("[data-tool=undo]").click()

    carry(page, second.locator(".grid-size"), -200, -80)
    narrow = place(second)
    assert narrow[2] < 6
    assert narrow[3] == 6
    second.locator(".grid-handle").focus()
    page.keyboard.press("Shift+ArrowRight")
    assert place(second)[2] == narrow[2] + 1
    page.keyboard.press("ArrowLeft")
    assert "столбец" in page.locator("[data-live]").inner_text().lower()

    card(page, "График 2").locator("[data-tool=remove]").click()
    page.locator("[data-field=title]").fill("Переименован")
    page.locator("[data-field=title]").press("Tab")
    kept = place(second)
    page.locator("[data-tool=save]").click()
    expect(page.locator(".toast").last).to_contain_text("сохранён")
    document = pages_api.get(f"/api/v1/dashboards/{number}").json()
    assert document["title"] == "Переименован"
    assert {item["chart_id"] for item in document["items"]} == set(charts[:2])
    opened(page, f"/dashboards/{number}")
    assert place(second) == kept


def test_charts_headings_texts_and_tabs_are_added(
    browser_page: Page, pages_api: httpx.Client, kept_chart: Callable[..., int], kept_dashboard: Callable[..., int]
) -> None:
    number = kept_dashboard(kept_chart("Стадии на вкладке", STAGES, LYING))
    count = kept_chart("Число сделок на вкладке", "SELECT count(*) AS n FROM crm.deals", NUMBER)
    page = opened(browser_page, f"/dashboards/{number}?edit=1")
    for item, text in (("heading", "Раздел"), ("text", "Пояснение"), ("tab", "Вторая")):
        page.locator("[data-tool=other]").click()
        page.locator(f"[data-item={item}]").click()
        page.get_by_role("dialog").locator("input, textarea").fill(text)
        page.get_by_role("dialog").get_by_role("button", name="Добавить").click()
    page.locator("[data-tool=chart]").click()
    page.get_by_placeholder("Найти график").fill("Число сделок на")
    page.locator(f"[data-chart='{count}']").click()
    expect(card(page, "Число сделок на вкладке").locator(".kpi-value")).to_have_text("500")
    page.locator("[data-tool=save]").click()
    expect(page.locator(".toast").last).to_contain_text("сохранён")
    document = pages_api.get(f"/api/v1/dashboards/{number}").json()
    assert [tab["title"] for tab in document["tabs"]] == ["Обзор", "Вторая"]
    first, second = (tab["id"] for tab in document["tabs"])
    assert [(item["kind"], item["tab"]) for item in document["items"]] == [
        ("chart", first),
        ("heading", first),
        ("text", first),
        ("chart", second),
    ]
    page.get_by_role("tab", name="Обзор").click()
    expect(card(page, "Стадии на вкладке").locator(".main-svg").first).to_be_attached()
    expect(page.get_by_role("heading", name="Раздел")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Вторая")).to_have_attribute("aria-selected", "true")
    page.wait_for_url(re.compile(f"tab={second}"))


def test_somebody_elses_change_is_not_overwritten_unasked(
    browser_page: Page,
    pages_api: httpx.Client,
    kept_chart: Callable[..., int],
    kept_dashboard: Callable[..., int],
    expected_problems: list[str],
) -> None:
    expected_problems.append("409")
    number = kept_dashboard(kept_chart("Стадии", STAGES, LYING), title="Было")
    page = opened(browser_page, f"/dashboards/{number}?edit=1")
    kept = pages_api.get(f"/api/v1/dashboards/{number}").json()
    theirs = {key: kept[key] for key in ("description", "slug", "tabs", "items", "filters", "version")}
    assert pages_api.put(f"/api/v1/dashboards/{number}", json={**theirs, "title": "Чужое"}).status_code == 200
    page.locator("[data-field=title]").fill("Моё")
    page.locator("[data-field=title]").press("Tab")
    page.locator("[data-tool=save]").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("уже изменён")
    assert pages_api.get(f"/api/v1/dashboards/{number}").json()["title"] == "Чужое"
    dialog.get_by_role("button", name="Сохранить мою").click()
    expect(page.locator(".toast").last).to_contain_text("сохранён")
    assert pages_api.get(f"/api/v1/dashboards/{number}").json()["title"] == "Моё"


def test_television_fills_the_screen_and_ends_with_escape(looked_at: Page) -> None:
    page = looked_at
    page.keyboard.press("t")
    expect(page.locator(".tv-bar")).to_contain_text("Малый")
    expect(page.locator(".nav")).to_be_hidden()
    assert "tv=1" in page.url
    page.keyboard.press("Escape")
    expect(page.locator(".nav")).to_be_visible()
    assert "tv=1" not in page.url


def test_appearance_and_language_are_chosen_and_remembered(
    open_context: Callable[..., BrowserContext], small_dashboard: str
) -> None:
    context = open_context(theme="system", color_scheme="light")
    page = opened(context.new_page(), small_dashboard)
    page.locator("[data-theme-menu]").click()
    page.locator("[data-item=dark]").click()
    expect(card(page, MANAGERS)).to_have_css("background-color", "rgb(21, 25, 34)")
    expect(card(page, MANAGERS).locator(".point path").first).to_have_css("fill", "rgb(99, 144, 252)")
    page.locator("[data-lang=en]").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", level=1)).to_have_text("Малый")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")

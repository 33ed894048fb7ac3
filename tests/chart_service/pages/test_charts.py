"""The library of charts and the page of one."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.chart_service.pages.conftest import LYING, MANAGERS_SQL, NUMBER
from tests.chart_service.pages.test_pages_states import EVIL
from warehouse.database import Database

COUNT_SQL = "SELECT count(*) AS n FROM crm.deals"
SOURCES_SQL = "SELECT source_name AS who, count(*) AS n FROM crm.deals GROUP BY 1 ORDER BY 2 DESC LIMIT 5"


@pytest.fixture
def page(browser_page: Page) -> Page:
    return browser_page


def test_the_library_shows_finds_and_pins(page: Page, kept_chart: Callable[..., int]) -> None:
    kept_chart("Закрепляемый", MANAGERS_SQL, LYING, description="Кто сколько ведёт")
    kept_chart("Число в библиотеке", COUNT_SQL, NUMBER)
    page.goto("/charts")
    expect(page.locator(".chart-tile .thumb-number", has_text="500").first).to_be_visible()
    expect(page.locator(".chart-tile .thumb-plot .bars path").first).to_be_attached()
    page.get_by_placeholder("Найти график").fill("сколько ведёт")
    expect(page.locator(".chart-tile")).to_have_count(1)
    assert "q=" in page.url
    page.get_by_role("button", name="Закрепить: Закрепляемый").click()
    expect(page.get_by_role("button", name="Закрепить: Закрепляемый")).to_have_attribute("aria-pressed", "true")
    page.get_by_placeholder("Найти график").fill("")
    page.get_by_role("button", name="Закреплённые").click()
    expect(page.locator(".chart-tile h2")).to_contain_text(["Закрепляемый"])
    page.reload()
    expect(page.get_by_role("button", name="Закреплённые")).to_have_attribute("aria-pressed", "true")
    page.get_by_placeholder("Найти график").fill("нет такого")
    expect(page.get_by_role("heading", name="Ничего не нашлось")).to_be_visible()


def test_a_deleted_chart_can_be_taken_back(
    page: Page, pages_api: httpx.Client, kept_chart: Callable[..., int], expected_problems: list[str]
) -> None:
    expected_problems.append("404")
    number = kept_chart("На выброс", COUNT_SQL, NUMBER)
    page.goto("/charts?q=На выброс")
    menu(page, "На выброс", "delete")
    expect(page.locator(".chart-tile")).to_be_hidden()
    page.locator(".toast").get_by_role("button", name="Вернуть").click()
    expect(page.locator(".chart-tile")).to_be_visible()
    assert pages_api.get(f"/api/v1/charts/{number}").status_code == 200
    menu(page, "На выброс", "delete")
    expect(page.locator(".chart-tile")).to_be_hidden()
    page.goto("/schema")  # leaving the page keeps what was decided
    for _ in range(50):
        if pages_api.get(f"/api/v1/charts/{number}").status_code == 404:
            return
        page.wait_for_timeout(100)
    pytest.fail("the chart is still there")


def test_a_chart_on_a_dashboard_is_deleted_only_when_sure(
    page: Page, pages_api: httpx.Client, kept_chart: Callable[..., int], kept_dashboard: Callable[..., int]
) -> None:
    number = kept_chart("Стоит на дашборде", COUNT_SQL, NUMBER)
    kept_dashboard(number)
    page.goto("/charts?q=Стоит на дашборде")
    menu(page, "Стоит на дашборде", "delete")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("с 1 дашборда")
    dialog.get_by_role("button", name="Отмена").click()
    expect(page.locator(".chart-tile")).to_be_visible()


def menu(page: Page, title: str, item: str) -> None:
    page.get_by_role("button", name=f"Действия: {title}").click()
    page.locator(f".popover [data-item={item}]").click()


def test_a_chart_is_changed_and_kept(page: Page, pages_api: httpx.Client, kept_chart: Callable[..., int]) -> None:
    number = kept_chart("Меняется", MANAGERS_SQL, LYING)
    page.goto(f"/charts/{number}")
    expect(page.locator(".work-card .bars .point").first).to_be_attached()
    save = page.locator("[data-action=save]")
    expect(save).to_be_disabled()
    page.locator(".format-button").click()
    page.locator(".format-tile[data-format=treemap]").click()
    expect(page.locator(".work-card .treemap .slice").first).to_be_attached()
    page.get_by_role("textbox", name="SQL-запрос").fill(SOURCES_SQL)
    page.get_by_role("textbox", name="SQL-запрос").press("Control+Enter")
    expect(page.locator(".work-card")).to_contain_text("5 строк")
    page.locator("h1 [data-action=words]").click()
    page.get_by_role("dialog").locator("[name=title]").fill("Изменился")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Изменился")
    expect(page.get_by_text("есть несохранённые изменения")).to_be_visible()
    save.click()
    expect(page.locator(".toast")).to_contain_text("сохранён")
    expect(save).to_be_disabled()
    kept = pages_api.get(f"/api/v1/charts/{number}").json()
    assert (kept["title"], kept["sql"], kept["template"]["format"]) == ("Изменился", SOURCES_SQL, "treemap")


def test_what_was_not_kept_can_be_dropped(page: Page, kept_chart: Callable[..., int]) -> None:
    page.goto(f"/charts/{kept_chart('Возвращается', MANAGERS_SQL, LYING)}")
    expect(page.locator(".work-card .bars .point").first).to_be_attached()
    page.locator(".format-button").click()
    page.locator(".format-tile[data-format=table]").click()
    expect(page.locator(".work-card tbody tr").first).to_be_visible()
    page.locator("[data-action=revert]").click()
    expect(page.locator(".work-card .bars .point").first).to_be_attached()
    expect(page.locator("[data-action=save]")).to_be_disabled()


def test_a_change_by_somebody_else_is_not_overwritten(
    page: Page, pages_api: httpx.Client, kept_chart: Callable[..., int], expected_problems: list[str]
) -> None:
    expected_problems.append("409")
    number = kept_chart("Общий", MANAGERS_SQL, LYING)
    page.goto(f"/charts/{number}")
    expect(page.locator(".work-card .bars .point").first).to_be_attached()
    theirs = {"title": "Чужой", "sql": MANAGERS_SQL, "template": LYING, "version": 1}
    assert pages_api.put(f"/api/v1/charts/{number}", json=theirs).status_code == 200
    page.locator(".format-button").click()
    page.locator(".format-tile[data-format=table]").click()
    page.locator("[data-action=save]").click()
    expect(page.get_by_role("dialog")).to_contain_text("тем временем изменили")
    page.get_by_role("dialog").get_by_role("button", name="Загрузить новый").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Чужой")


def test_a_chart_of_an_older_schema_says_what_is_gone(
    page: Page,
    pages_api: httpx.Client,
    pages_database: Database,
    kept_chart: Callable[..., int],
    expected_problems: list[str],
) -> None:
    expected_problems.append("409")
    number = kept_chart("Старый", COUNT_SQL, NUMBER)
    with pages_database.connect("test", autocommit=True) as owner:
        owner.execute("UPDATE app.charts SET sql = 'SELECT gone FROM crm.deals' WHERE id = %s", (number,))
    page.goto(f"/charts/{number}")
    expect(page.locator(".work-card").get_by_role("alert")).to_contain_text("gone")
    page.get_by_role("textbox", name="SQL-запрос").fill(COUNT_SQL)
    page.get_by_role("button", name="Выполнить").click()
    expect(page.locator(".work-card .kpi-value")).to_have_text("500")
    pages_api.delete(f"/api/v1/charts/{number}")  # its picture in the library would be an error in other tests


def test_a_chart_that_is_not_there_says_so(page: Page, expected_problems: list[str]) -> None:
    expected_problems += ["404", "422"]
    for address in ("/charts/999999", "/charts/nothing"):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_have_text("Такого графика нет")


def test_titles_and_values_stay_text(page: Page, kept_chart: Callable[..., int]) -> None:
    quoted = EVIL.replace("'", "''")
    sql = f"SELECT '{quoted}' || source_name AS who, count(*) AS n FROM crm.deals GROUP BY 1 ORDER BY 2 DESC LIMIT 4"
    number = kept_chart(EVIL[:190], sql, LYING, description=EVIL, question=EVIL, assumptions=[EVIL])
    kept_chart(f"Т{EVIL[:180]}", sql, {"format": "table", "traces": [{"type": "table"}]})
    page.goto("/charts?q=onerror")
    expect(page.locator(".chart-tile .thumb-table, .chart-tile .thumb-plot")).to_have_count(2)
    page.goto(f"/charts/{number}")
    expect(page.locator(".work-card .bars .point").first).to_be_attached()
    expect(page.locator(".assumptions")).to_contain_text("<img")
    page.locator("[data-action=to-dashboard]").click()
    expect(page.get_by_role("dialog")).to_contain_text("<img")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, a[href^='javascript:']").count() == 0

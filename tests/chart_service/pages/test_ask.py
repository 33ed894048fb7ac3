"""Asking on the page: from a question to a chart on a dashboard, and every way in which a question ends otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from chart_service.app import create_app
from tests.chart_service.ask.model_server import KEY, ModelServer, Said, answer, figure_of, model_server
from tests.chart_service.browser import watched
from tests.chart_service.pages.conftest import DRAWN, PATIENCE, VIEWPORT
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database

MONTHS = "Сколько сделок создано по месяцам?"
MANAGERS = "Теперь по менеджерам"
NOWHERE = "Сделки из Инстаграма"
UNCLEAR = "Покажи выручку"
FORBIDDEN = "Удали всё"
DECLINED = "Напиши стихи"
SLOW = "Долгий вопрос"
ASSUMED = "Месяц — по дате создания."
MONTHS_SQL = (
    "SELECT date_trunc('month', date_create)::date AS month, count(*) AS deals\nFROM crm.deals\nGROUP BY 1\nORDER BY 1"
)
MANAGERS_SQL = "SELECT assigned_by_name AS manager, count(*) AS deals FROM crm.deals GROUP BY 1 ORDER BY 2 DESC"
ANSWERS = {
    MONTHS: answer(
        MONTHS_SQL,
        figure_of("line", "scatter", x="month", y="deals"),
        title="Сделки по месяцам",
        description="По дате создания",
        assumptions=[ASSUMED],
    ),
    MANAGERS: answer(
        MANAGERS_SQL, figure_of("horizontal_bar", "bar", x="deals", y="manager", orientation="h"), title="По людям"
    ),
    NOWHERE: answer("SELECT title, count(*) AS deals FROM crm.deals WHERE source_name = 'Инстаграм' GROUP BY 1"),
    UNCLEAR: answer(None, clarification="За какой период?"),
    FORBIDDEN: answer("DELETE FROM crm.deals"),
    DECLINED: Said(refusal="no verses"),
    SLOW: Said(json.dumps(answer(MONTHS_SQL)), pause=0.4),
}


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with model_server(ANSWERS) as server:
        yield server


@pytest.fixture(scope="module")
def asking_url(pages_database: Database, model: ModelServer) -> Iterator[str]:
    """The service with a model."""
    settings = settings_with(pages_database, openai_base_url=model.url, openai_api_key=KEY)
    with serving(create_app(settings, pages_database)) as url:
        yield url


@pytest.fixture
def asking_api(asking_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=asking_url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def _asking_context(browser: Browser, asking_url: str) -> Iterator[tuple[BrowserContext, list[str]]]:
    context = browser.new_context(viewport=VIEWPORT, base_url=asking_url)
    context.set_default_timeout(PATIENCE)
    context.add_cookies([{"name": "lang", "value": "ru", "url": asking_url}])
    yield context, watched(context)
    context.close()


@pytest.fixture
def page(_asking_context: tuple[BrowserContext, list[str]], expected_problems: list[str]) -> Iterator[Page]:
    """The page where questions begin. Any error in its console that is no refused request fails the test."""
    expected_problems.append("status of 4")
    context, problems = _asking_context
    problems.clear()
    page = context.new_page()
    page.goto("/ask")
    expect(page.locator(".suggestion").first).to_be_visible()
    yield page
    page.close()
    assert [problem for problem in problems if not any(part in problem for part in expected_problems)] == []


def ask(page: Page, question: str) -> None:
    page.get_by_role("textbox", name="Вопрос о данных").fill(question)
    page.keyboard.press("Enter")


def drawn(page: Page) -> Locator:
    """The chart of the answer, once it is there."""
    expect(page.locator(".work-card .main-svg").first).to_be_visible()
    return page.locator(".work-card section.card")


def editor(page: Page) -> Locator:
    return page.get_by_role("textbox", name="SQL-запрос")


def test_from_a_question_to_a_filtered_dashboard(page: Page, asking_api: httpx.Client) -> None:
    """Ask, save to a new dashboard, open it, filter it, export it."""
    ask(page, MONTHS)
    expect(drawn(page).get_by_role("heading")).to_have_text("Сделки по месяцам")
    expect(page.get_by_text(ASSUMED)).to_be_visible()
    expect(editor(page)).to_have_value(MONTHS_SQL)
    assert "id=" in page.url

    page.locator("[data-action=to-dashboard]").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("select").select_option("new")
    dialog.locator("[name=dashboard-title]").fill("Из вопроса")
    dialog.locator("[data-save]").click()
    expect(page.locator(".toast")).to_contain_text("Из вопроса")
    page.locator(".toast button").click()
    page.wait_for_url("**/dashboards/*")
    page.wait_for_selector(DRAWN)
    card = page.locator("section.card", has_text="Сделки по месяцам")
    expect(card.locator(".main-svg").first).to_be_visible()

    rows = card.locator(".card-foot").inner_text()
    page.goto(f"{page.url}?period=2026-06-01..2026-09-01")
    page.wait_for_selector(DRAWN)
    expect(card.locator(".card-foot")).not_to_have_text(rows)
    card.hover()
    card.get_by_role("button", name="Действия").click()
    with page.expect_download() as file:
        page.locator("[data-item=csv]").click()
    content = file.value.path().read_text("utf-8-sig").splitlines()
    assert content[0] == "month,deals"
    assert [line[:7] for line in content[1:]] == ["2026-06", "2026-07", "2026-08"]

    kept = asking_api.get("/api/v1/charts", params={"q": "Сделки по месяцам"}).json()["items"]
    assert kept[0]["question"] == MONTHS
    assert asking_api.get(f"/api/v1/charts/{kept[0]['id']}").json()["assumptions"] == [ASSUMED]


def test_a_saved_answer_goes_beside_what_is_on_a_dashboard(page: Page, asking_api: httpx.Client) -> None:
    made = asking_api.post("/api/v1/dashboards", json={"title": "Готовый"}).json()
    for question in (MONTHS, MANAGERS):
        page.goto("/ask")
        ask(page, question)
        drawn(page)
        page.locator("[data-action=to-dashboard]").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator(f"option[value='{made['id']}']")).to_be_attached()
        dialog.locator("select").select_option(str(made["id"]))
        dialog.locator("[data-save]").click()
        expect(page.locator(".toast")).to_contain_text("Готовый")
    items = asking_api.get(f"/api/v1/dashboards/{made['id']}").json()["items"]
    assert [(item["x"], item["y"]) for item in items] == [(0, 0), (6, 0)]


def test_a_follow_up_goes_on_from_the_answer_before(page: Page, model: ModelServer) -> None:
    ask(page, MONTHS)
    drawn(page)
    expect(page.locator(".composer-follows")).to_contain_text(MONTHS)
    before = model.calls
    page.locator(".follow-chips").get_by_role("button", name=MANAGERS).click()
    expect(drawn(page).get_by_role("heading")).to_have_text("По людям")
    if model.calls > before:  # else it was asked in another test, and known
        assert MONTHS_SQL.splitlines()[0] in model.heard[-1]["messages"][-1]["content"]
    trail = page.get_by_role("navigation", name="Ход вопросов")
    expect(trail.get_by_role("button")).to_have_text([MONTHS, MANAGERS])
    trail.get_by_role("button", name=MONTHS).click()
    expect(drawn(page).get_by_role("heading")).to_have_text("Сделки по месяцам")
    page.go_back()
    expect(drawn(page).get_by_role("heading")).to_have_text("По людям")


def test_the_chart_type_changes_without_the_model(page: Page, model: ModelServer) -> None:
    ask(page, MONTHS)
    drawn(page)
    calls = model.calls
    picker = page.locator(".format-button")
    expect(picker).to_have_text("Линия")
    picker.click()
    refused = page.locator(".format-refused[data-format=sankey]")
    expect(refused).to_contain_text("категори")
    expect(page.locator(".format-tile[data-format=sankey]")).to_have_count(0)
    page.locator(".format-tile[data-format=bar]").click()
    expect(picker).to_have_text("Столбцы")
    expect(page.locator(".work-card .bars .point").first).to_be_attached()
    assert model.calls == calls


def test_the_guards_message_stands_at_the_spot(page: Page) -> None:
    ask(page, MONTHS)
    drawn(page)
    editor(page).fill("SELECT source_name, count(*) AS n\nFROM crm.deals\nWHERE pg_sleep(1) IS NULL\nGROUP BY 1")
    expect(page.locator(".sql-mark")).to_have_text("pg_sleep")  # as one types, before anything is run
    expect(page.locator(".sql-line.bad")).to_have_text(re.compile("^WHERE"))
    expect(page.locator(".sql-problem")).to_contain_text("Строка 3, символ 7")
    page.locator(".sql-jump").click()
    assert editor(page).evaluate("box => box.value.slice(box.selectionStart, box.selectionEnd)") == "pg_sleep"
    page.get_by_role("button", name="Выполнить").click()
    expect(page.locator(".sql-problem")).to_contain_text("pg_sleep")
    expect(drawn(page).get_by_role("heading")).to_have_text("Сделки по месяцам")  # the chart before is still there

    editor(page).fill("SELECT source_name, count(*) AS n FROM crm.deals GROUP BY 1 ORDER BY 2 DESC")
    editor(page).press("Control+Enter")
    expect(page.locator(".format-button")).to_have_text("Горизонтальные столбцы")
    expect(page.locator(".sql-problem")).to_have_count(0)
    expect(page.locator(".work-edited")).to_be_visible()  # the assumptions were of another statement


def test_what_postgresql_says_stands_there_too(page: Page) -> None:
    page.goto("/ask?mode=sql")
    editor(page).fill("SELECT count(*) / (count(*) - count(*)) AS n FROM crm.deals")
    page.get_by_role("button", name="Выполнить").click()
    expect(page.locator(".sql-problem")).to_be_visible()
    expect(page.locator(".sql-problem")).not_to_contain_text("Traceback")


def test_nothing_found_offers_the_values_that_exist(page: Page) -> None:
    ask(page, NOWHERE)
    state = page.locator(".ask-state")
    expect(state).to_contain_text("ничего нет")
    expect(state).to_contain_text("Инстаграм")
    expect(state.get_by_role("button", name="Telegram")).to_be_visible()
    with page.expect_request("**/api/v1/ask") as asked:
        state.get_by_role("button", name="Telegram").click()
    assert "Telegram" in str(asked.value.post_data_json["question"])


def test_a_question_back_is_answered_in_the_box(page: Page) -> None:
    ask(page, UNCLEAR)
    expect(page.locator(".ask-state")).to_contain_text("За какой период?")
    box = page.get_by_role("textbox", name="Вопрос о данных")
    expect(box).to_have_value(f"{UNCLEAR} ")
    expect(box).to_be_focused()


def test_a_refused_statement_can_be_mended_by_hand(page: Page) -> None:
    ask(page, FORBIDDEN)
    state = page.locator(".ask-state")
    expect(state).to_contain_text("не прошёл проверку")
    state.get_by_role("button", name="Исправить SQL").click()
    expect(editor(page)).to_have_value("DELETE FROM crm.deals")
    expect(page.locator(".sql-problem")).to_contain_text("SELECT")


def test_a_model_that_declines_says_so(page: Page) -> None:
    ask(page, DECLINED)
    expect(page.locator(".ask-state")).to_contain_text("отказалась")
    page.get_by_role("button", name="Переформулировать").click()
    expect(page.get_by_role("textbox", name="Вопрос о данных")).to_be_focused()


def test_stages_are_told_and_stopping_stops_the_model(page: Page, model: ModelServer) -> None:
    model.hung_up.clear()
    ask(page, SLOW)
    expect(page.locator(".stage.now")).to_have_text("Пишу запрос")
    expect(page.locator(".stage.done")).to_have_text(["Разбираюсь в вопросе"])
    page.get_by_role("button", name="Остановить").click()
    expect(page.locator(".ask-state")).to_contain_text("Остановлено")
    expect(page.get_by_role("textbox", name="Вопрос о данных")).to_have_value(SLOW)
    assert model.hung_up.wait(10)


def test_a_right_answer_becomes_an_example_and_the_past_can_be_opened(page: Page, asking_api: httpx.Client) -> None:
    ask(page, MONTHS)
    drawn(page)
    approve = page.locator("[data-action=approve]")
    approve.click()
    expect(approve).to_have_attribute("aria-pressed", "true")
    assert MONTHS in [example["question"] for example in asking_api.get("/api/v1/examples").json()["items"]]

    page.locator("[data-action=new]").click()
    expect(page.locator(".ask-hello")).to_be_visible()
    page.locator("[data-action=history]").click()
    page.get_by_role("dialog").locator(".past", has_text=MONTHS).first.click()
    expect(drawn(page).get_by_role("heading")).to_have_text("Сделки по месяцам")
    page.reload()
    expect(drawn(page).get_by_role("heading")).to_have_text("Сделки по месяцам")
    expect(page.get_by_text(ASSUMED)).to_be_visible()


def test_a_spent_budget_says_when_it_renews(page: Page, asking_api: httpx.Client) -> None:
    before = asking_api.get("/api/v1/settings/budget").json()
    asking_api.put("/api/v1/settings/budget", json={**before, "total_tokens_per_day": 0}).raise_for_status()
    try:
        ask(page, "Вопрос, которого ещё не было")
        expect(page.locator(".ask-state")).to_contain_text("Лимит на сегодня исчерпан")
        expect(page.get_by_role("link", name="Открыть лимиты")).to_have_attribute("href", "/settings#budget")
    finally:
        asking_api.put("/api/v1/settings/budget", json=before).raise_for_status()


def test_without_a_key_it_says_what_to_set_and_sql_works(browser_page: Page) -> None:
    page = browser_page
    page.goto("/ask")
    expect(page.locator(".no-key")).to_contain_text("OPENAI_API_KEY")
    expect(page.locator(".composer")).to_have_count(0)
    page.locator("[data-action=sql]").click()
    editor(page).fill(MANAGERS_SQL)
    editor(page).press("Control+Enter")
    drawn(page)
    page.locator("[data-action=save]").click()
    page.get_by_role("dialog").locator("[name=title]").fill("Написано руками")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("сохранён")


def test_a_service_that_goes_away_is_no_silence(page: Page, expected_problems: list[str]) -> None:
    expected_problems.append("ERR_FAILED")

    def cut(route: Route) -> None:
        route.abort()

    page.route("**/api/v1/ask", cut)
    ask(page, MONTHS)
    expect(page.locator(".ask-state")).to_contain_text("не отвечает")
    page.unroute("**/api/v1/ask")
    page.get_by_role("button", name="Повторить").click()
    drawn(page)


def test_what_a_model_writes_stays_text(page: Page, model: ModelServer) -> None:
    """A title, an assumption, a plan, a column, a statement, a question back that would run as HTML: none does."""
    evil = '<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>'
    column = "<img src=x onerror=window.hacked=3>"
    sql = f"SELECT source_name AS \"{column}\", '{evil}' AS v, count(*) AS n FROM crm.deals GROUP BY 1"
    words: dict[str, Any] = {"title": evil, "description": evil, "assumptions": [evil], "plan": evil}
    model.says(answer(sql, **words), answer(None, clarification=evil, **words))
    ask(page, f"Первый {evil}")
    expect(page.locator(".work-card tbody tr").first).to_be_visible()
    page.get_by_text("План ответа").click()
    page.locator(".format-button").click()
    page.keyboard.press("Escape")
    page.locator("[data-action=save]").click()
    page.keyboard.press("Escape")
    ask(page, f"Второй {evil}")
    expect(page.locator(".ask-state")).to_contain_text("<img src=x")
    page.locator("[data-action=history]").click()
    expect(page.get_by_role("dialog").locator(".past").first).to_contain_text("<img src=x")
    page.keyboard.press("Escape")
    page.goto(f"/ask?q={evil}&id={evil}")
    expect(page.locator(".toast")).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0

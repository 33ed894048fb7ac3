"""The settings' page: what people set is kept, and what they get wrong is said at the spot."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from warehouse.database import Database

EVIL = "<img src=x onerror=window.hacked=1>"


@pytest.fixture
def page(browser_page: Page) -> Page:
    return browser_page


def section(page: Page, name: str) -> None:
    page.goto(f"/settings#{name}")
    expect(page.locator(".settings-card h2").first).to_be_visible()


def saved(page: Page) -> None:
    expect(page.locator(".toast").last).to_have_text("Сохранено×")


def test_terms_are_added_and_removed(page: Page, pages_api: httpx.Client) -> None:
    section(page, "glossary")
    for term, meaning in (("Ключевой", EVIL), ("Лишний", "уйдёт")):
        page.get_by_role("button", name="Добавить слово").click()
        page.get_by_role("textbox", name="Слово").last.fill(term)
        page.get_by_role("textbox", name="Что значит").last.fill(meaning)
    page.locator(".settings-row.term").last.get_by_role("button").click()
    page.get_by_role("button", name="Сохранить").click()
    saved(page)
    assert pages_api.get("/api/v1/settings/glossary").json()["terms"] == [{"term": "Ключевой", "meaning": EVIL}]
    expect(page.get_by_role("button", name="Сохранить")).to_be_disabled()
    pages_api.put("/api/v1/settings/glossary", json={"terms": []}).raise_for_status()


def test_instructions_are_kept(page: Page, pages_api: httpx.Client) -> None:
    section(page, "instructions")
    page.get_by_role("textbox").fill("Год начинается в апреле.")
    expect(page.get_by_text("24 из 4 000".replace(" 000", "\u00a0000"))).to_be_visible()
    page.get_by_role("button", name="Сохранить").click()
    saved(page)
    assert pages_api.get("/api/v1/settings/instructions").json() == {"text": "Год начинается в апреле."}
    pages_api.put("/api/v1/settings/instructions", json={"text": ""}).raise_for_status()


def test_a_budget_without_a_number_has_no_limit(page: Page, pages_api: httpx.Client) -> None:
    before = pages_api.get("/api/v1/settings/budget").json()
    section(page, "budget")
    page.locator("[name=user_usd_per_day]").fill("0.5")
    page.locator("[name=total_tokens_per_day]").fill("")
    page.locator("form.budget").get_by_role("button", name="Сохранить").click()
    saved(page)
    kept = pages_api.get("/api/v1/settings/budget").json()
    assert (float(kept["user_usd_per_day"]), kept["total_tokens_per_day"]) == (0.5, None)
    pages_api.put("/api/v1/settings/budget", json=before).raise_for_status()


def test_a_price_is_added(page: Page, pages_api: httpx.Client) -> None:
    before = pages_api.get("/api/v1/settings/prices").json()
    section(page, "budget")
    page.get_by_role("button", name="Добавить модель").click()
    new = page.locator(".settings-rows .price").last
    new.get_by_role("textbox", name="Модель").fill("local")
    for name in ("prompt", "cached", "output"):
        new.locator(f"[name={name}]").fill("0")
    page.get_by_role("button", name="Сохранить").last.click()
    saved(page)
    assert pages_api.get("/api/v1/settings/prices").json()["models"].keys() == {*before["models"], "local"}
    pages_api.put("/api/v1/settings/prices", json=before).raise_for_status()


def test_usage_by_day_and_person(page: Page, pages_database: Database) -> None:
    with pages_database.connect("test", autocommit=True) as owner:
        owner.execute("DELETE FROM app.model_calls")
        for days, who, cost in ((0, EVIL, "0.25"), (2, "ann@example.com", "0.5"), (60, "ann@example.com", "1")):
            owner.execute(
                """INSERT INTO app.model_calls (called_at, called_by, purpose, model, prompt_tokens, cached_tokens,
                       output_tokens, cost_usd, milliseconds, tries, outcome)
                   VALUES (now() - make_interval(days => %s), %s, 'ask', 'm', 900, 600, 100, %s, 5, 1, 'ok')""",
                (days, who, cost),
            )
    section(page, "usage")
    expect(page.locator(".usage-sums dd").first).to_have_text("0,75 $".replace(" ", "\u00a0"))
    expect(page.locator(".usage-bars li")).to_have_count(30)
    bars = page.locator(".usage-bar").evaluate_all("all => all.filter(one => parseFloat(one.style.height) > 0).length")
    assert bars == 2
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody")).to_contain_text(EVIL)
    page.get_by_role("button", name="90 дней").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("button", name="7 дней").click()
    expect(page.locator(".usage-bars li")).to_have_count(7)
    assert page.evaluate("window.hacked") is None


def test_an_example_is_forgotten_once_sure(page: Page, pages_api: httpx.Client, pages_database: Database) -> None:
    with pages_database.connect("test", autocommit=True) as owner:
        owner.execute("INSERT INTO app.examples (question, lang, sql) VALUES (%s, 'ru', 'SELECT 1')", (EVIL,))
    section(page, "examples")
    one = page.locator(".example", has_text=EVIL)
    one.locator("summary").click()
    expect(one.locator("pre")).to_have_text("SELECT 1")
    one.get_by_role("button", name="Удалить пример").click()
    page.get_by_role("dialog").get_by_role("button", name="Удалить").click()
    expect(one).to_have_count(0)
    assert EVIL not in [known["question"] for known in pages_api.get("/api/v1/examples").json()["items"]]
    assert page.evaluate("window.hacked") is None


def test_embedding_is_turned_on_limited_and_off(
    page: Page, pages_api: httpx.Client, expected_problems: list[str]
) -> None:
    expected_problems += ["404", "400"]
    made = pages_api.post("/api/v1/dashboards", json={"title": "Встраиваемый"}).json()
    page.goto(f"/settings?dashboard={made['id']}#embedding")
    page.locator("[data-action=enable]").click()
    expect(page.get_by_text("ни один сайт показать его не может")).to_be_visible()
    domains = page.locator("[name=allowed_domains]")
    domains.fill("javascript:alert(1)")
    page.get_by_role("button", name="Сохранить").click()
    expect(page.locator(".toast.bad")).to_contain_text("allowed_domains")
    domains.fill("https://host.example")
    page.get_by_role("button", name="Сохранить").click()
    expect(page.get_by_text("Сейчас показать могут: https://host.example")).to_be_visible()
    embed = pages_api.get(f"/api/v1/dashboard/{made['id']}/embedded").json()["result"]
    expect(page.locator(".snippet pre").first).to_contain_text(f'id: "{embed["uuid"]}"')

    page.locator("[name=label]").fill("Партнёры")
    page.get_by_role("button", name="Создать ссылку").click()
    expect(page.locator(".link")).to_contain_text("Партнёры")
    page.locator("[data-action=revoke-link]").click()
    page.get_by_role("dialog").get_by_role("button", name="Отозвать").click()
    expect(page.get_by_text("Действующих ссылок нет")).to_be_visible()
    assert pages_api.get(f"/api/v1/dashboards/{made['id']}/links").json()["items"] == []

    page.locator("[data-action=disable]").click()
    page.get_by_role("dialog").get_by_role("button", name="Выключить").click()
    expect(page.locator("[data-action=enable]")).to_be_visible()
    pages_api.delete(f"/api/v1/dashboards/{made['id']}")


def test_arrows_walk_between_the_sections(page: Page, expected_problems: list[str]) -> None:
    expected_problems.append("404")  # a dashboard that may not be embedded
    section(page, "glossary")
    page.get_by_role("tab", name="Словарь").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Указания модели")).to_be_focused()
    expect(page.get_by_role("heading", name="Указания модели")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="Встраивание")).to_have_attribute("aria-selected", "true")

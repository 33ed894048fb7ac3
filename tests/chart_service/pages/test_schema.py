"""The schema's page: found, read and put into other words."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from warehouse.database import Database
from warehouse.schema_docs.catalog import read_catalog
from warehouse.schema_docs.documents import save_document
from warehouse.schema_docs.statistics import read_statistics


@pytest.fixture(scope="module", autouse=True)
def _documented(pages_database: Database) -> None:
    with pages_database.connect("test", autocommit=True) as conn, conn.transaction():
        catalog = read_catalog(conn)
        save_document(conn, catalog, read_statistics(conn, catalog), None)


@pytest.fixture
def page(browser_page: Page) -> Iterator[Page]:
    browser_page.goto("/schema")
    expect(browser_page.locator(".schema-column").first).to_be_visible()
    yield browser_page
    browser_page.evaluate("localStorage.clear()")


def test_tables_columns_codes_and_how_much_is_filled(page: Page) -> None:
    expect(page.get_by_role("heading", name="Сделки")).to_be_visible()
    stage = page.locator("[id='deals.stage_id']")
    expect(stage).to_contain_text("Стадия сделки")
    expect(stage.locator(".schema-chip")).to_have_count(6)
    stage.get_by_role("button", name="ещё").click()
    assert stage.locator(".schema-chip").count() > 6
    expect(page.locator("[id='deals.probability'] .schema-filled")).to_contain_text("%")
    page.get_by_role("link", name="assigned_by_id → users.id").click()
    expect(page.get_by_role("heading", name="Сотрудники")).to_be_visible()
    expect(page.locator("[id='users.id']")).to_have_class("schema-row target")
    page.go_back()
    expect(page.get_by_role("heading", name="Сделки", exact=True)).to_be_visible()


def test_a_search_looks_through_all_tables_and_values(page: Page) -> None:
    page.get_by_role("searchbox").fill("telegram")
    expect(page.locator("mark").first).to_have_text(re.compile("^telegram$", re.IGNORECASE))
    names = page.locator(".schema-table h2").all_inner_texts()
    assert {"Сделки", "Лиды"} <= set(names)
    assert "q=telegram" in page.url
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("telegram")
    page.get_by_role("searchbox").fill("такого нет нигде")
    expect(page.get_by_role("heading", name="Ничего не нашлось")).to_be_visible()
    page.get_by_role("button", name="Очистить поиск").click()
    expect(page.get_by_role("heading", name="Сделки", exact=True)).to_be_visible()


def test_empty_columns_can_be_hidden(page: Page) -> None:
    expect(page.locator("[id='deals.quote_id']")).to_be_visible()
    page.get_by_role("checkbox", name="Без пустых столбцов").check()
    expect(page.locator("[id='deals.quote_id']")).to_have_count(0)
    page.reload()
    expect(page.locator("[id='deals.id']")).to_be_visible()
    expect(page.locator("[id='deals.quote_id']")).to_have_count(0)


def test_a_meaning_is_put_into_other_words_and_back(page: Page) -> None:
    evil = "Сумма <img src=x onerror=window.hacked=1>"
    amount = page.locator("[id='deals.opportunity']")
    before = amount.locator(".schema-words p").inner_text()
    amount.hover()
    amount.get_by_role("button", name="Изменить описание").click()
    amount.get_by_role("textbox", name="По-русски").fill(evil)
    amount.get_by_role("button", name="Сохранить").click()
    expect(amount.locator(".schema-words p")).to_contain_text(evil)
    expect(amount).to_contain_text("описано вручную")
    page.reload()
    expect(amount.locator(".schema-words p")).to_contain_text(evil)
    amount.hover()
    amount.get_by_role("button", name="Изменить описание").click()
    amount.get_by_role("button", name="Вернуть прежнее").click()
    expect(amount.locator(".schema-words p")).to_have_text(before)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0


def test_the_keyboard_alone_edits_a_meaning(page: Page) -> None:
    edit = page.locator("[id='deals.title']").get_by_role("button", name="Изменить описание")
    edit.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="По-русски")).to_be_focused()
    page.keyboard.press("Escape")
    expect(edit).to_be_focused()


def test_the_document_can_be_downloaded(page: Page) -> None:
    with page.expect_download() as file:
        page.get_by_role("link", name="Скачать документ").click()
    assert file.value.suggested_filename == "crm-schema-ru.md"

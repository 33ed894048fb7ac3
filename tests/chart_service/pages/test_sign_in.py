"""Signing in and out on the page, with a scripted Supabase behind it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from chart_service.app import create_app
from chart_service.pages.texts import section
from chart_service.sign_in import supabase as supabase_module
from tests.chart_service.pages.barriers import expect_no_barrier
from tests.chart_service.sign_in.supabase_server import (
    ANON_KEY,
    EMAIL,
    PASSWORD,
    SECRET,
    SupabaseServer,
    supabase_server,
)
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database


@pytest.fixture(scope="module")
def supabase() -> Iterator[SupabaseServer]:
    with supabase_server() as server:
        yield server


@pytest.fixture(scope="module")
def closed_url(pages_database: Database, supabase: SupabaseServer) -> Iterator[str]:
    """The service where people have to sign in."""
    settings = settings_with(
        pages_database, supabase_url=supabase.url, supabase_key=ANON_KEY, supabase_jwt_secret=SECRET
    )
    with serving(create_app(settings, pages_database)) as url:
        yield url


@pytest.fixture
def page(open_context: Callable[..., BrowserContext], closed_url: str) -> Page:
    return open_context(base_url=closed_url, locale="ru").new_page()


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Электронная почта").fill(EMAIL)
    page.get_by_label("Пароль").fill(password)
    page.keyboard.press("Enter")


def test_one_signs_in_where_one_wanted_to_go_and_out_again(page: Page) -> None:
    page.goto("/charts?pinned=1")
    expect(page).to_have_url("/sign-in?next=%2Fcharts%3Fpinned%3D1")
    expect(page.get_by_label("Электронная почта")).to_be_focused()
    sign_in(page)
    expect(page).to_have_url("/charts?pinned=1")
    expect(page.locator(".account-name")).to_have_text(EMAIL)
    page.goto("/sign-in", wait_until="networkidle")  # who is in already is sent on
    expect(page).to_have_url("/")
    expect(page.locator(".dash-card").first).to_be_visible()
    page.get_by_role("button", name="Выйти").click()
    expect(page).to_have_url("/sign-in")
    page.goto("/ask")
    expect(page).to_have_url("/sign-in?next=%2Fask")


def test_what_one_does_when_signed_in_is_ones_own(page: Page) -> None:
    """Unsafe requests carry the session's token; what is kept says who kept it."""
    page.goto("/ask?mode=sql")
    sign_in(page)
    page.get_by_role("textbox", name="SQL-запрос").fill("SELECT count(*) AS n FROM crm.deals")
    page.get_by_role("textbox", name="SQL-запрос").press("Control+Enter")
    expect(page.locator(".kpi-value")).to_have_text("500")
    page.locator("[data-action=save]").click()
    page.get_by_role("dialog").locator("[name=title]").fill("Счёт Анны")
    page.keyboard.press("Enter")
    page.locator(".toast button").click()
    expect(page.locator(".facts")).to_contain_text(EMAIL)


def test_a_session_that_has_ended_leads_back_to_where_one_was(page: Page, expected_problems: list[str]) -> None:
    expected_problems.append("401")
    page.goto("/ask?mode=sql")
    sign_in(page)
    box = page.get_by_role("textbox", name="SQL-запрос")
    box.fill("SELECT count(*) AS n FROM crm.deals")
    page.context.clear_cookies(name="b24_session")
    box.press("Control+Enter")
    expect(page.locator(".toast")).to_contain_text("Сеанс закончился")
    expect(box).to_have_value("SELECT count(*) AS n FROM crm.deals")
    page.locator(".toast").get_by_role("button", name="Войти").click()
    sign_in(page)
    expect(page).to_have_url("/ask?mode=sql")


def test_a_wrong_password_is_said_politely(page: Page) -> None:
    page.goto("/sign-in?next=/schema")
    sign_in(page, "wrong")
    expect(page.get_by_role("alert")).to_have_text("Почта или пароль не подходят.")
    expect(page.get_by_label("Пароль")).to_have_value("")
    expect_no_barrier(page)
    sign_in(page)
    expect(page).to_have_url("/schema")


def test_an_error_or_an_address_from_elsewhere_does_no_harm(page: Page) -> None:
    page.goto("/sign-in?error=<img src=x onerror=window.hacked=1>&next=//evil.example/")
    expect(page.get_by_role("alert")).to_have_text("Войти не получилось. Повторите.")
    assert page.evaluate("window.hacked") is None
    assert page.locator("[name=next]").input_value() == "/"


def test_without_sign_in_nobody_needs_the_page(browser_page: Page) -> None:
    browser_page.goto("/sign-in")
    expect(browser_page.get_by_text("Вход не нужен")).to_be_visible()
    browser_page.get_by_role("link", name="Перейти к дашбордам").click()
    expect(browser_page).to_have_url("/")


def test_every_code_of_signing_in_has_words() -> None:
    source = inspect.getsource(supabase_module)
    codes = set(re.findall(r'ApiError\(\s*\d+,\s*"(\w+)"', source)) | {"email_not_confirmed", "user_banned"}
    assert "wrong_password" in codes
    for code in codes:
        assert {"ru", "en"} <= section("sign_in")[f"error_{code}"].keys()

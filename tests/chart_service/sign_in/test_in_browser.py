"""Signing in and out on the page, as a person does it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from chart_service.app import create_app
from tests.chart_service.browser import chromium, watched
from tests.chart_service.sign_in.supabase_server import (
    ANON_KEY,
    EMAIL,
    PASSWORD,
    SECRET,
    SupabaseServer,
    supabase_server,
)
from tests.conftest import PostgresServer
from tests.webhook_api.conftest import serving, settings_with


@pytest.fixture(scope="module")
def supabase() -> Iterator[SupabaseServer]:
    with supabase_server() as known:
        yield known


@pytest.fixture(scope="module")
def url(postgres: PostgresServer, migrated_template: str, supabase: SupabaseServer) -> Iterator[str]:
    name = f"b24_test_{os.getpid()}_sign_in"
    database = postgres.create(name, migrated_template)
    settings = settings_with(database, supabase_url=supabase.url, supabase_key=ANON_KEY, supabase_jwt_secret=SECRET)
    with serving(create_app(settings, database)) as address:
        yield address
    postgres.drop(name)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(base_url=url, locale="en")
    context.set_default_timeout(20_000)
    problems = watched(context)
    yield context.new_page()
    context.close()
    assert [problem for problem in problems if "401" not in problem] == []


def test_in_through_the_page_that_was_asked_for_and_out_again(page: Page, url: str, supabase: SupabaseServer) -> None:
    page.goto("/settings")
    assert "/sign-in" in page.url
    page.get_by_label("E-mail").fill(EMAIL)
    page.locator("input[type=password]").fill("wrong")
    page.locator("form button[type=submit]").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("E-mail").fill(EMAIL)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("form button[type=submit]").click()
    page.wait_for_url("**/settings")
    expect(page.locator(".account-name")).to_have_text(EMAIL)
    made = page.evaluate(
        """async () => {
          const described = JSON.parse(document.getElementById("page").textContent);
          const headers = { "Content-Type": "application/json", "X-CSRF-Token": described.csrf };
          const body = JSON.stringify({ title: "Mine" });
          return (await fetch("/api/v1/dashboards", { method: "POST", headers, body })).status;
        }"""
    )
    assert made == 201
    page.locator(".account button[type=submit]").click()
    page.wait_for_url("**/sign-in*")
    assert supabase.signed_out
    page.goto("/charts")
    assert "/sign-in" in page.url


def test_another_site_cannot_sign_a_person_in(browser: Browser, url: str) -> None:
    """A form in a page of another site: the browser sends it, and it is refused."""
    form = f"""<form method="post" action="{url}/sign-in"><input name="email" value="{EMAIL}">
        <input name="password" value="{PASSWORD}"></form><script>document.forms[0].submit()</script>"""
    context = browser.new_context()  # the refusal is in its console, so it is not among the watched
    page = context.new_page()
    page.route("http://elsewhere.localhost/", lambda route: route.fulfill(body=form, content_type="text/html"))
    with page.expect_response(lambda answer: answer.url.endswith("/sign-in")) as found:
        page.goto("http://elsewhere.localhost/", wait_until="commit")
    assert found.value.status == 403
    assert httpx.get(f"{url}/api/v1/dashboards", trust_env=False).status_code == 401
    assert context.cookies(url) == []
    context.close()

"""People who sign in with a browser: the cookie, what it may do, and what another site cannot do with it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from chart_service.app import create_app
from chart_service.sign_in.routes import local_path
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


@pytest.fixture
def supabase() -> Iterator[SupabaseServer]:
    with supabase_server() as known:
        yield known


@pytest.fixture
def browser(database: Database, supabase: SupabaseServer) -> Iterator[httpx.Client]:
    """A client that keeps cookies and follows nothing."""
    settings = settings_with(database, supabase_url=supabase.url, supabase_key=ANON_KEY, supabase_jwt_secret=SECRET)
    with (
        serving(create_app(settings, database)) as url,
        httpx.Client(base_url=url, timeout=30, trust_env=False) as http,
    ):
        yield http


@pytest.fixture
def rows(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with database.connect("test", autocommit=True) as connection:
        yield connection


def sign_in(browser: httpx.Client, **values: str) -> httpx.Response:
    form = {"email": EMAIL, "password": PASSWORD, **values}
    return browser.post("/sign-in", data=form, headers={"Origin": str(browser.base_url).rstrip("/")})


def csrf(rows: psycopg.Connection[Any]) -> dict[str, str]:
    [found] = rows.execute("SELECT csrf FROM app.sessions").fetchall()
    return {"X-CSRF-Token": found[0]}


def test_signed_in_and_out_again(
    browser: httpx.Client, rows: psycopg.Connection[Any], supabase: SupabaseServer
) -> None:
    assert browser.get("/api/v1/dashboards").status_code == 401
    answer = sign_in(browser, next="/dashboards/sales?a=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboards/sales?a=1")
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("b24_session=", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=2592000"))
    assert "Secure" not in cookie
    assert browser.get("/api/v1/dashboards").status_code == 200
    made = browser.post("/api/v1/dashboards", json={"title": "Mine"}, headers=csrf(rows))
    assert (made.status_code, made.json()["created_by"]) == (201, EMAIL)
    kept = browser.cookies["b24_session"]
    out = browser.post("/sign-out")
    assert (out.status_code, out.headers["Location"]) == (303, "/sign-in")
    assert "b24_session" not in browser.cookies
    assert len(supabase.signed_out) == 1
    browser.cookies["b24_session"] = kept
    assert browser.get("/api/v1/dashboards").status_code == 401


def test_the_database_alone_lets_nobody_in(browser: httpx.Client, rows: psycopg.Connection[Any]) -> None:
    sign_in(browser)
    cookie = browser.cookies["b24_session"]
    [kept] = rows.execute("SELECT to_jsonb(s)::text || convert_from(sealed, 'utf8') FROM app.sessions s").fetchall()
    assert cookie not in kept[0]
    assert "refresh 1" not in kept[0]
    assert "eyJ" not in kept[0]


def test_unsafe_requests_need_the_page_s_token_and_origin(browser: httpx.Client, rows: psycopg.Connection[Any]) -> None:
    sign_in(browser)
    good, own = csrf(rows), str(browser.base_url).rstrip("/")
    for headers, code in [
        ({}, "csrf"),
        ({"X-CSRF-Token": "guess"}, "csrf"),
        ({**good, "Origin": "https://evil.example"}, "other_origin"),
        ({**good, "Origin": "null"}, "other_origin"),
        ({**good, "Origin": "null", "Sec-Fetch-Site": "cross-site"}, "other_origin"),
        ({**good, "Sec-Fetch-Site": "cross-site"}, "other_origin"),
        ({**good, "Sec-Fetch-Site": "same-site"}, "other_origin"),
    ]:
        answer = browser.post("/api/v1/dashboards", json={"title": "Mine"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, code), headers
    for headers in ({**good, "Origin": own}, {**good, "Sec-Fetch-Site": "same-origin"}):
        assert browser.post("/api/v1/dashboards", json={"title": "Mine"}, headers=headers).status_code == 201
    evil = {"Origin": "https://evil.example"}
    assert browser.post("/sign-out", headers=evil).status_code == 403
    form = {"email": EMAIL, "password": PASSWORD}
    assert browser.post("/sign-in", data=form, headers=evil).status_code == 403
    assert browser.get("/api/v1/dashboards", headers=evil).status_code == 200


def test_a_session_s_tokens_are_replaced_once_for_all_who_ask_at_once(
    browser: httpx.Client, supabase: SupabaseServer
) -> None:
    supabase.seconds = 30  # about to end as soon as they are given
    sign_in(browser)
    supabase.seconds = 3600
    with ThreadPoolExecutor(6) as threads:
        statuses = list(threads.map(lambda _: browser.get("/api/v1/dashboards").status_code, range(6)))
    assert statuses == [200] * 6
    assert [path.rpartition("=")[2] for path, _ in supabase.heard] == ["password", "refresh_token"]


def test_a_session_that_supabase_ended_is_over(
    browser: httpx.Client, supabase: SupabaseServer, rows: psycopg.Connection[Any]
) -> None:
    supabase.seconds = 30
    sign_in(browser)
    supabase.failure = (400, {"error_code": "session_expired"})
    assert browser.get("/api/v1/dashboards").status_code == 401
    assert rows.execute("SELECT count(*) FROM app.sessions").fetchone() == (0,)


def test_a_session_outlives_a_time_in_which_supabase_is_away(browser: httpx.Client, supabase: SupabaseServer) -> None:
    supabase.seconds = 30
    sign_in(browser)
    supabase.failure = (500, {})
    answer = browser.get("/api/v1/dashboards")
    assert (answer.status_code, answer.json()["code"]) == (503, "sign_in_unavailable")
    supabase.failure = None
    assert browser.get("/api/v1/dashboards").status_code == 200


def test_sessions_end_by_themselves(browser: httpx.Client, rows: psycopg.Connection[Any]) -> None:
    sign_in(browser)
    rows.execute("UPDATE app.sessions SET expires_at = now() - interval '1 second'")
    assert browser.get("/api/v1/dashboards").status_code == 401


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (None, 401, "wrong_password"),
        ((400, {"error_code": "email_not_confirmed"}), 401, "email_not_confirmed"),
        ((400, {"error_code": "user_banned"}), 401, "user_banned"),
        ((429, {"error_code": "over_request_rate_limit"}), 429, "too_many_attempts"),
        ((401, {"message": "Invalid API key"}), 503, "sign_in_not_set_up"),
        ((500, {}), 503, "sign_in_unavailable"),
        ((200, {"hello": "world"}), 503, "sign_in_unavailable"),
    ],
)
def test_each_failure_has_its_own_words(
    browser: httpx.Client, supabase: SupabaseServer, failure: Any, status: int, code: str
) -> None:
    supabase.failure = failure
    form = {"email": EMAIL, "password": "wrong"}
    answer = browser.post("/sign-in", data=form, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "wrong" not in answer.json()["detail"].replace("Wrong", "")
    page = browser.post("/sign-in", data={**form, "next": "/ask"})
    assert (page.status_code, page.headers["Location"]) == (303, f"/sign-in?error={code}&next=%2Fask")
    assert "b24_session" not in browser.cookies


def test_without_supabase_the_form_says_what_to_set(database: Database) -> None:
    with serving(create_app(settings_with(database, supabase_jwt_secret=SECRET), database)) as url:
        answer = httpx.post(
            f"{url}/sign-in", data={"email": EMAIL, "password": PASSWORD}, headers={"Accept": "application/json"}
        )
    assert (answer.status_code, answer.json()["code"]) == (503, "sign_in_not_set_up")
    assert "SUPABASE_URL" in answer.json()["detail"]


def test_behind_https_the_cookie_stays_there(database: Database, supabase: SupabaseServer) -> None:
    settings = settings_with(
        database,
        supabase_url=supabase.url,
        supabase_key=ANON_KEY,
        supabase_jwt_secret=SECRET,
        chart_public_url="https://charts.example.com",
    )
    with serving(create_app(settings, database)) as url, httpx.Client(base_url=url, trust_env=False) as http:
        form = {"email": EMAIL, "password": PASSWORD}
        answer = http.post("/sign-in", data=form, headers={"Origin": "https://charts.example.com"})
        assert answer.status_code == 303
        assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/", "/"),
        ("/dashboards/7?x=1#y", "/dashboards/7?x=1#y"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("\\\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("evil", "/"),
        ("/a\nb", "/"),
        ("", "/"),
    ],
)
def test_nobody_is_sent_on_to_another_site(text: str, path: str) -> None:
    assert local_path(text) == path


def test_without_sign_in_pages_of_other_sites_do_nothing(database: Database) -> None:
    with serving(create_app(settings_with(database, allow_anonymous=True), database)) as url:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = httpx.post(f"{url}/api/v1/dashboards", json={"title": "Mine"}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "other_origin")
        assert httpx.post(f"{url}/api/v1/dashboards", json={"title": "Mine"}).status_code == 201

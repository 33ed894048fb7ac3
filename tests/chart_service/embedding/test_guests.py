"""What a guest sees: the dashboard of their token, the rows of their rules, and nothing else."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from chart_service.app import ROUTERS, create_app
from tests.chart_service.embedding.conftest import PERSON, embed, embed_settings, guest, host_signed, log_in
from tests.conftest import PostgresServer
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from warehouse.settings import Settings


@pytest.fixture(scope="module")
def guests_warehouse(postgres: PostgresServer, loaded_template: str) -> Iterator[Database]:
    """One warehouse for all tests here: each sets up the embeds that it is about."""
    name = f"b24_test_{os.getpid()}_guests"
    yield postgres.create(name, loaded_template)
    postgres.drop(name)


@pytest.fixture(scope="module")
def owner(guests_warehouse: Database) -> Iterator[psycopg.Connection[Any]]:
    with guests_warehouse.connect("test", autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def api(guests_warehouse: Database) -> Iterator[httpx.Client]:
    """The service on data, called by nobody in particular; sign-in is on."""
    with (
        serving(create_app(embed_settings(guests_warehouse), guests_warehouse)) as url,
        httpx.Client(base_url=url, timeout=30, trust_env=False) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def sales(api: httpx.Client) -> dict[str, Any]:
    """The dashboard that comes with the service."""
    api.get("/api/v1/dashboards", headers=PERSON)
    body: dict[str, Any] = api.get("/api/v1/dashboards/sales", params={"lang": "en"}, headers=PERSON).json()
    return body


def chart_url(body: dict[str, Any], key: str) -> str:
    chart = next(item["chart_id"] for item in body["items"] if item["id"] == key)
    return f"/api/v1/dashboards/{body['id']}/charts/{chart}"


def rows(api: httpx.Client, url: str, headers: dict[str, str], **body: Any) -> list[list[Any]]:
    answer = api.post(f"{url}/data", json={"lang": "en", **body}, headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[list[Any]] = answer.json()["rows"]
    return found


def managers(owner: psycopg.Connection[Any]) -> list[tuple[int, str]]:
    """Two managers who won deals."""
    return owner.execute(
        """SELECT assigned_by_id, assigned_by_name FROM crm.deals
           WHERE is_won AND closed_at >= current_date - interval '12 months'
           GROUP BY 1, 2 ORDER BY count(*) DESC LIMIT 2"""
    ).fetchall()


def test_a_guest_sees_the_rows_of_the_token_s_rules(
    api: httpx.Client, sales: dict[str, Any], owner: psycopg.Connection[Any]
) -> None:
    uuid = embed(api, sales["id"])
    url = chart_url(sales, "by_manager")
    everybody = rows(api, url, guest(api, uuid))
    assert len(everybody) > 2
    for number, name in managers(owner):
        found = rows(api, url, guest(api, uuid, {"clause": f"assigned_by_id = {number}"}))
        assert [row[0] for row in found] == [name]
        assert found[0] in everybody
        # A filter narrows what the rule leaves, and never widens it.
        other = {"columns": [{"column": "assigned_by_id", "op": "not_in", "values": [number]}]}
        assert rows(api, url, guest(api, uuid, {"clause": f"assigned_by_id = {number}"}), filters=other) == []


def test_all_rules_hold_and_each_for_its_view(
    api: httpx.Client, sales: dict[str, Any], owner: psycopg.Connection[Any]
) -> None:
    uuid = embed(api, sales["id"])
    url = chart_url(sales, "by_manager")
    (one, name), (two, other) = managers(owner)
    either = {"clause": f"assigned_by_id = {one} OR assigned_by_id = {two}"}
    assert {row[0] for row in rows(api, url, guest(api, uuid, either))} == {name, other}
    only = {"clause": f"assigned_by_id = {one}", "dataset": 1}
    assert {row[0] for row in rows(api, url, guest(api, uuid, either, only))} == {name}
    leads_only = {"clause": "false", "dataset": "leads"}
    assert {row[0] for row in rows(api, url, guest(api, uuid, either, leads_only))} == {name, other}
    assert rows(api, url, guest(api, uuid, {"clause": "false", "dataset": "crm.deals"})) == []


def test_a_view_without_the_rule_s_columns_shows_nothing(
    api: httpx.Client, sales: dict[str, Any], owner: psycopg.Connection[Any]
) -> None:
    uuid = embed(api, sales["id"])
    rule = {"clause": "utm_source = 'nobody has this'"}
    for key in ("by_manager", "funnel", "lost_after", "stuck", "won_by_month"):
        assert rows(api, chart_url(sales, key), guest(api, uuid, rule)) == [], key


def test_a_token_that_a_host_signed_itself_is_as_good(
    api: httpx.Client, sales: dict[str, Any], owner: psycopg.Connection[Any]
) -> None:
    uuid = embed(api, sales["id"])
    [(number, name), _] = managers(owner)
    claims = {"resources": [{"type": "dashboard", "id": uuid}], "iat": int(time.time())}
    good = host_signed(**claims, rls_rules=[{"clause": f"assigned_by_id = {number}"}])
    url = chart_url(sales, "by_manager")
    assert [row[0] for row in rows(api, url, {"X-GuestToken": good})] == [name]
    for rule, status in [
        ({"clause": "1 = 1) OR (1 = 1"}, 422),
        ({"clause": "pg_sleep(10) IS NULL"}, 422),
        ({"clause": "assigned_by_id IN (SELECT id FROM crm.users)"}, 422),
        ({"clause": "id = 1", "dataset": 99}, 403),
        ({"clause": "id = 1", "dataset": "app.secrets"}, 403),
    ]:
        header = {"X-GuestToken": host_signed(**claims, rls_rules=[rule])}
        answer = api.post(f"{url}/data", json={"lang": "en"}, headers=header)
        assert answer.status_code == status, (rule, answer.text)
        assert "pg_sleep" not in answer.text


def test_the_dashboard_is_told_without_sql(api: httpx.Client, sales: dict[str, Any]) -> None:
    uuid = embed(api, sales["id"])
    answer = api.get(f"/api/v1/embedded/{uuid}", params={"lang": "en"}, headers=guest(api, uuid))
    body = answer.json()
    assert body["dashboard"]["title"] == "Sales"
    assert {chart["sql"] for chart in body["dashboard"]["charts"].values()} == {None}
    assert {tuple(chart["template"]) for chart in body["dashboard"]["charts"].values()} == {("format",)}
    assert "SELECT" not in answer.text
    assert (body["allow_export"], body["allow_rows"]) == (True, False)


def test_rights_of_guests(api: httpx.Client, sales: dict[str, Any]) -> None:
    uuid = embed(api, sales["id"], allow_export=False)
    token = guest(api, uuid)
    url = chart_url(sales, "by_source")
    assert api.post(f"{url}/export.csv", json={}, headers=token).json()["code"] == "no_export"
    assert api.post(f"{url}/rows", json={}, headers=token).json()["code"] == "no_rows"
    embed(api, sales["id"], allow_rows=True)
    assert api.post(f"{url}/export.csv", json={}, headers=token).status_code == 200
    behind = api.post(f"{url}/rows", json={"lang": "en"}, headers=guest(api, uuid, {"clause": "id < 0"}))
    assert (behind.status_code, behind.json()["rows"]) == (200, [])


def test_what_a_guest_may_filter_by(api: httpx.Client, sales: dict[str, Any], owner: psycopg.Connection[Any]) -> None:
    uuid = embed(api, sales["id"])
    [(number, name), _] = managers(owner)
    token = guest(api, uuid, {"clause": f"assigned_by_id = {number}"})
    url = f"/api/v1/dashboards/{sales['id']}/filters"
    spec = api.get(url, params={"lang": "en"}, headers=token).json()
    assert spec["columns"] == []
    by_column = {one["column"]: one["values"] for one in spec["filters"]}
    assert [value["label"] for value in by_column["assigned_by_id"]] == [name]
    options = api.get(f"{url}/options", params={"column": "assigned_by_id"}, headers=token).json()
    assert [value["value"] for value in options["values"]] == [number]
    for column in ("deals.company_id", "users.email", "deals.title"):
        assert api.get(f"{url}/options", params={"column": column}, headers=token).status_code == 404
    # With filters of their own, guests reach only what rules leave.
    wide = {"columns": [{"column": "deals.company_id", "op": "not_null"}]}
    assert {row[0] for row in rows(api, chart_url(sales, "by_manager"), token, filters=wide)} <= {name}


def test_revoked_disabled_and_another_dashboard(api: httpx.Client, sales: dict[str, Any]) -> None:
    uuid = embed(api, sales["id"])
    token = guest(api, uuid)
    url = chart_url(sales, "by_source")
    assert len(rows(api, url, token)) > 0
    revoked = api.post(f"/api/v1/dashboard/{sales['id']}/embedded/revoke", headers=log_in(api))
    assert revoked.status_code == 200, revoked.text
    answer = api.post(f"{url}/data", json={}, headers=token)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
    token = guest(api, uuid)
    assert len(rows(api, url, token)) > 0
    leads = api.get("/api/v1/dashboards/leads", headers=PERSON).json()
    other = embed(api, leads["id"])
    elsewhere = chart_url(leads, "by_source")
    assert api.post(f"{elsewhere}/data", json={}, headers=token).json()["code"] == "not_in_token"
    assert api.get(f"/api/v1/embedded/{other}", headers=token).status_code == 403
    chart = elsewhere.rpartition("/")[2]
    assert api.post(f"/api/v1/dashboards/{sales['id']}/charts/{chart}/data", json={}, headers=token).status_code == 404
    assert api.delete(f"/api/v1/dashboard/{sales['id']}/embedded", headers=log_in(api)).status_code == 200
    assert api.post(f"{url}/data", json={}, headers=token).status_code == 403
    assert api.get(f"/api/v1/embedded/{uuid}", headers=token).status_code == 404


def test_locked_filters_of_a_link(api: httpx.Client, sales: dict[str, Any], owner: psycopg.Connection[Any]) -> None:
    [(number, name), (other, _)] = managers(owner)
    locked = {"columns": [{"column": "assigned_by_id", "op": "in", "values": [number]}]}
    link = api.post(f"/api/v1/dashboards/{sales['id']}/links", json={"filters": locked}, headers=PERSON).json()
    opened = api.post("/api/v1/shared/visit", json={"token": link["url"].rpartition("/")[2]}).json()
    token = {"X-GuestToken": opened["token"]}
    body = api.get("/api/v1/shared/dashboard", params={"lang": "en"}, headers=token).json()
    assert body["dashboard"]["id"] == sales["id"]
    url = chart_url(sales, "by_manager")
    assert [row[0] for row in rows(api, url, token)] == [name]
    wide = {"columns": [{"column": "assigned_by_id", "op": "in", "values": [other]}]}
    assert rows(api, url, token, filters=wide) == []
    answer = api.post(f"{url}/export.csv", json={"lang": "en"}, headers=token)
    assert len(answer.text.strip().splitlines()) == 2
    spec = api.get(f"/api/v1/dashboards/{sales['id']}/filters", headers=token).json()
    assert spec["locked"] == ["assigned_by_id"]
    assert "assigned_by_id" not in {one["column"] for one in spec["filters"]}
    bad = {"filters": {"columns": [{"column": "assigned_by_id", "op": "has", "values": []}]}}
    assert api.post(f"/api/v1/dashboards/{sales['id']}/links", json=bad, headers=PERSON).status_code == 422


def test_permalinks(api: httpx.Client, sales: dict[str, Any]) -> None:
    uuid = embed(api, sales["id"])
    token = guest(api, uuid)
    url = f"/api/v1/dashboards/{sales['id']}"
    state = {"filters": {"period": None, "columns": []}, "tab": "t1"}
    made = [api.post(f"{url}/permalink", json=state, headers=token).json() for _ in range(2)]
    assert made[0] == made[1]
    assert made[0]["url"] == f"{str(api.base_url).rstrip('/')}/embedded/{uuid}?permalink_key={made[0]['key']}"
    assert api.get(f"{url}/permalinks/{made[0]['key']}", headers=token).json() == state
    assert api.get(f"{url}/permalinks/gone", headers=token).status_code == 404
    own = api.post(f"{url}/permalink", json=state, headers=PERSON).json()["url"]
    assert f"/dashboards/{sales['id']}?" in own
    long = {"filters": {"columns": ["x" * 30_000]}}
    assert api.post(f"{url}/permalink", json=long, headers=token).status_code == 422


GUESTS_MAY = {
    ("GET", "/api/v1/embedded/{uuid}"),
    ("GET", "/api/v1/me/roles/"),
    ("GET", "/api/v1/dashboards/{dashboard_id}/filters"),
    ("GET", "/api/v1/dashboards/{dashboard_id}/filters/options"),
    ("GET", "/api/v1/dashboards/{dashboard_id}/permalinks/{key}"),
    ("POST", "/api/v1/dashboards/{dashboard_id}/permalink"),
    ("POST", "/api/v1/dashboards/{dashboard_id}/charts/{chart_id}/data"),
    ("POST", "/api/v1/dashboards/{dashboard_id}/charts/{chart_id}/export.{format}"),
}
EVERYBODY_MAY = {
    ("GET", "/health"),
    ("GET", "/embedded/{uuid}"),
    ("GET", "/shared/{token}"),
    ("GET", "/static/{tag}/{name:path}"),
    ("GET", "/favicon.ico"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("POST", "/sign-out"),
    ("POST", "/api/v1/security/login"),
    ("POST", "/api/v1/shared/visit"),
}
"""They need no token and tell nothing: pages without data, what one signs in with."""


def routes() -> Iterator[tuple[str, str]]:
    """Every method and path of the application."""
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            for method in route.methods:
                yield method, route.path


def test_no_route_but_these_answers_a_guest(api: httpx.Client, sales: dict[str, Any]) -> None:
    """Every route that there is, the ones that others add later too: a guest gets 401 or 403, or it is on the list."""
    uuid = embed(api, sales["id"])
    token = guest(api, uuid)
    values = {"dashboard_id": str(sales["id"]), "dashboard": str(sales["id"]), "uuid": uuid, "chart_id": "1"}
    found = set(routes())
    assert found | {("GET", "/sign-in")} >= GUESTS_MAY | EVERYBODY_MAY
    for method, path in sorted(found - EVERYBODY_MAY - GUESTS_MAY):
        url = re.sub(r"{(\w+)(:\w+)?}", lambda match: values.get(match.group(1), "1"), path)
        answer = api.request(method, url, json={} if method in ("POST", "PUT", "PATCH") else None, headers=token)
        assert answer.status_code in (401, 403), (method, path, answer.status_code, answer.text[:200])


def test_a_guest_of_this_machine_is_still_a_guest(
    serve: Callable[[Settings], httpx.Client], database: Database
) -> None:
    """Where nobody signs in, this machine may do everything; who says that they are a guest, may not."""
    api = serve(settings_with(database))
    number = api.post("/api/v1/dashboards", json={"title": "Mine"}).json()["id"]
    uuid = api.post(f"/api/v1/dashboard/{number}/embedded", json={}).json()["result"]["uuid"]
    body = {"resources": [{"type": "dashboard", "id": uuid}], "rls": []}
    token = {"X-GuestToken": api.post("/api/v1/security/guest_token/", json=body).json()["token"]}
    assert api.get(f"/api/v1/embedded/{uuid}", headers=token).status_code == 200
    for path in ("/api/v1/dashboards", "/api/v1/charts", f"/api/v1/dashboards/{number}", "/api/v1/freshness"):
        assert api.get(path, headers=token).json()["code"] == "guest", path


def test_the_frames_hold_no_data_and_say_who_may_show_them(api: httpx.Client, sales: dict[str, Any]) -> None:
    uuid = embed(api, sales["id"], allowed_domains=["https://host.example/app"])
    link = api.post(f"/api/v1/dashboards/{sales['id']}/links", json={}, headers=PERSON).json()["url"]
    page = api.get(f"/embedded/{uuid}?themeMode=dark&lang=en&uiConfig=3", headers={"Referer": "https://host.example/"})
    assert page.status_code == 200
    assert 'data-theme="dark"' in page.text
    assert '<html lang="en"' in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "frame-ancestors https://host.example" in policy
    assert "'unsafe-inline'" not in policy
    assert "X-Frame-Options" not in page.headers
    shared = api.get(link)
    for answer in (page, shared):
        assert "Sales" not in answer.text
        assert "Продажи" not in answer.text
        assert "SELECT" not in answer.text
    assert "frame-ancestors 'none'" not in shared.headers["Content-Security-Policy"]
    assert api.get(f"/embedded/{uuid}", headers={"Referer": "https://evil.example/"}).status_code == 403
    assert api.get(f"/embedded/{uuid}").status_code == 200  # hosts that send no Referer: the browser decides
    assert api.get("/embedded/00000000-0000-0000-0000-000000000000").status_code == 404
    assert api.get("/embedded/rubbish").status_code == 404
    assert api.get("/shared/rubbish").status_code == 410


def test_the_application_is_made_of_these_routers(guests_warehouse: Database) -> None:
    """Else the test above would miss a route."""
    app = create_app(embed_settings(guests_warehouse), guests_warehouse)
    assert isinstance(app, FastAPI)
    paths = {path for path, calls in app.openapi()["paths"].items() if calls}
    assert paths <= {path for _, path in routes()}

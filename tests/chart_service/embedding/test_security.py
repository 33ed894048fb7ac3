"""What backends of hosts call: the shapes are Superset's."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from chart_service.app import create_app
from chart_service.embedding.datasets import DATASETS
from tests.chart_service.embedding.conftest import (
    ACCOUNT,
    AUDIENCE,
    PERSON,
    SECRET,
    ask_token,
    dashboard_id,
    embed,
    embed_settings,
    guest,
    host_signed,
    log_in,
)
from tests.conftest import PostgresServer
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from warehouse.settings import Settings, SettingsError
from warehouse.views import VIEW_NAMES


def test_a_guest_token_has_superset_s_claims(api: httpx.Client) -> None:
    uuid = embed(api, dashboard_id(api))
    before = time.time()
    answer = ask_token(api, uuid, {"clause": "assigned_by_id = 5"}, {"dataset": 1, "clause": "category_id = 1"})
    assert list(answer.json()) == ["token"]
    claims = jwt.decode(answer.json()["token"], SECRET, ["HS256"], audience=AUDIENCE)
    assert claims["type"] == "guest"
    assert claims["user"] == {"username": "stan", "first_name": "Stan"}
    assert claims["resources"] == [{"type": "dashboard", "id": uuid}]
    assert claims["rls_rules"] == [{"clause": "assigned_by_id = 5"}, {"clause": "category_id = 1", "dataset": 1}]
    assert before <= claims["iat"] <= time.time()
    assert 299 <= claims["exp"] - claims["iat"] <= 301


def test_the_secret_is_made_once_where_none_is_set(
    serve: Callable[[Settings], httpx.Client],
    database: Database,
    rows: psycopg.Connection[Any],
) -> None:
    one, two = serve(settings_with(database)), serve(settings_with(database))
    number = one.post("/api/v1/dashboards", json={"title": "Mine"}).json()["id"]
    uuid = one.post(f"/api/v1/dashboard/{number}/embedded", json={}).json()["result"]["uuid"]
    body = {"resources": [{"type": "dashboard", "id": uuid}], "rls": []}
    tokens = [http.post("/api/v1/security/guest_token/", json=body).json()["token"] for http in (one, two)]
    [kept] = rows.execute("SELECT value FROM app.secrets WHERE name = 'embed_secret'").fetchone() or [""]
    for token in tokens:
        assert jwt.decode(token, kept, ["HS256"], audience=AUDIENCE)["type"] == "guest"


def test_short_secrets_are_refused(database: Database) -> None:
    with pytest.raises(SettingsError, match="EMBED_SECRET"):
        settings_with(database, embed_secret="short")


@pytest.mark.parametrize("path", ["/api/v1/security/guest_token/", "/api/v1/security/guest_token"])
def test_with_and_without_the_slash(api: httpx.Client, path: str) -> None:
    body = {"resources": [], "rls": []}
    assert api.post(path, json=body, headers=log_in(api)).status_code == 200
    assert api.post(path, json=body).status_code == 401


def test_bodies_that_are_refused_and_why(api: httpx.Client) -> None:
    uuid = embed(api, dashboard_id(api))
    for change, said in [
        ({"resources": None}, "resources"),
        ({"resources": [{"id": uuid}]}, "resources.0.type"),
        ({"resources": [{"type": "dashboard", "id": "00000000-0000-0000-0000-000000000000"}]}, "Enable it first"),
        ({"resources": [{"type": "chart", "id": uuid}]}, "chart"),
        ({"rls": [{"dataset": 1}]}, "rls.0.clause"),
        ({"rls": [{"clause": "id = 1", "dataset": 999}]}, "data set"),
        ({"rls": [{"clause": "id = 1", "dataset": "app.secrets"}]}, "data set"),
        ({"rls": [{"clause": "1 = 1) OR (1 = 1"}]}, "syntax"),
        ({"rls": [{"clause": "id IN (SELECT id FROM app.secrets)"}]}, ""),
        ({"rls": [{"clause": "pg_sleep(10) IS NULL"}]}, ""),
        ({"rls": [{"clause": "id = 1; DROP TABLE x"}]}, ""),
        ({"rls": [{"clause": ""}]}, ""),
        ({"user": "stan"}, "user"),
    ]:
        answer = ask_token(api, uuid, **change)
        assert answer.status_code == 400, (change, answer.text)
        assert said in answer.json()["message"], change
        assert answer.json()["message"] == answer.json()["detail"]
    lone = rb'{"resources": [], "rls": [{"clause": "title = \ud800"}]}'
    for body in (b"[]", b"1", b'"x"', b"null", lone):
        headers = {**log_in(api), "Content-Type": "application/json"}
        assert api.post("/api/v1/security/guest_token/", content=body, headers=headers).status_code == 400


def test_unknown_keys_are_ignored_and_a_dashboard_s_own_ids_will_do(api: httpx.Client) -> None:
    number = dashboard_id(api)
    embed(api, number)
    own = api.get(f"/api/v1/dashboards/{number}", headers=PERSON).json()["uuid"]
    for name in (number, str(number), own, own.upper()):
        assert ask_token(api, name, what="ever", user={}).status_code == 200


def test_the_service_account_and_its_limits(api: httpx.Client) -> None:
    answer = api.post("/api/v1/security/login", json={**ACCOUNT, "provider": "db", "refresh": True}).json()
    assert set(answer) == {"access_token", "refresh_token"}
    assert set(api.post("/api/v1/security/login", json=ACCOUNT).json()) == {"access_token"}
    access = {"Authorization": f"Bearer {answer['access_token']}"}
    refresh = {"Authorization": f"Bearer {answer['refresh_token']}"}
    assert api.get("/api/v1/security/csrf_token/", headers=access).json()["result"]
    assert api.get("/api/v1/dashboard/", headers=access).json()["count"] == 0
    renewed = api.post("/api/v1/security/refresh", headers=refresh).json()["access_token"]
    assert api.get("/api/v1/dashboard/", headers={"Authorization": f"Bearer {renewed}"}).status_code == 200
    # Neither kind of token does what the other does, and none opens what is for people.
    assert api.get("/api/v1/dashboard/", headers=refresh).status_code == 401
    assert api.post("/api/v1/security/refresh", headers=access).status_code == 401
    for path in ("/api/v1/dashboards", "/api/v1/freshness", f"/api/v1/dashboards/{dashboard_id(api)}/links"):
        assert api.get(path, headers=access).status_code == 401


def test_tokens_end_with_the_password(
    api: httpx.Client, serve: Callable[[Settings], httpx.Client], database: Database
) -> None:
    access = log_in(api)
    changed = serve(embed_settings(database, embed_password="another password"))
    assert changed.get("/api/v1/dashboard/", headers=access).status_code == 401


def test_wrong_passwords_get_slow_however_many_at_once(api: httpx.Client) -> None:
    def guess(number: int) -> httpx.Response:
        return api.post("/api/v1/security/login", json={**ACCOUNT, "password": f"guess {number}"})

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(guess, range(16)))
    tried = [answer for answer in answers if answer.status_code == 401]
    assert len(tried) <= 7  # five at once, and one or two after a second's pause
    slowed = [answer for answer in answers if answer.status_code == 429]
    assert len(slowed) == 16 - len(tried)
    assert int(slowed[-1].headers["Retry-After"]) >= 1
    assert "Wrong" in tried[0].json()["message"]
    assert api.post("/api/v1/security/login", json=ACCOUNT).status_code == 429


def test_without_an_account_nobody_logs_in(serve: Callable[[Settings], httpx.Client], database: Database) -> None:
    answer = serve(settings_with(database)).post("/api/v1/security/login", json={"username": "", "password": ""})
    assert answer.status_code == 401
    assert "EMBED_USERNAME" in answer.json()["message"]


def test_logins_of_another_shape(api: httpx.Client) -> None:
    for body in ({}, {"username": "x"}, {"username": 1, "password": 2}, [], "x"):
        answer = api.post("/api/v1/security/login", json=body)
        assert answer.status_code == 400
        assert answer.json()["message"]


def test_embedding_is_switched_on_changed_and_off(api: httpx.Client) -> None:
    number = dashboard_id(api)
    url = f"/api/v1/dashboard/{number}/embedded"
    caller = log_in(api)
    assert api.get(url, headers=caller).status_code == 404
    first = api.post(url, json={"allowed_domains": ["https://host.example/path/"]}, headers=caller).json()["result"]
    assert first["allowed_domains"] == ["https://host.example/path/"]
    assert (first["dashboard_id"], first["changed_by"]) == (str(number), "host")
    assert first["effective_origins"] == ["https://host.example"]
    second = api.put(url, json={"allowed_domains": [], "allow_rows": True}, headers=caller).json()["result"]
    assert (second["uuid"], second["allow_rows"], second["effective_origins"]) == (first["uuid"], True, [])
    assert api.get(url, headers=caller).json()["result"] == second
    assert api.delete(url, headers=caller).status_code == 200
    assert api.delete(url, headers=caller).status_code == 404
    assert api.get(url, headers=caller).json()["message"]
    again = api.post(url, json={}, headers=caller).json()["result"]
    assert again["uuid"] != first["uuid"]
    for domain in ("host.example", "javascript:alert(1)", "https://a b", "https://*", "https://x;script-src *", ""):
        assert api.post(url, json={"allowed_domains": [domain]}, headers=caller).status_code == 400, domain
    assert api.post("/api/v1/dashboard/987654/embedded", json={}, headers=caller).status_code == 404


def test_every_view_has_a_number(api: httpx.Client) -> None:
    assert set(DATASETS.values()) == VIEW_NAMES
    first = ["deals", "contacts", "leads", "companies", "statuses", "pipelines", "currencies", "users", "departments"]
    first += ["deal_stage_history", "lead_stage_history", "field_options"]
    assert [DATASETS[number] for number in range(1, 13)] == first, "hosts have these numbers written down"
    listed = api.get("/api/v1/dataset/", headers=log_in(api)).json()
    assert {row["id"]: row["table_name"] for row in listed["result"]} == DATASETS


def test_who_am_i(api: httpx.Client) -> None:
    uuid = embed(api, dashboard_id(api))
    answer = api.get("/api/v1/me/roles/", headers=guest(api, uuid))
    assert answer.json()["result"]["username"] == "stan"
    assert api.get("/api/v1/me/roles/").status_code == 401


@pytest.mark.parametrize(
    "token",
    [
        "rubbish",
        "a.b.c",
        host_signed(exp=1_700_000_100),
        host_signed(aud="other"),
        host_signed(type="access"),
        host_signed(rls_rules=None),
        host_signed(resources="all"),
        host_signed(user=None),
        host_signed(iat=4e9),
        jwt.encode({"type": "guest"}, SECRET, "HS256"),
        jwt.encode(jwt.decode(host_signed(), options={"verify_signature": False}), "w" * 40, "HS256"),
        jwt.encode(jwt.decode(host_signed(), options={"verify_signature": False}), SECRET * 2, "HS512"),
        jwt.encode(jwt.decode(host_signed(), options={"verify_signature": False}), None, "none"),
    ],
)
def test_tokens_that_open_nothing(token: str, token_api: httpx.Client) -> None:
    assert token_api.get("/api/v1/me/roles/", headers={"X-GuestToken": host_signed()}).status_code == 200
    assert token_api.get("/api/v1/me/roles/", headers={"X-GuestToken": token}).status_code == 401


@pytest.fixture(scope="module")
def token_api(postgres: PostgresServer, migrated_template: str) -> Iterator[httpx.Client]:
    """One service for many tokens."""
    database = postgres.create("b24_test_guest_tokens", migrated_template)
    with (
        serving(create_app(embed_settings(database), database)) as url,
        httpx.Client(base_url=url, trust_env=False) as http,
    ):
        yield http
    postgres.drop("b24_test_guest_tokens")

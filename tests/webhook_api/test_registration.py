"""Registering for events: by hand with a webhook, by itself with a local application."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from bitrix.events import EVENTS
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from webhook_api.app import create_app

BASE = "http://127.0.0.1:8080"
HANDLER = f"{BASE}/api/v1/webhooks/bitrix"
CLIENT = {"client_id": "local.1", "client_secret": "very-secret-indeed"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def portal() -> Iterator[PortalServer]:
    with PortalServer(Portal.generate(seed=3, deals=20), limits=False) as server:
        yield server


@pytest.fixture
def application(database: Database, portal: PortalServer, tmp_path: Path) -> Iterator[httpx.Client]:
    settings = settings_with(
        database,
        b24_home=tmp_path,
        bitrix_webhook_url=portal.webhook_url,
        bitrix_client_id=CLIENT["client_id"],
        bitrix_client_secret=CLIENT["client_secret"],
    )
    with (
        serving(create_app(settings, database)) as url,
        httpx.Client(base_url=url, timeout=30, trust_env=False) as http,
    ):
        yield http


def installation(auth: dict[str, str], event: str = "ONAPPINSTALL") -> bytes:
    pairs = {"event": event, "data[VERSION]": "1", **{f"auth[{name}]": value for name, value in auth.items()}}
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in pairs.items()).encode()


def install(http: httpx.Client, auth: dict[str, str]) -> httpx.Response:
    return http.post("/api/v1/webhooks/install", content=installation(auth), headers=FORM)


def register(http: httpx.Client, base: str = BASE) -> httpx.Response:
    return http.post("/api/v1/webhooks/register", params={"handler_base_url": base})


def test_with_a_webhook_only_the_answer_says_how_to_do_it_by_hand(api: httpx.Client) -> None:
    response = register(api, "https://sync.example.com/")
    assert response.status_code == 409
    detail = response.json()["detail"]
    assert "Outgoing webhook" in detail
    assert "https://sync.example.com/api/v1/webhooks/bitrix" in detail
    assert "ONCRMDEALUPDATE" in detail
    assert "ONCRMDEALMOVETOCATEGORY" not in detail  # no outgoing webhook can be set up for it
    api.post("/api/v1/webhooks/bitrix", content=b"event=ONCRMDEALADD&data[FIELDS][ID]=4", headers=FORM)
    seen = api.get("/api/v1/webhooks/registered").json()
    assert seen["count"] == 1
    assert (seen["webhooks"][0]["event"], seen["webhooks"][0]["accepted"]) == ("ONCRMDEALADD", 1)


def test_an_application_registers_by_itself(
    application: httpx.Client, portal: PortalServer, database: Database, tmp_path: Path
) -> None:
    assert register(application).json()["code"] == "not_installed"
    auth = portal.portal.oauth.install(**CLIENT)
    assert install(application, auth).json() == {"status": "installed", "domain": portal.portal.events.domain}
    done = register(application).json()
    assert (done["status"], done["handler_url"], done["failed"]) == ("completed", HANDLER, [])
    assert sorted(done["registered"]) == sorted(EVENTS)
    assert register(application).json()["failed"] == []  # a second time changes nothing
    listed = application.get("/api/v1/webhooks/registered").json()
    assert {item["event"] for item in listed["webhooks"] if item["handler"] == HANDLER} == set(EVENTS)
    event = b"event=ONCRMDEALADD&data[FIELDS][ID]=4&auth[application_token]="
    own = application.post("/api/v1/webhooks/bitrix", content=event + auth["application_token"].encode(), headers=FORM)
    assert own.json()["status"] == "accepted"
    assert application.post("/api/v1/webhooks/bitrix", content=event + b"x", headers=FORM).status_code == 403
    gone = application.delete("/api/v1/webhooks/unregister", params={"handler_base_url": BASE}).json()
    assert sorted(gone["registered"]) == sorted(EVENTS)
    with database.connect() as conn:
        [(secrets,)] = conn.execute("SELECT secrets FROM app.portal_application").fetchall()
    assert auth["application_token"].encode() not in bytes(secrets)
    assert (tmp_path / "encryption.key").stat().st_mode & 0o777 == 0o600


def test_tokens_are_renewed_when_they_expire(
    application: httpx.Client, portal: PortalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo_portal.oauth.EXPIRES_SECONDS", 1)  # within the margin: stale at once
    install(application, portal.portal.oauth.install(**CLIENT)).raise_for_status()
    assert register(application).json()["failed"] == []
    assert application.get("/api/v1/webhooks/registered").json()["count"] == len(EVENTS)


def test_tokens_that_the_portal_takes_back_are_renewed_once(application: httpx.Client, portal: PortalServer) -> None:
    install(application, portal.portal.oauth.install(**CLIENT)).raise_for_status()
    portal.portal.applications.clear()  # no access token is good any more, long before its time

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: register(application), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len(portal.portal.applications) == 1, "a refresh token works once: the callers must take turns"


def test_registering_costs_two_requests(application: httpx.Client, portal: PortalServer) -> None:
    install(application, portal.portal.oauth.install(**CLIENT)).raise_for_status()
    portal.reset_stats()
    assert register(application).json()["failed"] == []
    assert portal.requests == 2


def test_an_installation_that_cannot_be_checked_says_so(application: httpx.Client, portal: PortalServer) -> None:
    auth = portal.portal.oauth.install(**CLIENT)
    portal.stop()
    response = install(application, auth)
    assert (response.status_code, response.json()["code"]) == (502, "not_checked")
    assert auth["refresh_token"] not in response.text


def test_records_that_were_given_up_are_shown_with_the_reason(api: httpx.Client, database: Database) -> None:
    for number in (4, 5):
        body = f"event=ONCRMDEALADD&data[FIELDS][ID]={number}".encode()
        api.post("/api/v1/webhooks/bitrix", content=body, headers=FORM).raise_for_status()
    with database.connect(autocommit=True) as conn:
        conn.execute("UPDATE app.webhook_events SET status = 'dead', error = 'no rights' WHERE row_id = 5")
    seen = api.get("/api/v1/webhooks/registered").json()
    assert seen["queue"] == {"waiting": 1, "given_up": 1}
    [given_up] = seen["given_up"]
    assert (given_up["entity_type"], given_up["entity_id"], given_up["error"]) == ("deal", "5", "no rights")


def test_an_installation_is_believed_only_with_our_secret(application: httpx.Client, portal: PortalServer) -> None:
    foreign = portal.portal.oauth.install("local.9", "another")
    response = install(application, foreign)
    assert (response.status_code, response.json()["code"]) == (403, "not_our_application")
    auth = portal.portal.oauth.install(**CLIENT)
    stolen = {"domain": "evil.example", "client_endpoint": "https://evil.example/rest/"}
    assert install(application, {**auth, **stolen}).json()["code"] == "wrong_portal"
    assert install(application, {**auth, "client_endpoint": "http://evil.example/rest/"}).status_code == 400
    assert install(application, {**auth, "refresh_token": ""}).status_code == 400
    other = application.post("/api/v1/webhooks/install", content=installation(auth, "ONCRMDEALADD"), headers=FORM)
    assert other.status_code == 400
    assert "very-secret-indeed" not in other.text + response.text


@pytest.mark.parametrize("base", ["http://sync.example.com", "ftp://x", "https://", "https://x?y=1", "https://u:p@x"])
def test_handler_addresses_that_cannot_work_are_refused(api: httpx.Client, base: str) -> None:
    assert register(api, base).json()["code"] == "wrong_address"

"""The handler of the portal's events: what it takes, what it refuses, and that it never loses what it took."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from bitrix.events import EVENTS, RECORD_EVENTS
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from warehouse.sync_config import write_config
from webhook_api.app import create_app
from webhook_api.webhooks import FAILURES, FailureLimit, failure_limit

HANDLER = "/api/v1/webhooks/bitrix"
TOKEN = "51856fefc120afa4b628cc82d3935cce"


def form(event: str = "ONCRMDEALUPDATE", row_id: object = 759, token: str = TOKEN, *, encoded: bool = True) -> bytes:
    pairs = {
        "event": event,
        "event_handler_id": "201",
        "data[FIELDS][ID]": str(row_id),
        "ts": "1736405807",
        "auth[domain]": "x.bitrix24.ru",
        "auth[application_token]": token,
    }
    key = quote if encoded else str
    return "&".join(f"{key(name)}={quote(value)}" for name, value in pairs.items()).encode()


def post(http: httpx.Client, content: bytes, kind: str = "application/x-www-form-urlencoded") -> httpx.Response:
    return http.post(HANDLER, content=content, headers={"Content-Type": kind})


def queue(database: Database) -> list[tuple[Any, ...]]:
    with database.connect() as conn:
        return conn.execute("SELECT entity, row_id, version, status FROM app.webhook_events ORDER BY 1, 2").fetchall()


@pytest.fixture
def guarded(database: Database) -> Iterator[httpx.Client]:
    app = create_app(settings_with(database, bitrix_application_token=TOKEN), database)
    limit = FailureLimit()
    app.dependency_overrides[failure_limit] = lambda: limit
    with serving(app) as url, httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
        yield http


@pytest.mark.parametrize("encoded", [True, False])
def test_an_event_is_stored_before_it_is_acknowledged(guarded: httpx.Client, database: Database, encoded: bool) -> None:
    response = post(guarded, form(encoded=encoded))
    assert response.json() == {"status": "accepted", "event": "ONCRMDEALUPDATE", "entity_id": "759"}
    assert queue(database) == [("deal", 759, 1, "pending")]


def test_json_is_taken_too(guarded: httpx.Client, database: Database) -> None:
    body = {"event": "ONCRMLEADADD", "data": {"FIELDS": {"ID": 5}}, "auth": {"application_token": TOKEN}}
    assert guarded.post(HANDLER, json=body).json()["status"] == "accepted"
    assert queue(database) == [("lead", 5, 1, "pending")]


def test_every_event_that_is_heeded_reaches_its_entity(guarded: httpx.Client, database: Database) -> None:
    for event in EVENTS:
        assert post(guarded, form(event)).json()["status"] == "accepted"
    found = {(entity, row_id): version for entity, row_id, version, _ in queue(database)}
    assert found[("deal", 759)] == sum(entity == "deal" for entity in RECORD_EVENTS.values())
    assert found[("company", 0)] == 4  # its user-field events: the field list is read again


def test_events_of_one_record_are_one_row(guarded: httpx.Client, database: Database) -> None:
    for _ in range(5):
        post(guarded, form())
    assert queue(database) == [("deal", 759, 5, "pending")]


def test_other_events_are_ignored(guarded: httpx.Client, database: Database) -> None:
    assert post(guarded, form("ONTASKADD")).json() == {"status": "ignored", "event": "ONTASKADD", "entity_id": None}
    assert queue(database) == []


def test_switched_off_events_are_acknowledged_and_dropped(guarded: httpx.Client, database: Database) -> None:
    with database.connect() as conn:
        write_config(conn, "deal", 30, webhook_enabled=False)
    assert post(guarded, form()).json()["status"] == "ignored"
    assert queue(database) == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"hello", "application/x-www-form-urlencoded"),
        (b"event=ONCRMDEALUPDATE", "application/x-www-form-urlencoded"),
        (form(row_id="undefined"), "application/x-www-form-urlencoded"),
        (form(row_id="-1"), "application/x-www-form-urlencoded"),
        (form(row_id="99999999999999999999"), "application/x-www-form-urlencoded"),
        (b"event=%FF&data[FIELDS][ID]=1", "application/x-www-form-urlencoded"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"<xml/>", "text/xml"),
    ],
)
def test_what_is_no_event_is_refused(guarded: httpx.Client, database: Database, content: bytes, kind: str) -> None:
    response = post(guarded, content, kind)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_event")
    assert queue(database) == []


@pytest.mark.parametrize("token", ["", "wrong", TOKEN.upper(), TOKEN + "0", "токен"])
def test_a_wrong_token_is_refused(guarded: httpx.Client, database: Database, token: str) -> None:
    assert post(guarded, form(token=token)).status_code == 403
    assert queue(database) == []


def test_guessing_tokens_ends_soon(guarded: httpx.Client) -> None:
    statuses = [post(guarded, form(token=f"guess {number}")).status_code for number in range(FAILURES + 1)]
    assert statuses == [403] * FAILURES + [429]
    assert post(guarded, form()).status_code == 200, "the portal may share its proxy's address with whoever guesses"


def test_without_a_token_only_this_machine_is_heard(api: httpx.Client) -> None:
    assert post(api, form(token="anything")).status_code == 200
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": "203.0.113.7"}
    response = api.post(HANDLER, content=form(), headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "token_not_configured")


def test_what_cannot_be_stored_is_not_acknowledged() -> None:
    away = Database("postgresql://nobody:nothing@127.0.0.1:9/none")
    app = create_app(settings_with(away), away)
    with serving(app) as url, httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
        response = post(http, form())
    assert (response.status_code, response.json()["code"]) == (503, "event_not_stored")
    assert response.headers["retry-after"]


def test_a_connection_that_was_cut_costs_no_event(guarded: httpx.Client, database: Database) -> None:
    assert post(guarded, form(row_id=1)).status_code == 200
    with database.connect(autocommit=True) as conn:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'b24 events'"
        assert conn.execute(cut).fetchall() == [(True,)]
    assert post(guarded, form(row_id=2)).status_code == 200
    assert [row[1] for row in queue(database)] == [1, 2]


def test_an_event_that_cannot_be_stored_does_not_hold_up_the_next(
    guarded: httpx.Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, database.connect() as conn:
        patched.setattr("webhook_api.event_store.STORE_SECONDS", 0.3)
        conn.execute("LOCK TABLE app.webhook_events")
        assert post(guarded, form()).status_code == 503
    assert post(guarded, form()).status_code == 200
    assert queue(database) == [("deal", 759, 1, "pending")]


def test_a_burst_is_stored_whole(guarded: httpx.Client, database: Database) -> None:
    async def burst() -> list[int]:
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(base_url=guarded.base_url, limits=limits, timeout=60, trust_env=False) as http:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            calls = [
                http.post(HANDLER, content=form(row_id=1 + number % 300), headers=headers) for number in range(1000)
            ]
            return [response.status_code for response in await asyncio.gather(*calls)]

    assert set(asyncio.run(burst())) == {200}
    rows = queue(database)
    assert len(rows) == 300
    assert sum(version for _, _, version, _ in rows) == 1000

"""Links that show one dashboard: signed, until a day, revocable, perhaps behind a password."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import psycopg

from tests.chart_service.embedding.conftest import PERSON, dashboard_id


def made(api: httpx.Client, number: int, **values: Any) -> dict[str, Any]:
    answer = api.post(f"/api/v1/dashboards/{number}/links", json=values, headers=PERSON)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def visit(api: httpx.Client, link: dict[str, Any], password: str | None = None) -> httpx.Response:
    token = link["url"].rpartition("/shared/")[2]
    return api.post("/api/v1/shared/visit", json={"token": token, "password": password})


def test_a_link_until_it_is_revoked(api: httpx.Client) -> None:
    number = dashboard_id(api)
    link = made(api, number, label="Board", filters={"columns": []})
    assert link["url"].startswith(str(api.base_url))
    assert f'src="{link["url"]}"' in link["snippet"]
    assert timedelta(days=29) < datetime.fromisoformat(link["expires_at"]) - datetime.now(UTC) < timedelta(days=31)
    url = f"/api/v1/dashboards/{number}/links"
    assert api.get(url, headers=PERSON).json()["items"] == [link]
    opened = visit(api, link)
    assert (opened.status_code, opened.json()["dashboard_id"]) == (200, number)
    guest = {"X-GuestToken": opened.json()["token"]}
    assert api.get("/api/v1/me/roles/", headers=guest).status_code == 200
    assert api.delete(f"{url}/{link['id']}", headers=PERSON).status_code == 204
    assert api.get("/api/v1/me/roles/", headers=guest).status_code == 401
    assert visit(api, link).status_code == 410
    assert api.get(url, headers=PERSON).json()["items"] == []
    assert api.delete(f"{url}/{link['id']}", headers=PERSON).status_code == 404


def test_a_link_ends(api: httpx.Client, rows: psycopg.Connection[Any]) -> None:
    number = dashboard_id(api)
    for days in (-1, 4000):
        moment = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        answer = api.post(f"/api/v1/dashboards/{number}/links", json={"expires_at": moment}, headers=PERSON)
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_expiry")
    link = made(api, number)
    rows.execute("UPDATE app.share_links SET expires_at = now() - interval '1 second'")
    assert (visit(api, link).status_code, visit(api, link).json()["code"]) == (410, "link_gone")


def test_nothing_but_our_signature_opens(api: httpx.Client) -> None:
    link = made(api, dashboard_id(api))
    token = link["url"].rpartition("/shared/")[2]
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = [jwt.encode(claims, "w" * 40, "HS256"), token[:-2], token + "x", "", "x" * 3000, link["id"]]
    for text in forged:
        assert api.post("/api/v1/shared/visit", json={"token": text}).status_code == 410
    # What opens the page is not what the page sends.
    assert api.get("/api/v1/me/roles/", headers={"X-GuestToken": token}).status_code == 401
    assert api.post("/api/v1/shared/visit", json={"token": visit(api, link).json()["token"]}).status_code == 410


def test_a_password_and_guesses(api: httpx.Client, rows: psycopg.Connection[Any]) -> None:
    link = made(api, dashboard_id(api), password="correct horse")
    assert link["has_password"]
    assert (visit(api, link).status_code, visit(api, link).json()["code"]) == (401, "password_needed")
    assert visit(api, link, "correct horse").status_code == 200
    guesses = [visit(api, link, f"guess {number}").status_code for number in range(7)]
    assert guesses[:5] == [401] * 5
    assert 429 in guesses[5:]
    blocked = visit(api, link, "correct horse")
    assert blocked.status_code == 429
    rows.execute("UPDATE app.attempts SET last_at = last_at - interval '1 hour'")
    assert visit(api, link, "correct horse").status_code == 200
    assert rows.execute("SELECT count(*) FROM app.attempts").fetchone() == (0,)
    kept = rows.execute("SELECT password_hash FROM app.share_links").fetchone()
    assert kept is not None
    assert "correct" not in kept[0]


def test_links_are_for_people_to_make(api: httpx.Client) -> None:
    number = dashboard_id(api)
    opened = visit(api, made(api, number)).json()["token"]
    url = f"/api/v1/dashboards/{number}/links"
    assert api.get(url).status_code == 401
    assert api.get(url, headers={"X-GuestToken": opened}).status_code == 403
    assert api.post(url, json={}, headers={"X-GuestToken": opened, **PERSON}).status_code == 403
    assert api.post("/api/v1/dashboards/987654/links", json={}, headers=PERSON).status_code == 404
    short = api.post(url, json={"password": "short"}, headers=PERSON)
    assert (short.status_code, short.json()["errors"][0]["field"]) == (422, "body.password")

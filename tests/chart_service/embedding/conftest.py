"""A service that hosts may embed dashboards of, and the tokens that they get."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import jwt
import psycopg
import pytest

from chart_service.app import create_app
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from warehouse.settings import Settings

SECRET = "the secret that host and service share"
ACCOUNT = {"username": "host", "password": "a long password of the host"}
JWT_SECRET = "s" * 40
AUDIENCE = "b24-charts"


def user_token(**changes: Any) -> str:
    """The access token of a person who signed in."""
    claims = {"sub": "7", "email": "ann@example.com", "aud": "authenticated", "role": "authenticated", "exp": 4e9}
    return jwt.encode(claims | changes, JWT_SECRET, "HS256")


PERSON = {"Authorization": f"Bearer {user_token()}"}


def embed_settings(database: Database, **values: Any) -> Settings:
    """Sign-in is on, so that nobody gets in for being on this machine."""
    account = {"embed_username": ACCOUNT["username"], "embed_password": ACCOUNT["password"]}
    return settings_with(database, **{"supabase_jwt_secret": JWT_SECRET, "embed_secret": SECRET, **account, **values})


@pytest.fixture
def serve(database: Database) -> Iterator[Callable[[Settings], httpx.Client]]:
    """Start the service on a database without data; answers a client of it."""
    with ExitStack() as stack:

        def start(settings: Settings) -> httpx.Client:
            url = stack.enter_context(serving(create_app(settings, database)))
            return stack.enter_context(httpx.Client(base_url=url, timeout=30, trust_env=False))

        yield start


@pytest.fixture
def api(serve: Callable[[Settings], httpx.Client], database: Database) -> httpx.Client:
    """The service, called by nobody in particular."""
    return serve(embed_settings(database))


@pytest.fixture
def rows(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection to the service's own tables."""
    with database.connect("test", autocommit=True) as connection:
        yield connection


def log_in(api: httpx.Client) -> dict[str, str]:
    """The header of the host's backend."""
    answer = api.post("/api/v1/security/login", json={**ACCOUNT, "provider": "db", "refresh": True})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def dashboard_id(api: httpx.Client) -> int:
    """A new dashboard, with nothing on it."""
    answer = api.post("/api/v1/dashboards", json={"title": "Mine"}, headers=PERSON)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def embed(api: httpx.Client, number: int, **values: Any) -> str:
    """Let it be embedded; answers the uuid."""
    body = {"allowed_domains": ["https://host.example"], **values}
    answer = api.post(f"/api/v1/dashboard/{number}/embedded", json=body, headers=PERSON)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["result"]["uuid"])


def ask_token(api: httpx.Client, uuid: object, *rules: dict[str, Any], **values: Any) -> httpx.Response:
    """What the host's backend sends for a viewer."""
    body = {
        "user": {"username": "stan", "first_name": "Stan", "attributes": {"team": 5}},
        "resources": [{"type": "dashboard", "id": uuid}],
        "rls": list(rules),
        **values,
    }
    return api.post("/api/v1/security/guest_token/", json=body, headers=log_in(api))


def guest(api: httpx.Client, uuid: object, *rules: dict[str, Any]) -> dict[str, str]:
    """The header of a viewer."""
    answer = ask_token(api, uuid, *rules)
    assert answer.status_code == 200, answer.text
    return {"X-GuestToken": answer.json()["token"]}


def host_signed(**changes: Any) -> str:
    """A token that a host signed by itself."""
    now = 1_700_000_000
    claims = {"user": {"username": "x"}, "resources": [], "rls_rules": [], "iat": now, "exp": 4e9, "aud": AUDIENCE}
    return jwt.encode({**claims, "type": "guest", **changes}, SECRET, "HS256")

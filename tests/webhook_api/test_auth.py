"""Who gets in: each way to sign a token, and each way to forge one."""

from __future__ import annotations

import base64
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from warehouse.settings import SettingsError
from webhook_api.app import create_app
from webhook_api.serving import check_host

SECRET = "s" * 40


def claims(**changes: Any) -> dict[str, Any]:
    return {"sub": "user", "aud": "authenticated", "role": "authenticated", "exp": time.time() + 3600} | changes


def call(url: str, token: str | None, **headers: str) -> httpx.Response:
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.get(f"{url}/api/v1/sync/config", headers=headers, trust_env=False, timeout=20)


@pytest.fixture
def secured(database: Database) -> Iterator[str]:
    with serving(create_app(settings_with(database, supabase_jwt_secret=SECRET), database)) as url:
        yield url


def test_a_signed_in_user_gets_in(secured: str) -> None:
    assert call(secured, jwt.encode(claims(), SECRET, "HS256")).status_code == 200
    assert httpx.get(f"{secured}/health", trust_env=False).json()["auth"] == "supabase"


def unsigned(payload: dict[str, Any]) -> str:
    parts = [{"alg": "none", "typ": "JWT"}, payload]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


def signed_hs256(payload: dict[str, Any], key: bytes, key_id: str) -> str:
    parts = [{"alg": "HS256", "typ": "JWT", "kid": key_id}, payload]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(key, text.encode(), "sha256")).rstrip(b"=").decode()
    return f"{text}.{signature}"


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        (None, 401, "not_signed_in"),
        ("rubbish", 401, "invalid_token"),
        (unsigned(claims()), 401, "invalid_token"),
        (jwt.encode(claims(), "w" * 40, "HS256"), 401, "invalid_token"),
        (jwt.encode(claims(), SECRET + SECRET, "HS512"), 401, "invalid_token"),
        (jwt.encode(claims(exp=time.time() - 60), SECRET, "HS256"), 401, "token_expired"),
        (jwt.encode(claims(aud="other"), SECRET, "HS256"), 401, "wrong_audience"),
        (jwt.encode({"sub": "user", "aud": "authenticated"}, SECRET, "HS256"), 401, "invalid_token"),
        (jwt.encode(claims(role="anon"), SECRET, "HS256"), 403, "anonymous"),
    ],
)
def test_nobody_else_does(secured: str, token: str | None, status: int, code: str) -> None:
    response = call(secured, token)
    assert (response.status_code, response.json()["code"]) == (status, code)
    if status == 401:
        assert response.headers["www-authenticate"] == "Bearer"


@contextmanager
def project(keys: dict[str, Any]) -> Iterator[str]:
    """A Supabase project's key endpoint; ``keys`` may be changed while it answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(keys).encode()
            self.send_response(200 if self.path == "/auth/v1/.well-known/jwks.json" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def published(key: ec.EllipticCurvePrivateKey, key_id: str) -> dict[str, Any]:
    jwk: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**jwk, "kid": key_id, "alg": "ES256", "use": "sig"}


def test_keys_of_the_project_are_followed_when_they_rotate(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webhook_api.auth.REFETCH_SECONDS", 0.0)
    old, new, foreign = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    keys = {"keys": [published(old, "old")]}

    def token(key: Any, key_id: str, algorithm: str = "ES256", **changes: Any) -> str:
        body = claims(iss=f"{address}/auth/v1") | changes
        return jwt.encode(body, key, algorithm, headers={"kid": key_id})

    with project(keys) as address:
        settings = settings_with(database, supabase_url=address)
        with serving(create_app(settings, database)) as url:
            assert call(url, token(old, "old")).status_code == 200
            assert call(url, token(new, "new")).status_code == 401
            keys["keys"] = [published(new, "new")]
            assert call(url, token(new, "new")).status_code == 200
            assert call(url, token(old, "old")).status_code == 401
            assert call(url, token(foreign, "new")).status_code == 401
            assert call(url, token(new, "new", iss="https://elsewhere/auth/v1")).status_code == 401
            public = new.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            # Signed, as if symmetric, with what everybody knows; the library refuses to make such a token.
            assert call(url, signed_hs256(claims(iss=f"{address}/auth/v1"), public, "new")).status_code == 401


def test_keys_that_cannot_be_had_are_no_reason_to_let_anybody_in(database: Database) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    settings = settings_with(database, supabase_url="http://127.0.0.1:9")
    with serving(create_app(settings, database)) as url:
        response = call(url, jwt.encode(claims(), key, "ES256", headers={"kid": "k"}))
    assert (response.status_code, response.json()["code"]) == (503, "keys_unavailable")


def test_without_sign_in_only_programs_of_this_machine_get_in(api: httpx.Client) -> None:
    url = str(api.base_url).rstrip("/")
    assert call(url, None).status_code == 200
    assert call(url, None, Host="evil.example").json()["code"] == "local_only"
    assert call(url, None, Origin="https://evil.example").json()["code"] == "local_only"
    assert call(url, None, Origin="http://localhost:3000").status_code == 200


def test_without_sign_in_it_refuses_to_listen_wider(database: Database) -> None:
    check_host(settings_with(database), "127.0.0.1")
    check_host(settings_with(database, allow_anonymous=True), "0.0.0.0")  # noqa: S104
    check_host(settings_with(database, supabase_jwt_secret=SECRET), "0.0.0.0")  # noqa: S104
    with pytest.raises(SettingsError, match="ALLOW_ANONYMOUS"):
        check_host(settings_with(database), "0.0.0.0")  # noqa: S104


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "[::1"},
        {"Host": "a:b:c"},
        {"Origin": "http://[::1"},
        {"Origin": "null"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "crm.example"},
        {"Forwarded": "for=203.0.113.9"},
    ],
)
def test_a_proxy_or_a_page_of_another_site_is_not_this_machine(api: httpx.Client, headers: dict[str, str]) -> None:
    response = call(str(api.base_url).rstrip("/"), None, **headers)
    assert (response.status_code, response.json()["code"]) == (403, "local_only")


@pytest.mark.parametrize("changes", [{"is_anonymous": True}, {"role": "service_role"}, {"role": None}])
def test_tokens_that_no_person_signed_in_for_are_refused(secured: str, changes: dict[str, Any]) -> None:
    response = call(secured, jwt.encode(claims(**changes), SECRET, "HS256"))
    assert (response.status_code, response.json()["code"]) == (403, "anonymous")


def test_every_call_but_health_and_the_event_handler_needs_a_token(secured: str) -> None:
    with httpx.Client(base_url=secured, trust_env=False, timeout=20) as http:
        paths = http.get("/openapi.json").raise_for_status().json()["paths"]
        open_calls = set()
        for path, calls in paths.items():
            for method in calls:
                response = http.request(method, path.replace("{entity}", "deal"))
                if response.status_code != 401:
                    open_calls.add((method, path))
    assert open_calls - {("get", "/api/v1/webhooks/install"), ("post", "/api/v1/webhooks/install")} == {
        ("get", "/health"),
        ("post", "/api/v1/webhooks/bitrix"),
    }

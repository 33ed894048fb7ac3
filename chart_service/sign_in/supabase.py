"""Supabase's sign-in server, as a person's browser would use it: password, refresh, sign-out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from warehouse.settings import Settings
from webhook_api.errors import ApiError

SECONDS = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SupabaseTokens:
    """What a sign-in gives. ``expires_at``: of the access token, in seconds since 1970."""

    access: str
    refresh: str
    expires_at: float
    name: str | None


class RefusedTokens(Exception):
    """The refresh token is worth nothing any more: the person has to sign in again."""


class SupabaseSignIn:
    """A client of the project's sign-in server."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient | None = None) -> None:
        self._settings = settings
        self._http = http or httpx.AsyncClient(timeout=SECONDS)

    async def aclose(self) -> None:
        """Close the connections to the project."""
        await self._http.aclose()

    async def with_password(self, email: str, password: str) -> SupabaseTokens:
        """Sign in. Raises ``ApiError``: 401 for wrong ones, 429 when it is too often, 503 when it cannot be asked."""
        response = await self._post("token?grant_type=password", {"email": email, "password": password})
        if response.status_code == 429:
            raise ApiError(429, "too_many_attempts", "Too many attempts to sign in. Wait a minute.", _retry(response))
        if response.status_code in (400, 401, 403, 422):
            raise _refusal(response)
        return self._tokens(response)

    async def refreshed(self, refresh: str) -> SupabaseTokens:
        """New tokens for the refresh token. Raises ``RefusedTokens``, ``ApiError`` 503."""
        response = await self._post("token?grant_type=refresh_token", {"refresh_token": refresh})
        if response.status_code in (400, 401, 403, 404, 422):
            raise RefusedTokens
        return self._tokens(response)

    async def sign_out(self, access: str) -> None:
        """Tell the project that the session is over. What it answers changes nothing here."""
        try:
            await self._post("logout?scope=local", {}, access)
        except ApiError:
            log.warning("Supabase could not be told of a sign-out")

    async def _post(self, path: str, body: dict[str, str], access: str | None = None) -> httpx.Response:
        url, key = self._settings.supabase_url, self._settings.supabase_key
        if url is None or key is None:
            raise ApiError(
                503,
                "sign_in_not_set_up",
                "Nobody can sign in here with a password: SUPABASE_URL and SUPABASE_KEY (the anon key) are not set.",
            )
        headers = {"apikey": key.get_secret_value()}
        if access is not None:
            headers["Authorization"] = f"Bearer {access}"
        try:
            return await self._http.post(f"{url}/auth/v1/{path}", json=body, headers=headers)
        except httpx.HTTPError as error:
            log.warning("Supabase does not answer", error=type(error).__name__)
            raise _away() from None

    def _tokens(self, response: httpx.Response) -> SupabaseTokens:
        try:
            response.raise_for_status()
            body: dict[str, Any] = response.json()
            user = body.get("user") or {}
            return SupabaseTokens(
                str(body["access_token"]),
                str(body["refresh_token"]),
                time.time() + float(body.get("expires_in") or 3600),
                user.get("email") or user.get("id"),
            )
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning(
                "Supabase answers otherwise than it should", status=response.status_code, error=repr(error)[:80]
            )
            raise _away() from None


def _refusal(response: httpx.Response) -> ApiError:
    try:
        body = response.json()
        code = str(body.get("error_code") or body.get("error") or "")
    except (ValueError, AttributeError):
        code = ""
    if code == "email_not_confirmed":
        return ApiError(401, code, "The e-mail address is not confirmed yet. Follow the link in the e-mail.")
    if code in ("user_banned", "email_provider_disabled"):
        return ApiError(401, code, "This account may not sign in. Ask an administrator.")
    if response.status_code in (401, 403) and code != "invalid_credentials":
        log.warning("Supabase refuses the key of the project", status=response.status_code, code=code[:60])
        return ApiError(503, "sign_in_not_set_up", "Supabase refuses this service's key: check SUPABASE_KEY.")
    return ApiError(401, "wrong_password", "Wrong e-mail address or password.")


def _away() -> ApiError:
    detail = "The sign-in server does not answer. Try again in a minute."
    return ApiError(503, "sign_in_unavailable", detail, {"Retry-After": "10"})


def _retry(response: httpx.Response) -> dict[str, str]:
    seconds = response.headers.get("retry-after", "60")
    return {"Retry-After": seconds if seconds.isdigit() else "60"}

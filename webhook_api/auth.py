"""Who may call: a person with a Supabase access token, or, with nothing configured, programs of this machine."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Mapping
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

import httpx
import jwt
import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from bitrix.webhook_url import is_loopback
from warehouse.settings import Settings
from webhook_api.errors import ApiError, error_shapes

AUDIENCE = ROLE = "authenticated"
PUBLIC_KEY_ALGORITHMS = ("ES256", "RS256")
KEYS_SECONDS, REFETCH_SECONDS, REST_SECONDS = 600.0, 30.0, 2.0
"""How long keys are believed, how often an unknown key id may lead to another look, the rest after one that failed."""
LEEWAY_SECONDS = 10
GUEST_HEADER = "x-guesttoken"
"""Viewers of embedded dashboards send it: they may call what is made for them, and nothing of what people may."""
PROXY_HEADERS = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"})

log = structlog.get_logger(__name__)


def auth_mode(settings: Settings) -> str:
    """``supabase``, or ``off`` when nothing to check tokens with is configured."""
    return "supabase" if settings.supabase_jwt_secret or settings.supabase_url else "off"


class TokenChecker:
    """Checks access tokens: HS256 by the project's secret, ES256 and RS256 by the keys that the project publishes."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient | None = None) -> None:
        self._settings = settings
        self._http = http or httpx.AsyncClient(timeout=5)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._failed = float("-inf")
        self._fetching = asyncio.Lock()

    async def aclose(self) -> None:
        """Close the connections to the project."""
        await self._http.aclose()

    async def check(self, token: str) -> Mapping[str, Any]:
        """The claims of a valid token. Raises ``ApiError`` 401, 403 for anonymous ones, 503 when keys cannot be had."""
        try:
            claims = await self._claims(token)
        except jwt.ExpiredSignatureError:
            raise _unauthorized("token_expired", "The access token has expired. Sign in again.") from None
        except jwt.InvalidAudienceError:
            raise _unauthorized("wrong_audience", f"The access token is not for the audience {AUDIENCE}.") from None
        except (jwt.PyJWTError, ValueError, UnicodeError):
            raise _unauthorized("invalid_token", "The access token is not valid here.") from None
        # People who signed in anonymously have the role of signed-in users, too; service keys have another role.
        if claims.get("role") != ROLE or claims.get("is_anonymous"):
            raise ApiError(403, "anonymous", "This token is not of a user who has signed in. Sign in.")
        return claims

    async def _claims(self, token: str) -> Mapping[str, Any]:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        options: Any = {"require": ["exp", "aud", "sub"]}
        secret = self._settings.supabase_jwt_secret
        # The configuration decides which key goes with which algorithm; the token only chooses among them.
        if algorithm == "HS256" and secret is not None:
            return jwt.decode(
                token,
                secret.get_secret_value(),
                algorithms=["HS256"],
                audience=AUDIENCE,
                leeway=LEEWAY_SECONDS,
                options=options,
            )
        if algorithm in PUBLIC_KEY_ALGORITHMS and self._settings.supabase_url:
            key = await self._key(str(header.get("kid") or ""))
            if key.algorithm_name != algorithm:
                raise jwt.InvalidAlgorithmError("the key is for another algorithm")
            return jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=AUDIENCE,
                issuer=f"{self._settings.supabase_url}/auth/v1",
                leeway=LEEWAY_SECONDS,
                options=options,
            )
        raise jwt.InvalidAlgorithmError("no key is configured for this algorithm")

    async def _key(self, key_id: str) -> jwt.PyJWK:
        async with self._fetching:
            age = time.monotonic() - self._fetched
            if time.monotonic() - self._failed < REST_SECONDS:
                raise _no_keys()  # whoever waited for the look that failed shall not look again, one after the other
            if age > KEYS_SECONDS or (key_id not in self._keys and age > REFETCH_SECONDS):
                await self._fetch()
        if key_id not in self._keys:
            raise jwt.InvalidKeyError("the project publishes no such key")
        return self._keys[key_id]

    async def _fetch(self) -> None:
        self._fetched = time.monotonic()
        url = f"{self._settings.supabase_url}/auth/v1/.well-known/jwks.json"
        try:
            response = await self._http.get(url)
            response.raise_for_status()
            keys = jwt.PyJWKSet.from_dict(response.json())
        except (httpx.HTTPError, ValueError, AttributeError, jwt.PyJWTError) as error:
            log.warning("the sign-in keys cannot be had", error=type(error).__name__)
            if not self._keys:
                self._fetched, self._failed = float("-inf"), time.monotonic()
                raise _no_keys() from None
            return  # the keys of before are good until a token names another
        self._keys = {str(key.key_id): key for key in keys.keys if key.key_id}


class SignInServices(Protocol):
    """What a service keeps in ``app.state.services`` for its callers to be checked; both services have it."""

    @property
    def settings(self) -> Settings: ...
    @property
    def tokens(self) -> TokenChecker: ...


def _sign_in_services(request: Request) -> SignInServices:
    services: SignInServices = request.app.state.services
    return services


bearer = HTTPBearer(auto_error=False, description="A Supabase access token of a signed-in user.")


async def signed_in(
    request: Request,
    services: Annotated[SignInServices, Depends(_sign_in_services)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)] = None,
) -> Mapping[str, Any]:
    """The claims of whoever calls; empty without configured sign-in, when only this machine may."""
    if GUEST_HEADER in request.headers:
        raise ApiError(403, "guest", "A guest token opens the dashboard that it names and nothing else.")
    if auth_mode(services.settings) == "off":
        if not services.settings.allow_anonymous and not is_local(request):
            detail = "Without sign-in only this machine may call. Set SUPABASE_URL or SUPABASE_JWT_SECRET."
            raise ApiError(403, "local_only", detail)
        return {}
    if credentials is None:
        raise _unauthorized("not_signed_in", "This call needs the header Authorization: Bearer <access token>.")
    return await services.tokens.check(credentials.credentials)


async def may_scrape(
    request: Request,
    services: Annotated[SignInServices, Depends(_sign_in_services)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)] = None,
) -> None:
    """Let Prometheus in with ``METRICS_TOKEN``, which does not expire and opens nothing else; or whoever may call."""
    token = services.settings.metrics_token
    if token is not None and credentials is not None:
        given = credentials.credentials.encode(errors="surrogatepass")
        if hmac.compare_digest(given, token.get_secret_value().encode()):
            return
    await signed_in(request, services, credentials)


SIGN_IN_ERRORS = error_shapes(_401="not signed in", _403="signed in anonymously; or, without sign-in, from elsewhere")
SignedIn = Annotated[Mapping[str, Any], Depends(signed_in)]
Scraping = Annotated[None, Depends(may_scrape)]


def is_local(request: Request) -> bool:
    """Whether a program of this machine calls, and neither a proxy or tunnel nor a web page of another site.

    All of them come from this machine's address: what gives them away is what a proxy adds, the name under which they
    call, and the Origin that a browser tells.
    """
    if PROXY_HEADERS & set(request.headers) or (request.client and not is_loopback(request.client.host)):
        return False
    origin = request.headers.get("origin")
    names = [f"//{request.headers.get('host', '')}", *([origin] if origin else [])]
    return all(is_loopback(_host(name)) for name in names)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # no URL at all
        return ""


def _no_keys() -> ApiError:
    detail = "The keys of SUPABASE_URL cannot be had at the moment, so no token can be checked."
    return ApiError(503, "keys_unavailable", detail, {"Retry-After": "5"})


def _unauthorized(code: str, detail: str) -> ApiError:
    return ApiError(401, code, detail, {"WWW-Authenticate": "Bearer"})

"""Turns the cookie of a session into the access token that routes check; refuses what another site's page sends."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from chart_service.embedding.public_url import is_same_origin
from chart_service.sign_in.sessions import COOKIE, Session
from webhook_api.auth import GUEST_HEADER, auth_mode
from webhook_api.errors import ApiError, error_response

if TYPE_CHECKING:
    from chart_service.services import Services

CSRF_HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
FORMS = frozenset({"/sign-in", "/sign-out"})
"""Where a form posts to, which can send no header: the origin is all that is checked."""


class SessionCookie:
    """Middleware. ``request.state.csrf`` is what pages of the session send in ``X-CSRF-Token`` with unsafe requests.

    A request with a token of its own, in ``Authorization`` or as a guest, is left alone: browsers do not add those.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if "authorization" in request.headers or GUEST_HEADER in request.headers:
            await self._app(scope, receive, send)
            return
        try:
            await self._sign_in(request, scope)
        except ApiError as error:
            await _refused(scope, error)(scope, receive, send)
            return
        except (PoolTimeout, OperationalError):
            detail = "The database does not answer. Nothing was changed; try again."
            away = ApiError(503, "database_unavailable", detail, {"Retry-After": "5"})
            await _refused(scope, away)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _sign_in(self, request: Request, scope: Scope) -> None:
        services: Services = request.app.state.services
        unsafe = request.method not in SAFE
        if unsafe and not is_same_origin(request, services.settings):
            raise ApiError(403, "other_origin", "A page of another site may not do this here.")
        cookie = request.cookies.get(COOKIE)
        if not cookie or auth_mode(services.settings) == "off":
            return
        session = await services.sessions.find(cookie)
        if session is None:
            return
        if unsafe and request.url.path not in FORMS:
            _check_csrf(request, session)
        scope["state"]["csrf"] = session.csrf
        scope["headers"] = [*scope["headers"], (b"authorization", f"Bearer {session.access}".encode())]


def _check_csrf(request: Request, session: Session) -> None:
    given = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), session.csrf.encode()):
        raise ApiError(403, "csrf", "The page is out of date. Load it again and repeat what you did.")


def _refused(scope: Scope, error: ApiError) -> ASGIApp:
    request_id = str(scope["state"]["request_id"])
    return error_response(request_id, error.status, error.code, str(error), headers=error.headers)

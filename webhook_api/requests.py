"""What surrounds every request: its id, the headers of every answer, and the net below every exception."""

from __future__ import annotations

import re
import time
import traceback
import uuid

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bitrix.webhook_url import redact
from webhook_api.errors import error_response
from webhook_api.measures import Measures

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""On every answer, unless the answer sets its own."""

_SWAGGER = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/"
PAGE_POLICY = (
    f"default-src 'none'; script-src 'unsafe-inline' {_SWAGGER}; style-src 'unsafe-inline' {_SWAGGER}; "
    "img-src data: https://fastapi.tiangolo.com; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What the documentation page may load: Swagger UI from where FastAPI's page has it, and the description from here."""
PAGES = frozenset({"/docs", "/docs/oauth2-redirect"})

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

log = structlog.get_logger(__name__)


class RequestContext:
    """Middleware: ``request.state.request_id``, the header ``X-Request-ID``, security headers, one log line a request,
    and its figures for Prometheus.

    An ``X-Request-ID`` of the client is kept where it is short and plain. A body of more than ``body_bytes`` is
    answered with status 413, at once where its length is announced. An exception that nothing else handled is logged,
    without secrets, and answered with status 500; both in the one error shape.
    """

    def __init__(self, app: ASGIApp, body_bytes: int, measures: Measures) -> None:
        self._app = app
        self._body_bytes = body_bytes
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.perf_counter()
        status = 0
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._body_bytes:
                raise HTTPException(413, self._too_large())
            return message

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                if scope["path"] in PAGES:
                    headers["Content-Security-Policy"] = PAGE_POLICY
                if "Content-Security-Policy" not in headers:
                    headers.setdefault("X-Frame-Options", "DENY")  # a policy of its own says itself who may frame it
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                if _announced(scope) > self._body_bytes:
                    refusal = error_response(request_id, 413, "content_too_large", self._too_large())
                    await refusal(scope, receive, send_with_headers)
                else:
                    await self._app(scope, receive_limited, send_with_headers)
            except Exception as error:
                # The text may quote what the client or a library had in hand; a traceback never goes to the client.
                log.error(
                    "request failed", path=scope["path"], trace=redact("".join(traceback.format_exception(error)))
                )
                if status:
                    raise ConnectionAbortedError("the answer had begun") from None
                detail = "The service failed at this request. Its log says why, under this request id."
                await error_response(request_id, 500, "internal_error", detail)(scope, receive, send_with_headers)
            finally:
                seconds = time.perf_counter() - began
                self._measures.request(_known(scope["method"]), _route(scope), status, seconds)
            log.debug("request", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 1))

    def _too_large(self) -> str:
        return f"The request's body is larger than {self._body_bytes // 1024} KB. Send less."


def _known(method: str) -> str:
    """The method, if it is one: anybody may send any word."""
    return method if method in METHODS else "other"


def _route(scope: Scope) -> str:
    """The template of the path, where a route took the request."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "other"


def _announced(scope: Scope) -> int:
    """The length of the body as the client announces it; 0 where it does not."""
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(length[:18]) if length.isdigit() else 0


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _GIVEN_ID.fullmatch(given := value.decode("latin-1")):
            return str(given)
    return uuid.uuid4().hex

"""The portal over HTTP: addresses, bodies, statuses, and the faults that strike below the JSON."""

from __future__ import annotations

import asyncio
import hmac
import json
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import orjson

from demo_portal.batch import run_batch
from demo_portal.control import run_control
from demo_portal.errors import RestError, method_not_found, operation_time_limit, query_limit_exceeded
from demo_portal.faults import Fault, FaultKind
from demo_portal.php import parse_str
from demo_portal.service import Service

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
LOOPBACK = ("127.", "::1")
MOVED = "/moved"  # where a redirected caller is sent; the same portal answers there

_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head>\n<body><center><h1>{0}</h1></center></body></html>\n"
_WARNING = b"<br />\n<b>Warning</b>:  Undefined array key in <b>/bitrix/modules/crm/lib/item.php</b> on line <b>7</b>\n"


@dataclass(slots=True)
class Response:
    """What goes out. ``sent`` is the part of the body that really goes (None: all)."""

    status: int
    body: bytes
    content_type: str = JSON
    location: str | None = None
    sent: int | None = None


class PortalApp:
    """The ASGI application."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        raw = await _read(receive)
        path = str(scope["path"])
        if path.startswith("/_portal/"):
            await _reply(send, self._control(scope, path.removeprefix("/_portal/"), raw))
            return
        if path.rstrip("/") == "/oauth/token":
            status, answer = self.service.portal.oauth.renew(_parameters(scope, raw))
            await _reply(send, Response(status, encode(answer)))
            return
        method = path.rstrip("/").rpartition("/")[2].removesuffix(".json").lower()
        fault = self.service.portal.faults.on_request(method) if "/rest/" in path else None
        self.service.stats.requests += 1
        self.service.stats.methods[method] += 1
        if fault is not None and fault.kind == FaultKind.RESET:
            await _reset_connection(send)
            return
        if fault is not None and fault.kind == FaultKind.HANG:
            await asyncio.sleep(fault.seconds)
        pages = self.service.stats.pages
        response = _struck(fault, path) if fault else None
        if response is None:
            response = self._rest(scope, path, raw)
            delay = self.service.settings.latency
            delay += (self.service.stats.pages - pages) * self.service.settings.page_latency
            if delay:
                await asyncio.sleep(delay)
            response = _damaged(fault, response) if fault else response
        self.service.stats.statuses[response.status] += 1
        await _reply(send, response)

    def _rest(self, scope: Scope, path: str, raw: bytes) -> Response:
        if not self.service.bucket.admit():
            self.service.stats.refused_by_rate += 1
            return _error(query_limit_exceeded())
        parts = path.removeprefix(MOVED).strip("/").split("/")
        if parts[0] != "rest":
            return Response(404, _PAGE.format("404 Not Found").encode(), HTML)
        try:
            params = _parameters(scope, raw)
            method, access_token = self._authorize(parts[1:], params)
            if method == "batch":
                return Response(200, encode(run_batch(self.service, params, access_token)))
            return Response(200, encode(self.service.single(method, params, access_token)))
        except RestError as error:
            return _error(error)

    def _authorize(self, parts: list[str], params: dict[str, Any]) -> tuple[str, str | None]:
        """Method and access token of ``{user}/{secret}/{method}`` or of ``{method}`` with ``auth``."""
        portal = self.service.portal
        if len(parts) == 3:
            if parts[0] != str(portal.user_id) or not hmac.compare_digest(parts[1].encode(), portal.secret.encode()):
                raise RestError("INVALID_CREDENTIALS", "Invalid request credentials", 401)
            return parts[2].removesuffix(".json").lower(), None
        if len(parts) == 1 and parts[0]:
            token = str(params.pop("auth", ""))
            if not token:
                raise RestError("NO_AUTH_FOUND", "Wrong authorization data", 401)
            if token not in portal.applications:
                raise RestError("invalid_token", "Unable to get application by token", 401)
            return parts[0].removesuffix(".json").lower(), token
        raise method_not_found()

    def _control(self, scope: Scope, action: str, raw: bytes) -> Response:
        client = scope.get("client") or ("",)
        if not str(client[0]).startswith(LOOPBACK):
            return Response(403, encode({"error": "the control interface answers on the loopback interface only"}))
        try:
            body = orjson.loads(raw) if raw.strip() else {}
        except orjson.JSONDecodeError as error:
            return Response(400, encode({"error": f"the body is not JSON: {error}"}))
        if not isinstance(body, dict):
            return Response(400, encode({"error": "the body must be a JSON object"}))
        status, answer = run_control(self.service, str(scope["method"]), action.rstrip("/"), body)
        return Response(status, encode(answer))


def encode(body: Any) -> bytes:
    """JSON; where a text holds half a surrogate pair it goes out as an escape such as ``\\ud800``, as from PHP."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body, separators=(",", ":")).encode()


def _parameters(scope: Scope, raw: bytes) -> dict[str, Any]:
    """Parameters of the query string and of the body: JSON, or a form with PHP brackets."""
    params: dict[str, Any] = parse_str(scope["query_string"].decode("latin-1"))
    if not raw.strip():
        return params
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"").lower()
    if b"json" in kind:
        try:
            body = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise RestError("INVALID_REQUEST", "Request body is not valid JSON") from None
        return {**params, **body} if isinstance(body, dict) else params
    return params | parse_str(raw.decode("utf-8", "replace"))


def _error(error: RestError) -> Response:
    return Response(error.status, encode(error.envelope()))


def _struck(fault: Fault, path: str) -> Response | None:
    """The answer that a fault puts in place of the portal's own."""
    match fault.kind:
        case FaultKind.RATE:
            return _error(query_limit_exceeded())
        case FaultKind.OVERLOAD:
            return _error(RestError("OVERLOAD_LIMIT", "REST API is blocked due to overload.", 503))
        case FaultKind.OPERATING:
            return _error(operation_time_limit())
        case FaultKind.SERVER_ERROR_HTML:
            return Response(500, _PAGE.format("500 Internal Server Error").encode(), HTML)
        case FaultKind.BAD_GATEWAY_HTML:
            return Response(502, _PAGE.format("502 Bad Gateway").encode(), HTML)
        case FaultKind.GATEWAY_TIMEOUT_HTML:
            return Response(504, _PAGE.format("504 Gateway Time-out").encode(), HTML)
        case FaultKind.TOO_MANY_HTML:
            return Response(429, _PAGE.format("429 Too Many Requests").encode(), HTML)
        case FaultKind.FORBIDDEN_HTML:
            return Response(403, _PAGE.format("403 Forbidden").encode(), HTML)
        case FaultKind.HTML_200:
            return Response(200, _PAGE.format("Authorization").encode(), HTML)
        case FaultKind.EMPTY:
            return Response(200, b"")
        case FaultKind.REDIRECT:
            page = _PAGE.format("302 Found").encode()
            return Response(302, page, HTML, location=MOVED + path.removeprefix(MOVED))
    return None


def _damaged(fault: Fault, response: Response) -> Response:
    """The portal's own answer after a fault that spoils it on the way."""
    match fault.kind:
        case FaultKind.TRUNCATED:
            response.sent = len(response.body) // 2
        case FaultKind.TRUNCATED_JSON:
            response.body = response.body[: len(response.body) // 2]
        case FaultKind.INVALID_UTF8:
            response.body = response.body.replace(b"{", b'{"broken":"\xd0\xff",', 1)
        case FaultKind.BOM:
            response.body = b"\xef\xbb\xbf" + response.body
        case FaultKind.PHP_WARNING:
            response.body = _WARNING + response.body
    return response


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def _reply(send: Send, response: Response) -> None:
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
    ]
    if response.location:
        headers.append((b"location", response.location.encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.sent is None:
        await send({"type": "http.response.body", "body": response.body})
    else:  # the server closes the connection when a response is left unfinished
        await send({"type": "http.response.body", "body": response.body[: response.sent], "more_body": True})


async def _reset_connection(send: Send) -> None:
    """Close with RST: ``send`` is a method of uvicorn's request cycle, which knows its connection."""
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await asyncio.sleep(0)

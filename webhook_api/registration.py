"""Registering for the portal's events: through a local application, or, with a webhook only, by telling people how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import httpx
import structlog
from fastapi import APIRouter, Query, Request
from psycopg.rows import dict_row
from pydantic import BaseModel, Field

from bitrix.decode import as_map
from bitrix.errors import BitrixError
from bitrix.events import EVENTS, OUTGOING_WEBHOOK_EVENTS, MalformedEventError, parse_body
from bitrix.oauth import Application, Tokens, call, renew
from bitrix.webhook_url import WebhookUrl, is_loopback
from warehouse.application import SealedError, key, save_tokens
from webhook_api.auth import SignedIn
from webhook_api.errors import ApiError, error_shapes
from webhook_api.senders import installed_tokens
from webhook_api.services import Services, ServicesOf

HANDLER = "/api/v1/webhooks/bitrix"
TIMEOUT_SECONDS = 20

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])
log = structlog.get_logger(__name__)


class FailedEvent(BaseModel):
    """An event that the portal did not take, and why."""

    event: str
    error: str


class Registration(BaseModel):
    """What was done, event by event."""

    status: Literal["completed"] = "completed"
    handler_url: str
    registered: list[str]
    failed: list[FailedEvent]


class RegisteredEvent(BaseModel):
    """An event handler at the portal, or, without an application, an event that was received."""

    event: str
    handler: str | None = None
    accepted: int = Field(default=0, description="How many were received and stored.")
    dropped: int = Field(default=0, description="How many were received while events of the entity were switched off.")
    last_at: datetime | None = None


class RegisteredEvents(BaseModel):
    """What is registered, and what has been received so far."""

    webhooks: list[RegisteredEvent]
    count: int


class Installed(BaseModel):
    """The application is ours and its tokens are kept."""

    status: Literal["installed"] = "installed"
    domain: str


BaseUrl = Annotated[
    str,
    Query(
        description="Where the portal reaches this service, like `https://sync.example.com`.",
        max_length=300,
        examples=["https://sync.example.com"],
    ),
]


@router.post(
    "/install",
    summary="Receive the installation of the local application",
    responses=error_shapes(_400="no installation", _403="not our application or portal", _409="not configured"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}},
        }
    },
)
async def install(request: Request, services: ServicesOf) -> Installed:
    """What the portal posts as ONAPPINSTALL. The tokens are believed only after they were renewed with our secret."""
    application = _application(services)
    try:
        values = parse_body(request.headers.get("content-type", ""), await request.body())
        if str(values.get("event") or "").upper() != "ONAPPINSTALL":
            raise ApiError(400, "no_installation", "The body is not the event ONAPPINSTALL.")
        tokens = Tokens.of_installation(as_map(values.get("auth")))
    except (MalformedEventError, ValueError) as error:
        raise ApiError(400, "no_installation", str(error)) from None
    _check_domain(services, tokens.domain)
    async with _http() as http:
        try:
            tokens = await renew(http, application, tokens)
        except BitrixError as error:
            log.warning("an installation was refused", domain=tokens.domain, reason=str(error))
            raise ApiError(403, "not_our_application", "The tokens are not those of this application.") from None
    await asyncio.to_thread(_save, services, tokens)
    services.senders.forget()
    return Installed(domain=tokens.domain)


@router.post(
    "/register",
    summary="Register for the portal's events",
    responses=error_shapes(_400="wrong address", _401="not signed in", _409="by hand: how", _502="portal refuses"),
)
async def register(services: ServicesOf, user: SignedIn, handler_base_url: BaseUrl) -> Registration:
    """Bind the handler to every event. With an incoming webhook only, the answer is 409 with the clicks to do it."""
    handler = _handler(handler_base_url)
    async with _as_application(services, handler) as (http, tokens):
        bound = {(item.event, item.handler) for item in await _bound(http, tokens)}
        result = Registration(handler_url=handler, registered=[], failed=[])
        for event in EVENTS:
            try:
                if (event, handler) not in bound:
                    await call(http, tokens, "event.bind", {"event": event, "handler": handler})
                result.registered.append(event)
            except BitrixError as error:
                result.failed.append(FailedEvent(event=event, error=str(error)))
        return result


@router.delete(
    "/unregister",
    summary="Let the portal's events go",
    responses=error_shapes(_400="wrong address", _401="not signed in", _409="by hand: how", _502="portal refuses"),
)
async def unregister(services: ServicesOf, user: SignedIn, handler_base_url: BaseUrl) -> Registration:
    """Unbind the handler from every event; ``registered`` are those that were bound and are no longer."""
    handler = _handler(handler_base_url)
    async with _as_application(services, handler) as (http, tokens):
        result = Registration(handler_url=handler, registered=[], failed=[])
        for item in await _bound(http, tokens):
            if item.handler != handler:
                continue
            try:
                await call(http, tokens, "event.unbind", {"event": item.event, "handler": handler})
                result.registered.append(item.event)
            except BitrixError as error:
                result.failed.append(FailedEvent(event=item.event, error=str(error)))
        return result


@router.get("/registered", summary="What is registered and received", responses=error_shapes(_401="not signed in"))
async def registered(services: ServicesOf, user: SignedIn) -> RegisteredEvents:
    """The handlers at the portal, where an application is installed, and what this service was sent."""
    async with services.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT event, accepted, dropped, last_at FROM app.webhook_received ORDER BY event")
        received = {row["event"]: row for row in await cursor.fetchall()}
    found: list[RegisteredEvent] = []
    if _configured(services):
        try:
            async with _as_application(services, "") as (http, tokens):
                found = [
                    item.model_copy(update=dict(received.pop(item.event, {}))) for item in await _bound(http, tokens)
                ]
        except ApiError as error:
            log.warning("the portal's list of handlers cannot be had", reason=str(error))
    found += [RegisteredEvent(**row) for row in received.values()]
    return RegisteredEvents(webhooks=found, count=len(found))


@asynccontextmanager
async def _as_application(services: Services, handler: str) -> AsyncIterator[tuple[httpx.AsyncClient, Tokens]]:
    """A client and fresh tokens of the installed application. Raises ``ApiError`` 409 or 502."""
    if not _configured(services):
        raise ApiError(409, "register_by_hand", _by_hand(handler))
    try:
        stored = await asyncio.to_thread(_load, services)
    except SealedError as error:
        raise ApiError(409, "install_again", str(error)) from None
    if stored is None:
        raise ApiError(
            409, "not_installed", "The application is configured but not installed: install it in the portal."
        )
    async with _http() as http:
        try:
            tokens = stored
            if stored.stale:
                tokens = await renew(http, _application(services), stored)
                await asyncio.to_thread(_save, services, tokens)
            yield http, tokens
        except BitrixError as error:
            raise ApiError(502, "portal_refuses", str(error)) from None


async def _bound(http: httpx.AsyncClient, tokens: Tokens) -> list[RegisteredEvent]:
    rows = (await call(http, tokens, "event.get", {})).result
    return [
        RegisteredEvent(event=str(row.get("event")).upper(), handler=str(row["handler"]))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, Mapping) and row.get("handler")
    ]


def _http() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=TIMEOUT_SECONDS, headers={"User-Agent": "bitrix-to-postgres"})


def _configured(services: Services) -> bool:
    return bool(services.settings.bitrix_client_id and services.settings.bitrix_client_secret)


def _application(services: Services) -> Application:
    client_id, secret = services.settings.bitrix_client_id, services.settings.bitrix_client_secret
    if not client_id or secret is None:
        detail = "Set BITRIX_CLIENT_ID and BITRIX_CLIENT_SECRET to those of the local application, then restart."
        raise ApiError(409, "no_application", detail)
    return Application(client_id, secret.get_secret_value())


def _check_domain(services: Services, domain: str) -> None:
    """An installation on another portal than the one that is copied is none of ours."""
    given = services.settings.bitrix_webhook_url
    if given is None:
        raise ApiError(409, "no_portal", "Set BITRIX_WEBHOOK_URL first: it says which portal is copied.")
    if urlsplit(WebhookUrl.parse(given.get_secret_value()).origin).netloc.lower() != domain.lower():
        raise ApiError(403, "wrong_portal", "The installation is on another portal than BITRIX_WEBHOOK_URL.")


def _handler(base: str) -> str:
    parts = urlsplit(base.strip())
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host or parts.query or parts.fragment or parts.username:
        raise ApiError(400, "wrong_address", "handler_base_url must be an address like https://sync.example.com")
    if parts.scheme == "http" and not is_loopback(host):
        raise ApiError(400, "wrong_address", "The portal posts events to HTTPS addresses only.")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{HANDLER}"


def _by_hand(handler: str) -> str:
    return (
        "An incoming webhook may not register for events. In Bitrix24 open Developer resources > Other > Outgoing "
        f"webhook; as handler URL enter {handler} ; tick these events: {', '.join(OUTGOING_WEBHOOK_EVENTS)}. "
        "Save, copy the token shown there into BITRIX_APPLICATION_TOKEN, and restart this service. Or set "
        "BITRIX_CLIENT_ID and BITRIX_CLIENT_SECRET of a local application, which can register by itself."
    )


def _load(services: Services) -> Tokens | None:
    return installed_tokens(services.settings, services.database)


def _save(services: Services, tokens: Tokens) -> None:
    with services.database.connect("api") as connection:
        save_tokens(
            connection,
            key(services.settings.b24_home),
            member_id=tokens.member_id,
            domain=tokens.domain,
            tokens=tokens.to_json(),
        )


def application_tokens(services: Services) -> Any:
    """The application token that events of the installed application carry, or None."""
    try:
        stored = _load(services)
    except SealedError as error:
        log.warning("the application's token cannot be read", reason=str(error))
        return None
    return stored.application_token if stored else None

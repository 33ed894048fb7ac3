"""Registering for the portal's events: through a local application, or, with a webhook only, by telling people how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Depends, Query, Request
from psycopg.rows import dict_row
from pydantic import BaseModel, Field

from bitrix.command import Command
from bitrix.decode import as_map
from bitrix.errors import BitrixError
from bitrix.events import EVENTS, OUTGOING_WEBHOOK_EVENTS, MalformedEventError, parse_body
from bitrix.oauth import ApplicationError, Tokens, renew
from bitrix.webhook_url import WebhookUrl, WebhookUrlError, is_loopback
from warehouse.application import SealedError
from webhook_api.application import InstalledApplication, configured_application, http_client, keep_installed
from webhook_api.auth import SignedIn
from webhook_api.errors import ApiError, error_shapes
from webhook_api.services import Services, ServicesOf
from webhook_api.webhooks import FailureLimit, failure_limit

HANDLER = "/api/v1/webhooks/bitrix"

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


class Queue(BaseModel):
    """Records that events named, however many events there were."""

    waiting: int = Field(default=0, description="To be read from the portal, within seconds as a rule.")
    given_up: int = Field(default=0, description="Could not be read after many attempts.")


class GivenUp(BaseModel):
    """A record that could not be read. A later event, or a full sync, gives it another chance."""

    entity_type: str
    entity_id: str | None = Field(description="Null: the field list of the entity.")
    event: str
    attempts: int
    error: str | None
    last_at: datetime


class RegisteredEvents(BaseModel):
    """What is registered, what has been received so far, and what became of it."""

    webhooks: list[RegisteredEvent]
    count: int
    queue: Queue
    given_up: list[GivenUp] = Field(description="The latest hundred.")


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
    responses=error_shapes(
        _400="no installation",
        _403="not our application or portal",
        _409="not configured",
        _429="too many",
        _502="the token server cannot be asked",
        _503="the database does not answer",
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}},
        }
    },
)
async def install(
    request: Request, services: ServicesOf, limit: Annotated[FailureLimit, Depends(failure_limit)]
) -> Installed:
    """What the portal posts as ONAPPINSTALL. The tokens are believed only after they were renewed with our secret."""
    application = configured_application(services.settings)
    address = request.client.host if request.client else ""
    limit.check(address)
    try:
        values = parse_body(request.headers.get("content-type", ""), await request.body())
        if str(values.get("event") or "").upper() != "ONAPPINSTALL":
            raise ApiError(400, "no_installation", "The body is not the event ONAPPINSTALL.")
        tokens = Tokens.of_installation(as_map(values.get("auth")))
    except (MalformedEventError, ValueError) as error:
        raise ApiError(400, "no_installation", str(error)) from None
    _check_domain(services, tokens.domain)
    try:
        async with http_client() as http:
            tokens = await renew(http, application, tokens)
    except ApplicationError as error:
        limit.failed(address)  # each costs a request to the token server
        log.warning("an installation was refused", domain=tokens.domain, reason=str(error))
        raise ApiError(403, "not_our_application", "The tokens are not those of this application.") from None
    except BitrixError as error:
        log.warning("an installation could not be checked", domain=tokens.domain, reason=str(error))
        raise ApiError(502, "not_checked", f"{error} Install the application again.") from None
    try:
        await asyncio.to_thread(keep_installed, services.settings, services.database, tokens)
    except SealedError as error:
        raise ApiError(409, "no_key", str(error)) from None
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
    async with _as_application(services, handler) as application:
        bound = {item.event for item in await _bound(application) if item.handler == handler}
        missing = [event for event in EVENTS if event not in bound]
        result = await _each(application, "event.bind", missing, handler)
        result.registered = [event for event in EVENTS if event in bound or event in result.registered]
        return result


@router.delete(
    "/unregister",
    summary="Let the portal's events go",
    responses=error_shapes(_400="wrong address", _401="not signed in", _409="by hand: how", _502="portal refuses"),
)
async def unregister(services: ServicesOf, user: SignedIn, handler_base_url: BaseUrl) -> Registration:
    """Unbind the handler from every event; ``registered`` are those that were bound and are no longer."""
    handler = _handler(handler_base_url)
    async with _as_application(services, handler) as application:
        bound = [item.event for item in await _bound(application) if item.handler == handler]
        return await _each(application, "event.unbind", bound, handler)


@router.get(
    "/registered",
    summary="What is registered and received",
    responses=error_shapes(_401="not signed in", _503="the database does not answer"),
)
async def registered(services: ServicesOf, user: SignedIn) -> RegisteredEvents:
    """The handlers at the portal, where an application is installed, and what this service was sent."""
    async with services.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT event, accepted, dropped, last_at FROM app.webhook_received ORDER BY event")
        received = {row["event"]: row for row in await cursor.fetchall()}
        await cursor.execute(
            """SELECT count(*) FILTER (WHERE status IN ('pending', 'picked')) AS waiting,
                   count(*) FILTER (WHERE status = 'dead') AS given_up FROM app.webhook_events"""
        )
        queue = await cursor.fetchone()
        await cursor.execute(
            """SELECT entity AS entity_type, nullif(row_id, 0)::text AS entity_id, event, attempts, error,
                   last_received_at AS last_at
               FROM app.webhook_events WHERE status = 'dead' ORDER BY last_received_at DESC LIMIT 100"""
        )
        given_up = [GivenUp(**row) for row in await cursor.fetchall()]
    found: list[RegisteredEvent] = []
    if services.settings.bitrix_client_id and services.settings.bitrix_client_secret:
        try:
            async with _as_application(services, "") as application:
                found = [
                    item.model_copy(update=dict(received.pop(item.event, {}))) for item in await _bound(application)
                ]
        except ApiError as error:
            log.warning("the portal's list of handlers cannot be had", reason=str(error))
    found += [RegisteredEvent(**row) for row in received.values()]
    return RegisteredEvents(webhooks=found, count=len(found), queue=Queue(**(queue or {})), given_up=given_up)


@asynccontextmanager
async def _as_application(services: Services, handler: str) -> AsyncIterator[InstalledApplication]:
    """The installed application. Raises ``ApiError`` 409 or 502."""
    if not (services.settings.bitrix_client_id and services.settings.bitrix_client_secret):
        raise ApiError(409, "register_by_hand", _by_hand(handler))
    async with http_client() as http:
        try:
            yield InstalledApplication(services.settings, services.database, http)
        except BitrixError as error:
            raise ApiError(502, "portal_refuses", str(error)) from None


async def _bound(application: InstalledApplication) -> list[RegisteredEvent]:
    rows = (await application.call("event.get", {})).result
    return [
        RegisteredEvent(event=str(row.get("event")).upper(), handler=str(row["handler"]))
        for row in (rows if isinstance(rows, list) else [])
        if isinstance(row, Mapping) and row.get("handler")
    ]


async def _each(application: InstalledApplication, method: str, events: Sequence[str], handler: str) -> Registration:
    """Bind or unbind the handler, event by event."""
    result = Registration(handler_url=handler, registered=[], failed=[])
    commands = [Command(method, {"event": event, "handler": handler}) for event in events]
    for event, answer in zip(events, await application.batch(commands), strict=True):
        if isinstance(answer, BitrixError):
            result.failed.append(FailedEvent(event=event, error=str(answer)))
        else:
            result.registered.append(event)
    return result


def _check_domain(services: Services, domain: str) -> None:
    """An installation on another portal than the one that is copied is none of ours."""
    given = services.settings.bitrix_webhook_url
    if given is None:
        raise ApiError(409, "no_portal", "Set BITRIX_WEBHOOK_URL first: it says which portal is copied.")
    try:
        portal = urlsplit(WebhookUrl.parse(given.get_secret_value()).origin).netloc
    except WebhookUrlError as error:
        raise ApiError(409, "no_portal", f"BITRIX_WEBHOOK_URL: {error}") from None
    if portal.lower() != domain.lower():
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

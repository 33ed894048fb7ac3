"""The handler that the portal posts its events to, and what was received.

No sign-in: the portal has none. What proves the sender is ``auth[application_token]``; without a configured token only
this machine is heard.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from bitrix.events import Event, MalformedEventError, parse_event
from bitrix.webhook_url import is_loopback
from warehouse.events import OF_FIELDS, Change
from webhook_api.errors import ApiError, error_shapes
from webhook_api.event_store import EventsRefusedError
from webhook_api.services import ServicesOf

FAILURES, FAILURE_SECONDS = 20, 60.0
"""Wrong tokens of one address within a minute before it is not listened to for the rest of it."""
ADDRESSES = 10_000

EVENT_SCHEMA = {
    "type": "object",
    "required": ["event"],
    "properties": {"event": {"type": "string", "minLength": 1, "examples": ["ONCRMDEALUPDATE"]}},
}

router = APIRouter(prefix="/api/v1/webhooks", tags=["webhooks"])


class Acknowledged(BaseModel):
    """What became of an event. ``ignored``: it is none that is heeded, or events of its entity are switched off."""

    status: Literal["accepted", "ignored"]
    event: str = Field(examples=["ONCRMDEALUPDATE"])
    entity_id: str | None = Field(examples=["759"], description="Id of the record that changed.")


class FailureLimit:
    """Counts wrong tokens by address, of the latest :data:`ADDRESSES` addresses."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def check(self, address: str) -> None:
        """Raise ``ApiError`` 429 for an address that has failed too often lately."""
        began, count = self._failures.get(address, (0.0, 0))
        left = began + FAILURE_SECONDS - time.monotonic()
        if count >= FAILURES and left > 0:
            headers = {"Retry-After": str(int(left) + 1)}
            raise ApiError(429, "too_many_wrong_tokens", "Too many wrong tokens from this address.", headers)

    def failed(self, address: str) -> None:
        """Count one."""
        began, count = self._failures.pop(address, (0.0, 0))
        if time.monotonic() - began > FAILURE_SECONDS:
            began, count = time.monotonic(), 0
        self._failures[address] = (began, count + 1)
        while len(self._failures) > ADDRESSES:
            self._failures.popitem(last=False)


_limit = FailureLimit()


def failure_limit() -> FailureLimit:
    """The limit of this process."""
    return _limit


@router.post(
    "/bitrix",
    summary="Receive an event of the portal",
    responses=error_shapes(_400="the body is no event", _403="wrong token", _429="too many", _503="not stored"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": EVENT_SCHEMA,
                    "example": "event=ONCRMDEALUPDATE&data[FIELDS][ID]=759&auth[application_token]=5185",
                },
                "application/json": {
                    "schema": EVENT_SCHEMA,
                    "example": {
                        "event": "ONCRMDEALUPDATE",
                        "data": {"FIELDS": {"ID": 759}},
                        "auth": {"application_token": "5185"},
                    },
                },
            },
        }
    },
)
async def receive(
    request: Request, services: ServicesOf, limit: Annotated[FailureLimit, Depends(failure_limit)]
) -> Acknowledged:
    """Store the event, then acknowledge it. The change itself is read from the portal within seconds."""
    address = request.client.host if request.client else ""
    try:
        event = parse_event(request.headers.get("content-type", ""), await request.body())
    except MalformedEventError as error:
        raise ApiError(400, "malformed_event", str(error)) from None
    await _check_sender(request, services, event, address, limit)
    row_id = None if event.row_id is None else str(event.row_id)
    if event.entity is None or event.row_id is None:
        return Acknowledged(status="ignored", event=event.name, entity_id=row_id)
    change = Change(event.entity, OF_FIELDS if event.of_fields else event.row_id, event.name, event.at)
    try:
        heeded = await services.events.store(change)
    except EventsRefusedError:
        detail = "The event was not stored: the database does not answer. Send it again."
        raise ApiError(503, "event_not_stored", detail, {"Retry-After": "5"}) from None
    return Acknowledged(status="accepted" if heeded else "ignored", event=event.name, entity_id=row_id)


async def _check_sender(
    request: Request, services: ServicesOf, event: Event, address: str, limit: FailureLimit
) -> None:
    if await services.senders.any_known():
        if not await services.senders.knows(event.application_token):
            # Only those who fail are held off: behind a proxy the portal has the address of everybody else.
            limit.check(address)
            limit.failed(address)
            raise ApiError(403, "wrong_token", "auth[application_token] is not this installation's.")
        return
    forwarded = {"forwarded", "x-forwarded-for", "x-real-ip"} & set(request.headers)
    if forwarded or not is_loopback(address):  # behind a proxy everybody seems to come from this machine
        detail = "Events from other machines need BITRIX_APPLICATION_TOKEN to be set."
        raise ApiError(403, "token_not_configured", detail)

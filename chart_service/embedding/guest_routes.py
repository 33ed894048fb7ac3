"""What the page of an embedded or shared dashboard asks beside the charts' data: the dashboard, and permalinks."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, ConfigDict

from chart_service.dashboards import store
from chart_service.dashboards.document import Key, storable
from chart_service.dashboards.shapes import DashboardBody, LangOf, body_of
from chart_service.embedding import embeds, permalinks
from chart_service.embedding.embeds import Embed
from chart_service.embedding.guests import Guest, Viewer, ViewerOf, embedded_guest, guest_of, not_in_token
from chart_service.embedding.public_url import public_url
from chart_service.services import Services, ServicesOf
from webhook_api.auth import GUEST_HEADER, SIGN_IN_ERRORS
from webhook_api.errors import ApiError, error_shapes
from webhook_api.pool import transaction

router = APIRouter(
    prefix="/api/v1", tags=["embedding"], responses=error_shapes(_401="no good guest token", _403="not for this one")
)
LONGEST_STATE = 20_000


class GuestDashboard(BaseModel):
    """A dashboard as a guest sees it: without statements, and what else they may do."""

    dashboard: DashboardBody
    allow_export: bool
    allow_rows: bool


class State(BaseModel):
    """What a permalink restores."""

    model_config = ConfigDict(extra="forbid")

    filters: Annotated[dict[str, Any], AfterValidator(storable)] = {}
    tab: Key | None = None


class Permalink(BaseModel):
    """The key of a state, and an address that restores it."""

    key: str
    url: str


@router.get("/embedded/{uuid}", responses=error_shapes(_404="no such dashboard"))
async def embedded(request: Request, services: ServicesOf, lang: LangOf, uuid: UUID) -> GuestDashboard:
    """The dashboard of an embed, for the guest of the token in `X-GuestToken`."""
    token = _token(request)
    async with transaction(services.pool) as connection:
        embed = await embeds.of_uuid(connection, uuid)
    if embed is None:
        raise no_such_embed()
    return await _for_guest(services, await embedded_guest(services, token, embed), lang)


@router.get("/shared/dashboard")
async def shared(request: Request, services: ServicesOf, lang: LangOf) -> GuestDashboard:
    """The dashboard of a link, for its visitor's token in `X-GuestToken`."""
    guest = await guest_of(services, _token(request))
    if not isinstance(guest, Guest):
        raise not_in_token()
    return await _for_guest(services, guest, lang)


@router.post("/dashboards/{dashboard_id}/permalink", status_code=201, responses=SIGN_IN_ERRORS)
async def make_permalink(
    request: Request, services: ServicesOf, viewer: ViewerOf, dashboard_id: int, state: State
) -> Permalink:
    """Keep filters and the open tab under a short key."""
    content = state.model_dump()
    if len(json.dumps(content)) > LONGEST_STATE:
        raise ApiError(422, "too_long", f"The state is longer than {LONGEST_STATE} characters.")
    async with transaction(services.pool) as connection:
        number = await store.id_of(connection, str(dashboard_id))
        key = await permalinks.keep(connection, number, content)
        embed = await embeds.of_dashboard(connection, number)
    base = public_url(request, services.settings)
    return Permalink(key=key, url=base + _path(viewer, embed, number, key))


@router.get("/dashboards/{dashboard_id}/permalinks/{key}", responses=SIGN_IN_ERRORS | error_shapes(_404="none"))
async def find_permalink(services: ServicesOf, viewer: ViewerOf, dashboard_id: int, key: str) -> State:
    """What a permalink restores."""
    async with transaction(services.pool) as connection:
        return State.model_validate(await permalinks.find(connection, dashboard_id, key))


def no_such_embed() -> ApiError:
    """The uuid is not, or no longer, of an embedded dashboard."""
    return ApiError(404, "no_such_embed", "There is no such embedded dashboard. It may have been switched off.")


async def _for_guest(services: Services, guest: Guest, lang: Any) -> GuestDashboard:
    async with transaction(services.pool) as connection:
        dashboard = await store.find(connection, str(guest.dashboard_id), lang)
    return GuestDashboard(
        dashboard=body_of(dashboard, guest=True), allow_export=guest.allow_export, allow_rows=guest.allow_rows
    )


def _token(request: Request) -> str:
    token = request.headers.get(GUEST_HEADER)
    if token is None:
        raise ApiError(401, "no_guest_token", "This call needs a guest token in the header X-GuestToken.")
    return token


def _path(viewer: Viewer, embed: Embed | None, number: int, key: str) -> str:
    place = f"/embedded/{embed.uuid}" if viewer.guest is not None and embed is not None else f"/dashboards/{number}"
    return f"{place}?{urlencode({'permalink_key': key})}"

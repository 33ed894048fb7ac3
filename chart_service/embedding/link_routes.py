"""Links that show a dashboard: made and revoked by people who signed in, opened by whoever has one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from markupsafe import escape
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from chart_service.dashboards import store
from chart_service.dashboards.document import storable
from chart_service.embedding import links, passwords
from chart_service.embedding.links import ShareLink
from chart_service.embedding.public_url import public_url
from chart_service.embedding.throttle import Throttle
from chart_service.guard.filters import Filters
from chart_service.services import Services, ServicesOf
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.errors import ApiError, error_shapes
from webhook_api.pool import transaction

router = APIRouter(prefix="/api/v1", tags=["embedding"])
DAYS, MOST_DAYS = 30, 3660


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewLink(_Closed):
    """A link to make. ``filters`` are locked: they hold whatever the viewer chooses."""

    label: Annotated[str, Field(max_length=200), AfterValidator(storable)] = ""
    expires_at: AwareDatetime | None = Field(default=None, description=f"Default: in {DAYS} days.")
    filters: Filters = Field(default_factory=Filters)
    password: str | None = Field(default=None, min_length=8, max_length=200)


class LinkBody(BaseModel):
    """A link. ``snippet`` is HTML that shows it in a page of an allowed site."""

    id: UUID
    label: str
    filters: dict[str, Any]
    has_password: bool
    expires_at: datetime
    created_by: str | None
    created_at: datetime
    url: str
    snippet: str


class Links(BaseModel):
    """The links of a dashboard that were not revoked, the newest first."""

    items: list[LinkBody]


class Opening(_Closed):
    """What the page of a link sends: the signed text of its address, and the password if there is one."""

    token: str = Field(max_length=4000)
    password: str | None = Field(default=None, max_length=200)


class Visit(BaseModel):
    """What the page sends as `X-GuestToken` from now on."""

    token: str
    dashboard_id: int


@router.get("/dashboards/{dashboard_id}/links", responses=SIGN_IN_ERRORS | error_shapes(_404="no such dashboard"))
async def all_links(request: Request, services: ServicesOf, claims: SignedIn, dashboard_id: int) -> Links:
    """The links of a dashboard."""
    async with transaction(services.pool) as connection:
        number = await store.id_of(connection, str(dashboard_id))
        found = await links.of_dashboard(connection, number)
    return Links(items=[await _body(request, services, link) for link in found])


@router.post(
    "/dashboards/{dashboard_id}/links",
    status_code=201,
    responses=SIGN_IN_ERRORS | error_shapes(_404="no such dashboard"),
)
async def make_link(
    request: Request, services: ServicesOf, claims: SignedIn, dashboard_id: int, new: NewLink
) -> LinkBody:
    """Make a link that shows the dashboard to whoever has it."""
    now = datetime.now(UTC)
    expires_at = new.expires_at or now + timedelta(days=DAYS)
    if not now < expires_at < now + timedelta(days=MOST_DAYS):
        raise ApiError(422, "bad_expiry", f"expires_at must be in the future, at most {MOST_DAYS} days from now.")
    kept = await run_in_threadpool(passwords.hashed, new.password) if new.password else None
    async with transaction(services.pool) as connection:
        number = await store.id_of(connection, str(dashboard_id))
        link = await links.make(
            connection,
            number,
            label=new.label.strip(),
            filters=new.filters.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            password_hash=kept,
            expires_at=expires_at,
            by=claims.get("email") or claims.get("sub"),
        )
    return await _body(request, services, link)


@router.delete(
    "/dashboards/{dashboard_id}/links/{link_id}",
    status_code=204,
    responses=SIGN_IN_ERRORS | error_shapes(_404="no such link"),
)
async def revoke_link(services: ServicesOf, claims: SignedIn, dashboard_id: int, link_id: UUID) -> None:
    """Make a link worthless, also for those who look at it now."""
    async with transaction(services.pool) as connection:
        if not await links.revoke(connection, dashboard_id, link_id):
            raise ApiError(404, "no_such_link", "There is no such link. It may have been revoked.")


@router.post(
    "/shared/visit",
    responses=error_shapes(_401="a password is needed, or it is wrong", _410="not a good link", _429="too often"),
)
async def visit(request: Request, services: ServicesOf, opening: Opening) -> Visit:
    """Open a link, as its page does."""
    link_id = await links.link_id_of(opening.token, services.signing)
    async with transaction(services.pool) as connection:
        link = await links.open_link(connection, link_id)
    if link.password_hash is not None:
        if not opening.password:
            raise ApiError(401, "password_needed", "This link needs a password.")
        await _check_password(request, services, link, opening.password)
    return Visit(token=await links.visit_token(link, services.signing), dashboard_id=link.dashboard_id)


async def _check_password(request: Request, services: Services, link: ShareLink, password: str) -> None:
    host = request.client.host if request.client else "?"
    throttle = Throttle(services.pool)
    subject = f"link {link.id} from {host}"
    await throttle.attempt(subject)
    if not await run_in_threadpool(passwords.fits, password, link.password_hash or ""):
        raise ApiError(401, "wrong_password", "This is not the password of this link.")
    await throttle.succeeded(subject)


async def _body(request: Request, services: Services, link: ShareLink) -> LinkBody:
    url = f"{public_url(request, services.settings)}/shared/{await links.token_of(link, services.signing)}"
    snippet = (
        f'<iframe src="{escape(url)}" width="100%" height="800" style="border:0" loading="lazy" allow="fullscreen" '
        'sandbox="allow-scripts allow-same-origin allow-forms allow-downloads allow-popups"></iframe>'
    )
    return LinkBody(
        id=link.id,
        label=link.label,
        filters=link.filters,
        has_password=link.password_hash is not None,
        expires_at=link.expires_at,
        created_by=link.created_by,
        created_at=link.created_at,
        url=url,
        snippet=snippet,
    )

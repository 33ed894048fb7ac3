"""The pages in frames: ``/embedded/<uuid>`` for hosts with Superset's SDK, ``/shared/<token>`` for links.

They are served to anybody and hold neither data nor titles; what is shown is asked for with a token.
"""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from chart_service.dashboards.filter_spec import STANDARD
from chart_service.embedding import embeds, links
from chart_service.embedding.guest_routes import no_such_embed
from chart_service.embedding.origins import frame_ancestors, origin_of, origins_of
from chart_service.pages.rendering import AnyPage, Page
from chart_service.pages.texts import LANGS
from chart_service.services import ServicesOf
from webhook_api.errors import ApiError
from webhook_api.pool import transaction

router = APIRouter(include_in_schema=False)

_TEXTS = ("card", "filters", "dashboard", "embedded")
_THEMES = {"dark": "dark", "system": "system", "default": "light"}


@router.get("/embedded/{uuid}")
async def embedded(request: Request, services: ServicesOf, page: AnyPage, uuid: str) -> Response:
    """The frame of an embedded dashboard. Sites that may not show it are refused: by us where they tell who they are,
    by the browser in any case."""
    async with transaction(services.pool) as connection:
        embed = await embeds.of_uuid(connection, _uuid(uuid))
    if embed is None:
        raise no_such_embed()
    origins = embed.origins(services.settings)
    referer = request.headers.get("referer")
    if referer is not None and origin_of(referer) not in origins:
        raise ApiError(403, "site_not_allowed", "This dashboard may not be embedded in this site.")
    _as_asked(page, request, "light")
    return _frame(page, {"kind": "embedded", "uuid": str(embed.uuid), "origins": list(origins)}, origins)


@router.get("/shared/{token}")
async def shared(services: ServicesOf, request: Request, page: AnyPage, token: str) -> Response:
    """The page of a link, also in a frame of an allowed site."""
    link_id = await links.link_id_of(token, services.signing)
    async with transaction(services.pool) as connection:
        link = await links.open_link(connection, link_id)
        embed = await embeds.of_dashboard(connection, link.dashboard_id)
    origins = embed.origins(services.settings) if embed else origins_of(services.settings.embed_allowed_origins)
    _as_asked(page, request, page.theme)
    return _frame(page, {"kind": "shared", "token": token, "origins": []}, origins)


def _frame(page: Page, data: dict[str, object], origins: tuple[str, ...]) -> Response:
    known = {**data, "filters": [one.column for one in STANDARD]}
    response = page.render("embedded.html", texts=_TEXTS, data=known, frame_ancestors=frame_ancestors(origins))
    response.headers["Referrer-Policy"] = "no-referrer"  # the token in a link's address goes nowhere
    return response


def _as_asked(page: Page, request: Request, theme: str) -> None:
    """Language and theme as the address asks, so that the first paint has them already."""
    wanted = request.query_params.get("lang") or request.query_params.get("locale") or ""
    for lang in LANGS:
        if wanted.lower().startswith(lang):
            page.lang = lang
    page.theme = _THEMES.get(request.query_params.get("themeMode", ""), theme)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise no_such_embed() from None

"""The pages' addresses that need nothing but a template, and the files that they load."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from chart_service.pages.assets import Assets
from chart_service.pages.viewer import PageOf

FOR_EVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home(page: PageOf) -> Response:
    """The dashboards, and how fresh the data is."""
    return page.render("home.html", texts=("home",), at="home")


@router.get("/dashboards/{dashboard}")
async def dashboard(page: PageOf, dashboard: str) -> Response:
    """A dashboard, by its id or its name in addresses. The module asks the API for it, and says so if there is none."""
    return page.render(
        "dashboard.html", texts=("card", "filters", "dashboard"), at="home", data={"dashboard": dashboard}
    )


@router.get("/static/{tag}/{name:path}")
async def static(request: Request, tag: str, name: str) -> Response:
    """A file that pages load; kept for ever where its address has the present hash."""
    assets: Assets = request.app.state.assets
    asset = await run_in_threadpool(assets.get, name)
    if asset is None:
        return Response("There is no such file.", 404, media_type="text/plain")
    headers = {"Cache-Control": FOR_EVER if assets.is_current(tag) else "no-cache", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.plain, headers=headers, media_type=asset.media_type)


@router.get("/favicon.ico")
async def favicon(request: Request) -> Response:
    """The mark of the product, for browsers that ask for it unbidden."""
    return await static(request, "current", "favicon.svg")

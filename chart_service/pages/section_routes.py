"""The addresses of the sections beside the dashboards: asking, the library of charts, the schema, the settings."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from chart_service.pages.viewer import PageOf
from chart_service.services import ServicesOf

router = APIRouter(include_in_schema=False)


@router.get("/schema")
async def schema(page: PageOf) -> Response:
    """What every table and column means, to be searched and edited."""
    return page.render("schema.html", texts=("schema",), at="schema")


@router.get("/ask")
async def ask(page: PageOf, services: ServicesOf) -> Response:
    """Ask in words, or write a statement."""
    settings = services.settings
    model = settings.openai_model if settings.openai_api_key else None
    return page.render("ask.html", texts=("card", "editor", "ask"), at="ask", data={"model": model})


@router.get("/charts")
async def charts(page: PageOf) -> Response:
    """The library."""
    return page.render("charts.html", texts=("card", "editor", "charts"), at="charts")


@router.get("/charts/{chart}")
async def chart(page: PageOf, chart: str) -> Response:
    """A chart of the library. The module asks the API for it, and says so if there is none."""
    return page.render("chart.html", texts=("card", "editor", "charts"), at="charts", data={"chart": chart})


@router.get("/settings")
async def settings(page: PageOf) -> Response:
    """What people set for asking and embedding, and what asking costs."""
    return page.render("settings.html", texts=("card", "settings"), at="settings")

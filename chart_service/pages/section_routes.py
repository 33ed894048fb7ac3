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

"""Shapes of dashboards in the API, and the language of a call."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field

from chart_service.dashboards.document import Document, Item, Slug, Tab
from chart_service.dashboards.store import Dashboard
from chart_service.pages.texts import Lang, preferred_lang


def _lang(
    request: Request,
    lang: Annotated[
        Lang | None, Query(description="Default: the cookie `lang`, else `Accept-Language`, else Russian.")
    ] = None,
) -> Lang:
    return lang or preferred_lang(request.cookies.get("lang"), request.headers.get("accept-language", ""))


LangOf = Annotated[Lang, Depends(_lang)]
"""The language that a caller wants texts in."""


class ListedDashboard(BaseModel):
    """A dashboard in the list."""

    id: int
    uuid: UUID
    slug: str | None
    title: str
    description: str
    updated_at: datetime
    version: int
    chart_count: int
    starter: bool = Field(description="It came with the service.")


class Dashboards(BaseModel):
    """The dashboards."""

    items: list[ListedDashboard]


class ChartOnDashboard(BaseModel):
    """A chart as a dashboard needs it. Guests get no ``sql``, and of ``template`` the format."""

    id: int
    title: str
    description: str
    lang: str
    sql: str | None
    template: dict[str, Any]
    version: int
    updated_at: datetime


class DashboardBody(BaseModel):
    """A dashboard and the charts on it."""

    id: int
    uuid: UUID
    slug: Slug | None
    title: str
    description: str
    version: int
    tabs: list[Tab]
    items: list[Item]
    filters: dict[str, Any]
    charts: dict[int, ChartOnDashboard]
    starter: bool
    created_by: str | None
    updated_at: datetime


class Change(Document):
    """A changed dashboard: whole, and the version that was changed."""

    version: int = Field(ge=1, description="Of the dashboard as it was loaded.")

    def document(self) -> Document:
        """What to keep of it."""
        return Document.model_validate(self.model_dump(exclude={"version"}))


def body_of(dashboard: Dashboard, *, guest: bool = False) -> DashboardBody:
    """The dashboard as the API tells it; to guests without statements and names."""
    charts = {
        number: ChartOnDashboard(**(_for_guests(chart) if guest else chart))
        for number, chart in dashboard.charts.items()
    }
    return DashboardBody(
        id=dashboard.id,
        uuid=dashboard.uuid,
        slug=dashboard.slug,
        title=dashboard.title,
        description=dashboard.description,
        version=dashboard.version,
        tabs=[Tab.model_validate(tab) for tab in dashboard.tabs],
        items=[Item.model_validate(item) for item in dashboard.items],
        filters=dashboard.filters,
        charts=charts,
        starter=dashboard.starter is not None,
        created_by=None if guest else dashboard.created_by,
        updated_at=dashboard.updated_at,
    )


def _for_guests(chart: dict[str, Any]) -> dict[str, Any]:
    return {**chart, "sql": None, "template": {"format": chart["template"].get("format")}}

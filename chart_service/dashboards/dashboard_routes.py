"""Dashboards: list, make, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from chart_service.dashboards import store
from chart_service.dashboards.document import Document
from chart_service.dashboards.shapes import Change, DashboardBody, Dashboards, LangOf, ListedDashboard, body_of
from chart_service.services import ServicesOf
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.errors import error_shapes
from webhook_api.pool import transaction

router = APIRouter(prefix="/api/v1/dashboards", tags=["dashboards"], responses=SIGN_IN_ERRORS)
NOT_FOUND = error_shapes(_404="no such dashboard")


def name_of(claims: Mapping[str, Any]) -> str | None:
    """Who calls, for the records: e-mail, or else id; None where nobody signs in."""
    return claims.get("email") or claims.get("sub")


@router.get("")
async def dashboards(
    services: ServicesOf,
    claims: SignedIn,
    lang: LangOf,
    q: Annotated[str, Query(max_length=200, description="Only those whose title or description holds this.")] = "",
) -> Dashboards:
    """All dashboards: those that came with the service first, then the most recently changed."""
    async with transaction(services.pool) as connection:
        await services.starters.install(connection)
        found = await store.summaries(connection, lang, q.strip())
    return Dashboards(items=[ListedDashboard(**asdict(summary)) for summary in found])


@router.post("", status_code=201, responses=error_shapes(_409="another dashboard has this slug"))
async def make(services: ServicesOf, claims: SignedIn, lang: LangOf, document: Document) -> DashboardBody:
    """Make a dashboard, empty or with all that it shall hold."""
    async with transaction(services.pool) as connection:
        number = await store.create(connection, document, lang, name_of(claims))
        return body_of(await store.find(connection, str(number), lang))


@router.get("/{dashboard}", responses=NOT_FOUND)
async def one(services: ServicesOf, claims: SignedIn, lang: LangOf, dashboard: str) -> DashboardBody:
    """A dashboard and its charts, by id, uuid or slug."""
    async with transaction(services.pool) as connection:
        await services.starters.install(connection)  # whoever begins at the address of one finds it
        return body_of(await store.find(connection, dashboard, lang))


@router.put(
    "/{dashboard_id}", responses=NOT_FOUND | error_shapes(_409="somebody changed it meanwhile; or the slug is taken")
)
async def change(
    services: ServicesOf, claims: SignedIn, lang: LangOf, dashboard_id: int, changed: Change
) -> DashboardBody:
    """Put a changed dashboard in place of the version that was loaded."""
    async with transaction(services.pool) as connection:
        await store.replace(connection, dashboard_id, changed.version, changed.document(), name_of(claims))
        return body_of(await store.find(connection, str(dashboard_id), lang))


@router.delete("/{dashboard_id}", status_code=204, responses=NOT_FOUND)
async def delete(services: ServicesOf, claims: SignedIn, dashboard_id: int) -> None:
    """Delete a dashboard with its embed and links. Its charts stay in the library."""
    async with transaction(services.pool) as connection:
        await store.delete(connection, dashboard_id)

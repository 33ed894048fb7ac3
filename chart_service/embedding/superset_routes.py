"""Superset's ``/api/v1/dashboard``: which dashboards there are, and which of them may be embedded where."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from chart_service.dashboards import store
from chart_service.dashboards.shapes import LangOf
from chart_service.embedding import embeds
from chart_service.embedding.callers import CallerOf
from chart_service.embedding.datasets import DATASETS
from chart_service.embedding.embeds import Embed
from chart_service.embedding.errors import SupersetError
from chart_service.embedding.origins import origins_of
from chart_service.embedding.security_routes import parsed
from chart_service.services import Services, ServicesOf
from warehouse.views import VIEW_TITLES
from webhook_api.errors import ApiError, error_shapes
from webhook_api.pool import transaction

router = APIRouter(prefix="/api/v1", tags=["embedding"], responses=error_shapes(_401="nobody has signed in"))
NOT_FOUND = error_shapes(_404="no such dashboard, or it may not be embedded")


class EmbedRequest(BaseModel):
    """Where a dashboard may be embedded. ``allow_export``, ``allow_rows``: whether guests may download data, and see
    the single rows behind a chart."""

    model_config = ConfigDict(extra="ignore")

    allowed_domains: list[str] = Field(default=[], max_length=100, examples=[["https://host.example"]])
    allow_export: bool = True
    allow_rows: bool = False


class EmbedBody(BaseModel):
    """How a dashboard may be embedded. ``effective_origins``: the sites, those of the settings where it names none."""

    uuid: UUID
    allowed_domains: list[str]
    dashboard_id: str
    changed_on: datetime
    changed_by: str | None
    allow_export: bool
    allow_rows: bool
    revoked_before: datetime | None
    effective_origins: list[str]


class EmbedResult(BaseModel):
    """Superset's envelope."""

    result: EmbedBody


class SupersetDashboards(BaseModel):
    """The dashboards as Superset lists them."""

    count: int
    ids: list[int]
    result: list[dict[str, Any]]


class SupersetDatasets(BaseModel):
    """The views as Superset lists data sets: the numbers that rules name."""

    count: int
    ids: list[int]
    result: list[dict[str, Any]]


class Message(BaseModel):
    """What was done."""

    message: str


@router.get("/dashboard/")
async def dashboards(services: ServicesOf, caller: CallerOf, lang: LangOf) -> SupersetDashboards:
    """All dashboards."""
    async with transaction(services.pool) as connection:
        await services.starters.install(connection)
        found = await store.summaries(connection, lang)
    rows = [
        {
            "id": item.id,
            "uuid": str(item.uuid),
            "dashboard_title": item.title,
            "slug": item.slug,
            "url": f"/dashboards/{item.slug or item.id}",
            "changed_on_utc": item.updated_at.isoformat(),
            "published": True,
        }
        for item in found
    ]
    return SupersetDashboards(count=len(rows), ids=[item.id for item in found], result=rows)


@router.get("/dataset/")
async def datasets(services: ServicesOf, caller: CallerOf, lang: LangOf) -> SupersetDatasets:
    """The views, with the numbers and names under which rules of guest tokens know them."""
    rows = [
        {"id": number, "table_name": view, "schema": "crm", "description": VIEW_TITLES[view].of(lang)}
        for number, view in DATASETS.items()
    ]
    return SupersetDatasets(count=len(rows), ids=list(DATASETS), result=rows)


@router.get("/dashboard/{dashboard}/embedded", responses=NOT_FOUND)
async def embedded(services: ServicesOf, caller: CallerOf, dashboard: str) -> EmbedResult:
    """How the dashboard may be embedded."""
    async with transaction(services.pool) as connection:
        found = await embeds.of_dashboard(connection, await _id(connection, dashboard))
    if found is None:
        raise _not_embedded()
    return _result(found, services)


@router.put("/dashboard/{dashboard}/embedded", responses=NOT_FOUND | error_shapes(_400="a domain is no site"))
@router.post("/dashboard/{dashboard}/embedded", responses=NOT_FOUND | error_shapes(_400="a domain is no site"))
async def enable(services: ServicesOf, caller: CallerOf, dashboard: str, body: Annotated[Any, Body()]) -> EmbedResult:
    """Let it be embedded, or change where; the uuid stays."""
    asked = parsed(EmbedRequest, body)
    try:
        origins_of(asked.allowed_domains)
    except ValueError as error:
        raise SupersetError(400, "bad_domain", f"allowed_domains: {error}.") from None
    async with transaction(services.pool) as connection:
        number = await _id(connection, dashboard)
        await embeds.enable(
            connection,
            number,
            asked.allowed_domains,
            allow_export=asked.allow_export,
            allow_rows=asked.allow_rows,
            by=caller.name,
        )
        found = await embeds.of_dashboard(connection, number)
    assert found is not None  # noqa: S101  it was stored above
    return _result(found, services)


@router.delete("/dashboard/{dashboard}/embedded", responses=NOT_FOUND)
async def disable(services: ServicesOf, caller: CallerOf, dashboard: str) -> Message:
    """Let it be embedded no more. Its uuid is not used again."""
    async with transaction(services.pool) as connection:
        if not await embeds.disable(connection, await _id(connection, dashboard)):
            raise _not_embedded()
    return Message(message="OK")


@router.post("/dashboard/{dashboard}/embedded/revoke", responses=NOT_FOUND)
async def revoke(services: ServicesOf, caller: CallerOf, dashboard: str) -> EmbedResult:
    """Make every guest token that was issued for it until now worthless; new ones are good."""
    async with transaction(services.pool) as connection:
        number = await _id(connection, dashboard)
        if not await embeds.revoke_tokens(connection, number, caller.name):
            raise _not_embedded()
        found = await embeds.of_dashboard(connection, number)
    assert found is not None  # noqa: S101  it was changed above
    return _result(found, services)


async def _id(connection: embeds.Connection, dashboard: str) -> int:
    try:
        return await store.id_of(connection, dashboard)
    except ApiError as error:
        raise SupersetError.of(error) from None


def _result(embed: Embed, services: Services) -> EmbedResult:
    return EmbedResult(
        result=EmbedBody(
            uuid=embed.uuid,
            allowed_domains=embed.allowed_domains,
            dashboard_id=str(embed.dashboard_id),
            changed_on=embed.changed_on,
            changed_by=embed.changed_by,
            allow_export=embed.allow_export,
            allow_rows=embed.allow_rows,
            revoked_before=embed.revoked_before,
            effective_origins=list(embed.origins(services.settings)),
        )
    )


def _not_embedded() -> SupersetError:
    return SupersetError(404, "not_embedded", "This dashboard may not be embedded. Enable it first.")

"""Saved charts: the library, their data, their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pydantic
from fastapi import APIRouter, Query, Request, Response

from chart_service.chart_data import ChartData, Drawn
from chart_service.dashboards.shapes import LangOf
from chart_service.disconnects import while_connected
from chart_service.errors import STATEMENT_ERRORS, say_in
from chart_service.figures.build import Lang
from chart_service.guard.filters import Filters
from chart_service.library import store
from chart_service.library.exporting import FILE, export
from chart_service.library.saved import draw_saved, saved_before
from chart_service.library.shapes import (
    ChangedChart,
    ChartBody,
    ChartId,
    DataBody,
    Library,
    ListedChart,
    PinBody,
    SavedChart,
)
from chart_service.services import Services, ServicesOf
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.errors import ApiError, error_shapes
from webhook_api.pool import transaction

router = APIRouter(prefix="/api/v1/charts", tags=["charts"], responses=SIGN_IN_ERRORS)
NOT_FOUND = error_shapes(_404="no such chart")
CONFLICT = error_shapes(_409="somebody changed it meanwhile: `changed_meanwhile`")
MOST_OF_FILTERS = 5_000
"""Characters of filters in an address. A character takes up to 12 bytes there, and the server reads up to 64 kB."""


@router.get("")
async def charts(
    services: ServicesOf,
    claims: SignedIn,
    lang: LangOf,
    q: Annotated[str, Query(max_length=200, description="Only those whose title, text or question holds this.")] = "",
    pinned: bool | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> Library:
    """The library: pinned charts first, then the most recently changed."""
    async with transaction(services.pool) as connection:
        await services.starters.install(connection)
        found, total = await store.listed(
            connection, lang, q=q.replace("\0", "").strip(), pinned=pinned, limit=limit, offset=offset
        )
    return Library(items=[ListedChart.model_validate(chart) for chart in found], total=total)


@router.post("", status_code=201, responses=STATEMENT_ERRORS)
async def save(services: ServicesOf, claims: SignedIn, request: Request, body: ChartBody) -> SavedChart:
    """Keep a chart. Its statement passes the guard now, and again whenever it is used."""
    chart = await _checked(services, request, body)
    async with transaction(services.pool) as connection:
        number = await store.create(connection, chart, claims.get("email") or claims.get("sub"))
        return _body(await store.find(connection, number, None))


@router.get("/{chart_id}", responses=NOT_FOUND)
async def one(services: ServicesOf, claims: SignedIn, lang: LangOf, chart_id: ChartId) -> SavedChart:
    """A chart, without its data."""
    async with transaction(services.pool) as connection:
        return _body(await store.find(connection, chart_id, lang))


@router.put("/{chart_id}", responses=NOT_FOUND | CONFLICT | STATEMENT_ERRORS)
async def change(
    services: ServicesOf, claims: SignedIn, request: Request, chart_id: ChartId, body: ChangedChart
) -> SavedChart:
    """Put a changed chart in place of the version that was loaded. Its statement passes the guard first."""
    chart = await _checked(services, request, body)
    async with transaction(services.pool) as connection:
        await store.replace(connection, chart_id, body.version, chart)
        return _body(await store.find(connection, chart_id, body.lang))


@router.delete("/{chart_id}", status_code=204, responses=NOT_FOUND)
async def delete(services: ServicesOf, claims: SignedIn, chart_id: ChartId) -> None:
    """Delete a chart. It disappears from dashboards, too."""
    async with transaction(services.pool) as connection:
        await store.delete(connection, chart_id)


@router.post("/{chart_id}/pin", responses=NOT_FOUND)
async def pin(services: ServicesOf, claims: SignedIn, lang: LangOf, chart_id: ChartId, body: PinBody) -> SavedChart:
    """Put a chart first in the library, or no longer."""
    async with transaction(services.pool) as connection:
        await store.pin(connection, chart_id, body.pinned)
        return _body(await store.find(connection, chart_id, lang))


_DATA_ERRORS = (
    NOT_FOUND | error_shapes(_409="it names what the schema has no more: `schema_changed`") | STATEMENT_ERRORS
)


@router.get("/{chart_id}/data", response_model=ChartData, responses=_DATA_ERRORS)
async def data(
    services: ServicesOf,
    claims: SignedIn,
    request: Request,
    lang: LangOf,
    chart_id: ChartId,
    refresh: Annotated[bool, Query(description="Look for new data and run the statement again.")] = False,
) -> Response:
    """The chart as it is drawn, without filters."""
    return await _data(services, request, chart_id, lang, Filters(), refresh=refresh)


@router.post("/{chart_id}/data", response_model=ChartData, responses=_DATA_ERRORS)
async def filtered_data(
    services: ServicesOf, claims: SignedIn, request: Request, lang: LangOf, chart_id: ChartId, body: DataBody
) -> Response:
    """The chart as it is drawn with these filters."""
    return await _data(services, request, chart_id, body.lang or lang, body.filters, refresh=body.refresh)


@router.get("/{chart_id}/export.{format}", response_class=Response, responses=FILE | _DATA_ERRORS)
async def export_chart(
    services: ServicesOf,
    claims: SignedIn,
    request: Request,
    lang: LangOf,
    chart_id: ChartId,
    format: Literal["csv", "xlsx", "sql"],
    filters: Annotated[str, Query(max_length=MOST_OF_FILTERS, description="Filters as JSON.")] = "",
    excel: Annotated[bool, Query(description="CSV as Excel opens it.")] = False,
) -> Response:
    """The chart's rows, up to 100,000 of them, as CSV or XLSX; or its statement."""
    say_in(request, lang)
    async with transaction(services.pool) as connection:
        chart = await store.find(connection, chart_id, lang)
    async with saved_before():
        return await while_connected(
            request,
            export(
                services.charts.statements,
                chart["sql"],
                format,
                title=chart["title"],
                lang=lang,
                filters=_filters(filters),
                excel=excel,
            ),
        )


async def _data(
    services: Services, request: Request, chart_id: int, lang: Lang, filters: Filters, *, refresh: bool
) -> Response:
    say_in(request, lang)
    async with transaction(services.pool) as connection:
        chart = await store.find(connection, chart_id, lang)
    drawn = await while_connected(
        request, draw_saved(services.charts, chart, lang=lang, filters=filters, refresh=refresh)
    )
    return chart_data(drawn)


def chart_data(drawn: Drawn) -> Response:
    """The answer of a saved chart's data."""
    return Response(drawn.json(), media_type="application/json")


async def _checked(services: Services, request: Request, body: ChartBody) -> dict[str, Any]:
    """The chart to keep, once its statement has passed the guard. Raises ``Refused``."""
    say_in(request, body.lang)
    schema = await services.charts.statements.schema()
    await services.charts.statements.checked(body.sql, schema=schema)
    return {**body.model_dump(mode="json", exclude={"version"}), "schema_hash": schema.hash}


def _filters(text: str) -> Filters:
    if not text:
        return Filters()
    try:
        return Filters.model_validate_json(text)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(["query", "filters", *map(str, first["loc"])])
        raise ApiError(422, "invalid_request", f"{place}: {first['msg']}") from None


def _body(chart: Mapping[str, Any]) -> SavedChart:
    return SavedChart.model_validate(chart)

"""Data of a dashboard: of its charts, files of them, the rows behind marks, and what filters can choose from.

For people who signed in, for guests of embedding hosts, and for visitors of links: each within their rights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chart_service.chart_data import ChartData, ColumnBody, to_json
from chart_service.dashboards.drill import Value, rows_behind
from chart_service.dashboards.filter_spec import StandardFilter, date_columns, free_columns, standard_filters
from chart_service.dashboards.shapes import LangOf
from chart_service.dashboards.viewing import (
    NotWithinTheLink,
    chart_on,
    charts_on,
    checked_for,
    draw_for,
    locked_sql,
    rules_of,
    views_of,
    without_words_of_sql,
)
from chart_service.disconnects import while_connected
from chart_service.embedding.guests import Viewer, ViewerOf
from chart_service.errors import STATEMENT_ERRORS, say_in
from chart_service.figures.build import Lang
from chart_service.guard import Checked, Refused
from chart_service.guard.filters import Filters
from chart_service.library.exporting import export
from chart_service.library.options import OPTIONS, option_column, options_sql
from chart_service.library.saved import saved_before
from chart_service.library.shapes import DataBody
from chart_service.services import Services, ServicesOf
from webhook_api.auth import SIGN_IN_ERRORS
from webhook_api.errors import ApiError, error_shapes

BEHIND_ROWS = 500

router = APIRouter(
    prefix="/api/v1/dashboards/{dashboard_id}",
    tags=["dashboards"],
    responses=SIGN_IN_ERRORS | error_shapes(_404="no such chart on this dashboard"),
)


class FileBody(BaseModel):
    """Which rows of a chart are wanted as a file."""

    model_config = ConfigDict(extra="forbid")

    filters: Filters = Field(default_factory=Filters)
    lang: Lang | None = None
    excel: bool = Field(default=False, description="CSV as Excel opens it: with a byte order mark.")


class MarkValue(BaseModel):
    """What a mark stands for in one column of the chart's result."""

    model_config = ConfigDict(extra="forbid")

    column: str = Field(max_length=200)
    value: Annotated[str, Field(max_length=1000)] | int | float | bool | None


class RowsBody(BaseModel):
    """The mark whose rows are wanted; without ``where`` all rows that the chart reads."""

    model_config = ConfigDict(extra="forbid")

    filters: Filters = Field(default_factory=Filters)
    where: list[MarkValue] = Field(default=[], max_length=10)
    lang: Lang | None = None


class TitledColumn(ColumnBody):
    """A column of rows, with a title for people."""

    title: str


class RowsBehind(BaseModel):
    """Rows behind a mark."""

    view: str
    columns: list[TitledColumn]
    rows: list[list[Any]]
    truncated: bool


class FilterValue(BaseModel):
    """A value that a filter may have; ``count``: how many rows have it."""

    value: Any
    label: str
    count: int


class OfferedFilter(BaseModel):
    """A filter and the values that exist."""

    column: str
    title: str
    values: list[FilterValue]


class OfferedColumn(BaseModel):
    """A column that one may filter by, too."""

    column: str
    title: str
    kind: str
    view: str


class TitledDate(BaseModel):
    """A date that the period may be about."""

    column: str
    title: str


class PeriodSpec(BaseModel):
    """The dates that a period may be about, beside the usual one of each view."""

    columns: list[TitledDate]


class FilterSpec(BaseModel):
    """What a dashboard can be filtered by. ``locked``: columns that the viewer's link has set for good."""

    period: PeriodSpec | None
    filters: list[OfferedFilter]
    columns: list[OfferedColumn]
    locked: list[str]


class FilterValues(BaseModel):
    """The values that a column has."""

    column: str
    values: list[FilterValue]


@router.post("/charts/{chart_id}/data", response_model=ChartData, responses=STATEMENT_ERRORS)
async def chart_data(
    services: ServicesOf,
    viewer: ViewerOf,
    request: Request,
    lang: LangOf,
    dashboard_id: int,
    chart_id: int,
    body: DataBody,
) -> Response:
    """A chart of the dashboard as it is drawn with these filters."""
    wanted = _say(request, body.lang or lang)
    chart = await chart_on(services, dashboard_id, chart_id, wanted)
    async with without_words_of_sql(viewer):
        drawn = await while_connected(
            request,
            draw_for(services, chart, viewer, filters=body.filters, lang=wanted, refresh=body.refresh),
        )
    return Response(drawn.json(), media_type="application/json")


@router.post("/charts/{chart_id}/export.{format}", response_class=Response, responses=STATEMENT_ERRORS)
async def chart_file(
    services: ServicesOf,
    viewer: ViewerOf,
    request: Request,
    lang: LangOf,
    dashboard_id: int,
    chart_id: int,
    format: Literal["csv", "xlsx"],
    body: FileBody,
) -> Response:
    """The rows of a chart of the dashboard, up to 100,000 of them."""
    viewer.check_export()
    wanted = _say(request, body.lang or lang)
    chart = await chart_on(services, dashboard_id, chart_id, wanted)
    statements = services.charts.statements
    async with without_words_of_sql(viewer), saved_before():
        sql = await locked_sql(statements, chart["sql"], viewer)
        return await while_connected(
            request,
            export(
                statements,
                sql,
                format,
                title=chart["title"],
                lang=wanted,
                filters=body.filters,
                rules=rules_of(viewer),
                excel=body.excel,
            ),
        )


@router.post("/charts/{chart_id}/rows", response_model=RowsBehind, responses=STATEMENT_ERRORS)
async def chart_rows(
    services: ServicesOf,
    viewer: ViewerOf,
    request: Request,
    lang: LangOf,
    dashboard_id: int,
    chart_id: int,
    body: RowsBody,
) -> Response:
    """The rows from which a chart computes what a mark stands for."""
    viewer.check_rows()
    wanted = _say(request, body.lang or lang)
    chart = await chart_on(services, dashboard_id, chart_id, wanted)
    statements = services.charts.statements
    where: dict[str, Value] = {one.column: one.value for one in body.where}
    async with without_words_of_sql(viewer), saved_before():
        schema = await statements.schema()
        behind = rows_behind(await statements.checked(chart["sql"]), where, schema.columns)
        checked = await checked_for(statements, behind.sql, viewer, body.filters)
        loaded = await while_connected(request, statements.load(checked, rows=BEHIND_ROWS))
    columns = [
        {"name": column.name, "kind": column.kind, "title": behind.titles[column.name].of(wanted)}
        for column in loaded.rows.columns
    ]
    content = {
        "view": behind.view,
        "columns": columns,
        "rows": loaded.rows.rows,
        "truncated": loaded.rows.truncated,
    }
    return Response(to_json(content), media_type="application/json")


@router.get("/filters")
async def filters(
    services: ServicesOf, viewer: ViewerOf, request: Request, lang: LangOf, dashboard_id: int
) -> FilterSpec:
    """What the dashboard can be filtered by, and which values exist for this viewer."""
    wanted = _say(request, lang)
    views = await _views(services, dashboard_id, wanted)
    catalog = (await services.schemas.current()).catalog
    dates = date_columns(catalog, views)
    locked = _locked_columns(viewer)
    offered = []
    async with without_words_of_sql(viewer):
        for one, having in standard_filters(catalog, views):
            if one.column not in locked:
                values = await while_connected(request, _standard_values(services, viewer, one, having, wanted))
                offered.append(OfferedFilter(column=one.column, title=one.title.of(wanted), values=values))
    free = [] if viewer.guest else free_columns(catalog, views)
    return FilterSpec(
        period=PeriodSpec(columns=[TitledDate(column=name, title=title.of(wanted)) for name, title in dates])
        if dates
        else None,
        filters=offered,
        columns=[
            OfferedColumn(
                column=f"{table.name}.{column.name}",
                title=column.title or column.meaning.of(wanted),
                kind=column.type,
                view=table.title.of(wanted),
            )
            for table, column in free
        ],
        locked=sorted(locked),
    )


@router.get("/filters/options", responses=error_shapes(_404="no such column, or not one that guests may choose from"))
async def filter_options(
    services: ServicesOf,
    viewer: ViewerOf,
    request: Request,
    lang: LangOf,
    dashboard_id: int,
    column: Annotated[str, Query(max_length=200, examples=["assigned_by_id", "deals.company_id"])],
    q: Annotated[str, Query(max_length=100, description="Only those whose label holds this.")] = "",
) -> FilterValues:
    """The values of a column that exist for this viewer."""
    wanted = _say(request, lang)
    views = await _views(services, dashboard_id, wanted)
    catalog = (await services.schemas.current()).catalog
    search = q.replace("\0", "").strip()
    async with without_words_of_sql(viewer):
        for one, having in standard_filters(catalog, views):
            if one.column == column.rpartition(".")[2] and column.rpartition(".")[0] in ("", *having):
                values = _standard_values(services, viewer, one, having, wanted, search)
                return FilterValues(column=column, values=await while_connected(request, values))
        if viewer.guest is not None or column.partition(".")[0] not in views:
            raise ApiError(404, "no_such_column", "This dashboard has no such column to filter by.")
        values = _values(services, viewer, column, search)
        return FilterValues(column=column, values=await while_connected(request, values))


async def _views(services: Services, dashboard_id: int, lang: Lang) -> frozenset[str]:
    """The views that the dashboard's charts read; charts that the guard refuses by now read none."""
    checked: list[Checked] = []
    for chart in await charts_on(services, dashboard_id, lang):
        try:
            checked.append(await services.charts.statements.checked(chart["sql"]))
        except Refused:
            continue
    return views_of(checked)


async def _standard_values(
    services: Services,
    viewer: Viewer,
    one: StandardFilter,
    views: list[str],
    lang: Lang,
    search: str = "",
) -> list[FilterValue]:
    """The values of a standard filter in all views that have it, those of most rows first.

    A view that the locked filters of a link cannot be applied to has none for its visitor.
    """
    together: dict[Any, FilterValue] = {}
    for view in views:
        try:
            values = await _values(services, viewer, f"{view}.{one.column}", search if one.labels is None else "")
        except NotWithinTheLink:
            continue
        for found in values:
            known = together.get(found.value)
            count = found.count + (known.count if known else 0)
            label = one.labels[found.value].of(lang) if one.labels and found.value in one.labels else found.label
            together[found.value] = FilterValue(value=found.value, label=label, count=count)
    return sorted(together.values(), key=lambda value: (-value.count, value.label))


async def _values(services: Services, viewer: Viewer, column: str, search: str) -> list[FilterValue]:
    found = option_column((await services.schemas.current()).catalog, column)
    checked = await checked_for(services.charts.statements, options_sql(found, search), viewer)
    loaded = await services.charts.statements.load(checked, rows=OPTIONS)
    return [
        FilterValue(value=value, label=str(value) if label is None else label, count=count)
        for value, label, count in loaded.rows.rows
    ]


def _locked_columns(viewer: Viewer) -> set[str]:
    locked: Mapping[str, Any] = viewer.guest.locked if viewer.guest else {}
    columns = {str(one["column"]).rpartition(".")[2] for one in locked.get("columns") or ()}
    return columns | ({"period"} if locked.get("period") else set())


def _say(request: Request, lang: Lang) -> Lang:
    say_in(request, lang)
    return lang

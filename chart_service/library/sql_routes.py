"""Statements: check, run, draw in another format, export, and what filters can choose from."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response

from chart_service.chart_data import ChartRequest, Drawn
from chart_service.disconnects import while_connected
from chart_service.errors import STATEMENT_ERRORS, lang_of_errors, say_in
from chart_service.figures.build import Lang
from chart_service.guard import Refused
from chart_service.library.exporting import FILE, export
from chart_service.library.options import OPTIONS, option_column, options_sql
from chart_service.library.shapes import (
    CheckedSql,
    DrawBody,
    DrawnChart,
    ExportBody,
    Option,
    Options,
    RunBody,
    SqlBody,
)
from chart_service.services import ServicesOf
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.errors import error_shapes

router = APIRouter(prefix="/api/v1", tags=["sql"], responses=SIGN_IN_ERRORS)


def language(request: Request, lang: Lang | None) -> Lang:
    """The language of an answer: the one asked for, else what the browser prefers; errors are told in it, too."""
    chosen: Lang = lang or lang_of_errors(request)
    say_in(request, chosen)
    return chosen


@router.post("/sql/check")
async def check_sql(services: ServicesOf, claims: SignedIn, request: Request, body: SqlBody) -> CheckedSql:
    """Whether the guard lets a statement through, and why not. Runs nothing."""
    try:
        checked = await services.charts.statements.checked(body.sql)
    except Refused as refused:
        message = refused.message.of(lang_of_errors(request))
        return CheckedSql(ok=False, rule=refused.rule, message=message, at=list(refused.at) if refused.at else None)
    return CheckedSql(ok=True, sql=checked.sql, relations=sorted(checked.relations), columns=list(checked.columns))


@router.post("/sql/run", response_model=DrawnChart, responses=STATEMENT_ERRORS)
async def run_sql(services: ServicesOf, claims: SignedIn, request: Request, body: RunBody) -> Response:
    """Run a statement and draw its rows, by the template that is given or the one that suits them."""
    lang = language(request, body.lang)
    wanted = ChartRequest(body.sql, body.template, filters=body.filters, lang=lang)
    return drawn_chart(body.sql, await while_connected(request, services.charts.draw(wanted)))


@router.post("/charts/draw", response_model=DrawnChart, responses=STATEMENT_ERRORS)
async def draw(services: ServicesOf, claims: SignedIn, request: Request, body: DrawBody) -> Response:
    """The same rows in another format: no model is asked, and nothing is run again while the data is the same."""
    lang = language(request, body.lang)
    wanted = ChartRequest(body.sql, body.template, body.format, body.filters, lang=lang)
    return drawn_chart(body.sql, await while_connected(request, services.charts.draw(wanted)))


@router.post("/export", response_class=Response, responses=FILE | STATEMENT_ERRORS)
async def export_statement(services: ServicesOf, claims: SignedIn, request: Request, body: ExportBody) -> Response:
    """The rows of a statement, up to 100,000 of them, as CSV or XLSX; or the statement itself."""
    lang = language(request, body.lang)
    return await while_connected(
        request,
        export(
            services.charts.statements,
            body.sql,
            body.format,
            title=body.title,
            lang=lang,
            filters=body.filters,
            excel=body.excel,
        ),
    )


@router.get("/filters/options", responses=error_shapes(_404="no such column") | STATEMENT_ERRORS)
async def filter_options(
    services: ServicesOf,
    claims: SignedIn,
    request: Request,
    column: Annotated[str, Query(max_length=200, examples=["deals.assigned_by_id"])],
    q: Annotated[str, Query(max_length=100, description="Only those whose label holds this.")] = "",
    lang: Lang | None = None,
) -> Options:
    """The values that a column has, with their labels, those of most rows first."""
    chosen = language(request, lang)
    found = option_column((await services.schemas.current()).catalog, column)
    statements = services.charts.statements
    checked = await statements.checked(options_sql(found, q.replace("\0", "").strip()))
    loaded = await while_connected(request, statements.load(checked, rows=OPTIONS))
    return Options(
        column=f"{found.view}.{found.column.name}",
        title=found.title.of(chosen),
        kind=found.kind,
        items=[
            Option(value=value, label=str(value) if label is None else label, rows=count)
            for value, label, count in loaded.rows.rows
        ],
        truncated=loaded.rows.truncated,
    )


def drawn_chart(sql: str, drawn: Drawn) -> Response:
    """The answer of a chart that was drawn."""
    content = {"sql": sql, "template": drawn.template.model_dump(mode="json"), "chart": drawn.fragment()}
    return Response(orjson.dumps(content), media_type="application/json")

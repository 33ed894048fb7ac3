"""A chart of a dashboard for whoever looks: with the rules of their token, the locked filters of their link, and for
guests without a word of SQL, whatever fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog

from chart_service.chart_data import ChartRequest, Drawn
from chart_service.dashboards.translations import chart_in
from chart_service.embedding.guests import Viewer
from chart_service.errors import SchemaChanged
from chart_service.figures import TemplateError
from chart_service.figures.build import Lang
from chart_service.guard import Checked, Refused
from chart_service.guard.filters import Filters, RowRule
from chart_service.library.saved import saved_before, template_of
from chart_service.query.failures import QueryFailed
from chart_service.query.statements import Statements
from chart_service.services import Services
from webhook_api.errors import ApiError
from webhook_api.pool import transaction

_CHART = """SELECT c.id, c.title, c.description, c.lang, c.sql, c.template, c.translations
FROM app.dashboard_charts d JOIN app.charts c ON c.id = d.chart_id WHERE d.dashboard_id = %s AND d.chart_id = %s"""
_ALL = """SELECT c.id, c.title, c.description, c.lang, c.sql, c.template, c.translations
FROM app.dashboard_charts d JOIN app.charts c ON c.id = d.chart_id WHERE d.dashboard_id = %s ORDER BY c.id"""
_NAMES = ("id", "title", "description", "lang", "sql", "template", "translations")
_OF_FILTERS = frozenset({"filter_column", "filter_value"})
_TO_BE_TOLD = frozenset({"timeout", "too_busy", "too_expensive", "too_large", "changing"})
"""Failures of a statement that say nothing of it."""

log = structlog.get_logger(__name__)


class NotWithinTheLink(ApiError):
    """A locked filter cannot be applied to what a chart reads."""

    def __init__(self) -> None:
        super().__init__(403, "not_within_the_link", "This chart cannot be shown within the filters of this link.")


async def chart_on(services: Services, dashboard_id: int, chart_id: int, lang: Lang) -> dict[str, Any]:
    """A chart of a dashboard, in a language. Raises ``ApiError`` 404."""
    async with transaction(services.pool) as connection:
        row = await (await connection.execute(_CHART, (dashboard_id, chart_id))).fetchone()
    if row is None:
        raise ApiError(404, "no_such_chart", "There is no such chart on this dashboard. It may have been taken off.")
    chart = dict(zip(_NAMES, row, strict=True))
    return chart_in(chart, lang, chart["translations"])


async def charts_on(services: Services, dashboard_id: int, lang: Lang) -> list[dict[str, Any]]:
    """All charts of a dashboard, in a language."""
    async with transaction(services.pool) as connection:
        rows = await (await connection.execute(_ALL, (dashboard_id,))).fetchall()
    charts = [dict(zip(_NAMES, row, strict=True)) for row in rows]
    return [chart_in(chart, lang, chart["translations"]) for chart in charts]


def rules_of(viewer: Viewer) -> tuple[RowRule, ...]:
    """The row rules that hold for a viewer."""
    return tuple(RowRule(rule.clause, rule.view) for rule in viewer.guest.rules) if viewer.guest else ()


async def locked_sql(statements: Statements, sql: str, viewer: Viewer) -> str:
    """The statement within the locked filters of a viewer's link.

    Raises ``NotWithinTheLink`` where one of them cannot be applied: then the chart would show what the link is to hide.
    """
    if viewer.guest is None or not viewer.guest.locked:
        return sql
    locked = Filters.model_validate(viewer.guest.locked)
    if locked == Filters():
        return sql
    checked = await statements.checked(sql, locked)
    if checked.unfiltered:
        raise NotWithinTheLink
    return checked.sql


async def checked_for(statements: Statements, sql: str, viewer: Viewer, filters: Filters | None = None) -> Checked:
    """The statement as it may run for this viewer."""
    return await statements.checked(await locked_sql(statements, sql, viewer), filters, rules_of(viewer))


async def draw_for(
    services: Services, chart: Mapping[str, Any], viewer: Viewer, *, filters: Filters, lang: Lang, refresh: bool
) -> Drawn:
    """A chart of a dashboard, drawn for this viewer. Guests do not make statements run again."""
    async with saved_before():
        request = ChartRequest(
            await locked_sql(services.charts.statements, chart["sql"], viewer),
            template_of(chart["template"]),
            filters=filters,
            rules=rules_of(viewer),
            lang=lang,
        )
        return await services.charts.draw(request, refresh=refresh and viewer.guest is None)


@asynccontextmanager
async def without_words_of_sql(viewer: Viewer) -> AsyncIterator[None]:
    """Tell a guest of a failure without what the statement, the database or the guard says of it."""
    if viewer.guest is None:
        yield
        return
    try:
        yield
    except Refused as refused:
        if refused.rule in _OF_FILTERS:
            raise ApiError(422, "bad_filter", "A filter has a value that does not fit.") from None
        raise _not_shown(refused.rule) from None
    except QueryFailed as failed:
        if failed.code in _TO_BE_TOLD:
            raise
        raise _not_shown(failed.code) from None
    except SchemaChanged:
        raise _not_shown("schema_changed") from None
    except TemplateError:
        raise _not_shown("bad_template") from None


def _not_shown(reason: str) -> ApiError:
    log.warning("a chart cannot be shown to a guest", reason=reason)
    return ApiError(422, "not_shown", "This chart cannot be shown. Whoever keeps the dashboard can see why.")


def views_of(checked: Sequence[Checked]) -> frozenset[str]:
    """All views that statements read."""
    return frozenset(view for one in checked for view in one.relations)

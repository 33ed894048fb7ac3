"""A saved chart as something to draw: its statement passes the guard again, whatever it passed before."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic import ValidationError

from chart_service.chart_data import ChartRequest, Charts, Drawn
from chart_service.errors import SchemaChanged
from chart_service.figures import FigureTemplate, TemplateError
from chart_service.figures.build import Lang
from chart_service.guard import Refused
from chart_service.guard.filters import Filters, RowRule
from chart_service.query.failures import QueryFailed
from warehouse.meanings import Text

_GONE_RULES = frozenset({"unknown_column", "relation"})
_GONE_CODES = frozenset({"unknown_column", "unknown_table"})


async def draw_saved(
    charts: Charts,
    chart: Mapping[str, Any],
    *,
    lang: Lang,
    filters: Filters | None = None,
    rules: Sequence[RowRule] = (),
    refresh: bool = False,
) -> Drawn:
    """The chart of a row of ``app.charts``, ``sql`` and ``template`` of it.

    Raises ``SchemaChanged`` where it names what is no more, else as :meth:`Charts.draw` does.
    """
    async with saved_before():
        request = ChartRequest(
            chart["sql"],
            template_of(chart["template"]),
            filters=filters or Filters(),
            rules=tuple(rules),
            lang=lang,
        )
        return await charts.draw(request, refresh=refresh)


@asynccontextmanager
async def saved_before() -> AsyncIterator[None]:
    """What a saved statement fails with although it once passed: the schema has changed. Raises ``SchemaChanged``."""
    try:
        yield
    except Refused as refused:
        if refused.rule not in _GONE_RULES:
            raise
        raise SchemaChanged(refused.message) from None
    except QueryFailed as failed:
        if failed.code not in _GONE_CODES:
            raise
        raise SchemaChanged(failed.text) from None


def template_of(stored: Any) -> FigureTemplate:
    """A stored template. Raises ``TemplateError`` for one that this version does not know."""
    try:
        return FigureTemplate.model_validate(stored)
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise TemplateError(
            Text(
                f"Шаблон графика сохранён другой версией: {place}. Выберите вид графика заново.",
                f"The chart's template was saved by another version: {place}. Choose its format again.",
            )
        ) from None

"""One asker's way from a statement to a chart: with the filters of the page and the rules of the person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chart_service.ask.asker import Drawn
from chart_service.chart_data import ChartRequest, Charts
from chart_service.figures import FigureTemplate, TemplateError
from chart_service.figures.build import Lang
from chart_service.guard import Checked
from chart_service.guard.filters import Filters, RowRule
from chart_service.query.statements import Statements
from chart_service.rows import Rows


class PageCharts:
    """Statements are checked as they are written and run as the filters narrow them: what the filters hold is never
    seen by whoever looks at the statement."""

    def __init__(self, charts: Charts, *, filters: Filters, rules: Sequence[RowRule] = (), lang: Lang) -> None:
        self._charts = charts
        self._filters = filters
        self._rules = tuple(rules)
        self._lang = lang

    @property
    def _statements(self) -> Statements:
        return self._charts.statements

    async def check(self, sql: str) -> Checked:
        """The statement without filters, once PostgreSQL has planned it with them."""
        checked = await self._statements.checked(sql)
        await self._statements.explain(await self._narrowed(checked))
        return checked

    async def rows(self, checked: Checked) -> Rows:
        """Its rows under the filters."""
        return (await self._statements.load(await self._narrowed(checked))).rows

    async def draw(self, checked: Checked, template: FigureTemplate | None) -> Drawn:
        """Its chart under the filters. A template that does not fit gives its format to one that does."""
        narrowed = await self._narrowed(checked)
        loaded = await self._statements.load(narrowed)
        request = ChartRequest(checked.sql, template, None, self._filters, self._rules, self._lang)
        tries = [request]
        if template is not None:
            tries += [replace(request, template=None, format=template.format), replace(request, template=None)]
        for attempt in tries[:-1]:
            try:
                drawn = await self._charts.draw_rows(loaded, narrowed, attempt)
            except TemplateError:
                continue
            return Drawn(drawn.fragment(), drawn.template, loaded.data_version)
        drawn = await self._charts.draw_rows(loaded, narrowed, tries[-1])
        return Drawn(drawn.fragment(), drawn.template, loaded.data_version)

    async def _narrowed(self, checked: Checked) -> Checked:
        return await self._statements.checked(checked.sql, self._filters, self._rules)

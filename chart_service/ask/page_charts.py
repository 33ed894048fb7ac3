"""One asker's way from a statement to a chart: with the filters of the page and the rules of the person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chart_service.ask.asker import Drawn
from chart_service.chart_data import ChartRequest, Charts
from chart_service.figures import FigureTemplate, TemplateError
from chart_service.figures.build import Lang
from chart_service.guard import Checked, Refused
from chart_service.guard.filters import Filters, RowRule
from chart_service.query.statements import Statements
from chart_service.rows import Rows


class FiltersRefused(Exception):
    """The page's filters are wrong, whatever the statement. ``refused`` says how."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(str(refused))
        self.refused = refused


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

    async def check_filters(self) -> None:
        """Whether the filters name columns that exist, before anything is spent. Raises ``FiltersRefused``."""
        views = sorted((await self._statements.schema()).columns)
        if views and self._filters != Filters():
            await self._narrowed(await self._statements.checked(f"SELECT count(*) AS n FROM crm.{views[0]}"))  # noqa: S608

    async def check(self, sql: str) -> Checked:
        """The statement without filters, once PostgreSQL has planned it with them. Raises ``FiltersRefused``, too."""
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
        try:
            return await self._statements.checked(checked.sql, self._filters, self._rules)
        except Refused as refused:
            if refused.rule.startswith("filter"):
                raise FiltersRefused(refused) from None  # no other statement would mend them
            raise


def limits_of(filters: Filters) -> list[str]:
    """What the filters limit, in words for the model: columns and the period, never a value that a row may hold."""
    limits = []
    if filters.period is not None:
        column = filters.period.column or "the day a record was made"
        ends = [
            f"{word} {day.isoformat()}"
            for word, day in (("from", filters.period.from_), ("before", filters.period.to))
            if day is not None
        ]
        limits.append(f"{column}: {', '.join(ends)}" if ends else column)
    return [*limits, *(chosen.column for chosen in filters.columns)]

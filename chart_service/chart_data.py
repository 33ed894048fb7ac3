"""From statement, template, filters and row rules to what a page draws: the one way to a chart's data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from pydantic import BaseModel, Field

from chart_service.figures import FigureTemplate, TemplateError, build, fitting, suggest, with_format
from chart_service.figures.build import Lang
from chart_service.guard import Checked
from chart_service.guard.filters import DICTIONARIES, Filters, RowRule
from chart_service.guard.origins import origins
from chart_service.guard.structure import Schema
from chart_service.query.cache import ResultCache
from chart_service.query.statements import Loaded, Statements
from chart_service.rows import ColumnKind, Rows

SHOWN_ROWS = 1_000
"""Rows that go to the page beside the figure; an export has them all."""
DRAWN_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChartRequest:
    """What to draw. Without ``template`` one is made from the rows; ``format`` draws it in another format."""

    sql: str
    template: FigureTemplate | None = None
    format: str | None = None
    filters: Filters = field(default_factory=Filters)
    rules: tuple[RowRule, ...] = ()
    lang: Lang = "ru"


class ColumnBody(BaseModel):
    """A column of the result."""

    name: str
    kind: ColumnKind
    origin: str | None = Field(
        default=None,
        description="`view.column` where the result has its values, or the starts of their days, months…: what other "
        "charts can be filtered by.",
    )


class FormatBody(BaseModel):
    """A chart format, and why the rows do not fit it."""

    format: str
    title: str
    fits: bool
    reason: str | None


class FigureBody(BaseModel):
    """Figures for plotly.js, ``data`` and ``layout``, in both modes."""

    light: dict[str, Any]
    dark: dict[str, Any]


class TableBody(BaseModel):
    """The cells of a table or pivot, as texts."""

    columns: list[str]
    rows: list[list[str]]
    right: list[bool]
    totals: bool


class IndicatorBody(BaseModel):
    """A number in texts."""

    label: str
    value: str
    change: str | None
    direction: int
    before: str | None


class ChartData(BaseModel):
    """A chart as it is drawn, and the rows behind it."""

    columns: list[ColumnBody]
    rows: list[list[Any]] = Field(description=f"The first {SHOWN_ROWS} of them.")
    row_count: int
    truncated: bool = Field(description="The statement has more rows than a chart may have.")
    empty: bool
    format: str = Field(description="The format that was drawn; `notes` say why if it is not the template's.")
    formats: list[FormatBody]
    figure: FigureBody
    summary: str
    height: int
    table: TableBody | None
    indicators: list[IndicatorBody]
    notes: list[str]
    unfiltered: list[str] = Field(description="Views that a filter could not be applied to.")
    data_version: str
    as_of: datetime | None = Field(description="When the view that was synced longest ago was synced.")
    milliseconds: float
    cached: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart as JSON, ready to be sent: ``body`` has all of ``ChartData`` but what differs from call to call."""

    template: FigureTemplate
    body: bytes
    row_count: int
    checked: Checked
    data_version: str
    milliseconds: float = 0.0
    cached: bool = False

    def json(self) -> bytes:
        """The ``ChartData``."""
        head = orjson.dumps({"milliseconds": round(self.milliseconds, 1), "cached": self.cached})
        return head[:-1] + b"," + self.body[1:]

    def data(self) -> dict[str, Any]:
        """The ``ChartData`` as plain values."""
        data: dict[str, Any] = orjson.loads(self.json())
        return data

    def fragment(self) -> orjson.Fragment:
        """The ``ChartData`` to be put into a larger answer of orjson."""
        return orjson.Fragment(self.json())


class Charts:
    """Draws charts, each once for the same data."""

    def __init__(self, statements: Statements) -> None:
        self.statements = statements
        self._drawn: ResultCache[Drawn] = ResultCache(lambda drawn: 2_000 + len(drawn.body), DRAWN_BYTES)

    async def draw(self, request: ChartRequest, *, refresh: bool = False) -> Drawn:
        """The chart. ``refresh``: look for new data now and run the statement again.

        Raises ``Refused``, ``QueryFailed``, ``TemplateError``, and what a database that is away raises.
        """
        checked = await self.statements.checked(request.sql, request.filters, request.rules)
        loaded = await self.statements.load(checked, refresh=refresh)
        return await self.draw_rows(loaded, checked, request)

    async def draw_rows(self, loaded: Loaded, checked: Checked, request: ChartRequest) -> Drawn:
        """The chart over rows that were loaded already. Raises ``TemplateError``."""
        columns = (await self.statements.schema()).columns
        wanted = request.template.model_dump_json() if request.template else ""
        as_of = loaded.as_of.isoformat() if loaded.as_of else ""
        key = (*loaded.key, wanted, request.format or "", request.lang, checked.unfiltered, as_of)
        drawn, _ = await self._drawn.get(
            key,
            lambda: self.statements.in_thread(lambda: _draw(loaded, checked, request, columns)),
            refresh=not loaded.cached,
        )
        return replace(drawn, checked=checked, milliseconds=loaded.milliseconds, cached=loaded.cached)


class ChartsOfOne:
    """Statements and charts for one caller: with the filters of their page, the rules of their rows, their language."""

    def __init__(
        self, charts: Charts, lang: Lang, filters: Filters | None = None, rules: Sequence[RowRule] = ()
    ) -> None:
        self._charts = charts
        self._lang = lang
        self._filters = filters or Filters()
        self._rules = tuple(rules)

    async def check(self, sql: str) -> Checked:
        """The statement as it may run, once PostgreSQL has planned it. Raises ``Refused`` or ``QueryFailed``."""
        checked = await self._charts.statements.checked(sql, self._filters, self._rules)
        await self._charts.statements.explain(checked)
        return checked

    async def rows(self, checked: Checked) -> Rows:
        """The rows of a checked statement. Raises ``QueryFailed``."""
        return (await self._charts.statements.load(checked)).rows

    async def draw(self, checked: Checked, template: FigureTemplate | None) -> Drawn:
        """The chart; without a template, or with one that does not fit, in the format that the rows fit best."""
        loaded = await self._charts.statements.load(checked)
        request = ChartRequest(checked.sql, template, lang=self._lang)
        try:
            return await self._charts.draw_rows(loaded, checked, request)
        except TemplateError:
            return await self._charts.draw_rows(loaded, checked, replace(request, template=None))


def _draw(loaded: Loaded, checked: Checked, request: ChartRequest, schema: Schema) -> Drawn:
    rows, lang = loaded.rows, request.lang
    template = request.template or suggest(rows)
    if request.format is not None:
        template = with_format(template, rows, request.format)
    figure = build(template, rows, lang=lang, mode="light")
    formats = [
        {
            "format": choice.format,
            "title": choice.title.of(lang),
            "fits": choice.fits,
            "reason": choice.reason.of(lang) if choice.reason else None,
        }
        for choice in fitting(rows, template)
    ]
    came = {name: at for name, at in origins(checked.tree, schema).items() if at.split(".")[0] not in DICTIONARIES}
    body = {
        "columns": [{**asdict(column), "origin": came.get(column.name)} for column in rows.columns],
        "rows": rows.rows[:SHOWN_ROWS],
        "row_count": len(rows.rows),
        "truncated": rows.truncated,
        "empty": figure.empty,
        "format": figure.format,
        "formats": formats,
        "figure": {"light": figure.figure, "dark": figure.painted("dark")},
        "summary": figure.summary,
        "height": figure.height,
        "table": asdict(figure.table) if figure.table else None,
        "indicators": [asdict(indicator) for indicator in figure.indicators],
        "notes": [note.of(lang) for note in (*checked.notes, *figure.notes)],
        "unfiltered": list(checked.unfiltered),
        "data_version": loaded.data_version,
        "as_of": loaded.as_of,
    }
    return Drawn(template, to_json(body), len(rows.rows), checked, loaded.data_version)


def to_json(value: Any) -> bytes:
    """JSON of a result's values: Decimals are numbers, whole ones without a point."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 2**63 else float(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no value of a result")

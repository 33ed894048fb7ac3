"""Shapes of statements and charts in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from chart_service.chart_data import ChartData
from chart_service.figures import FigureTemplate
from chart_service.figures.build import Lang
from chart_service.figures.template import Format
from chart_service.guard.filters import Filters

LONGEST_SQL = 20_000


def _plain(text: str) -> str:
    """Refuse what PostgreSQL cannot store, and what nobody sees in a title."""
    if any((character < " " and character not in "\n\t") or "\ud800" <= character < "\ue000" for character in text):
        raise ValueError("holds control characters; remove them")
    return text.strip()


PlainText = Annotated[str, AfterValidator(_plain)]


def _storable(template: FigureTemplate) -> FigureTemplate:
    if "\\u0000" in template.model_dump_json():
        raise ValueError("holds a NUL character; remove it")
    return template


Title = Annotated[PlainText, Field(min_length=1, max_length=200)]
Sql = Annotated[str, Field(min_length=1, max_length=LONGEST_SQL, description="One SELECT on the crm views.")]
ChartId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SqlBody(_Body):
    """A statement."""

    sql: Sql


class CheckedSql(BaseModel):
    """What the guard makes of a statement. ``sql`` is what would run; ``at`` is line and column, from 1."""

    ok: bool
    rule: str | None = None
    message: str | None = None
    at: list[int] | None = Field(default=None, min_length=2, max_length=2)
    sql: str | None = None
    relations: list[str] = []
    columns: list[str] = []


class RunBody(SqlBody):
    """A statement to run; without a template one is made from its rows."""

    template: FigureTemplate | None = None
    filters: Filters = Field(default_factory=Filters)
    lang: Lang | None = None


class DrawBody(_Body):
    """A statement and its template, to be drawn in another format."""

    sql: Sql
    template: FigureTemplate
    format: Format | None = None
    filters: Filters = Field(default_factory=Filters)
    lang: Lang | None = None


class DrawnChart(BaseModel):
    """A chart, the template that drew it, and the statement as it ran."""

    sql: str
    template: FigureTemplate
    chart: ChartData


class DataBody(_Body):
    """How a saved chart is to be shown."""

    filters: Filters = Field(default_factory=Filters)
    lang: Lang | None = None
    refresh: StrictBool = Field(default=False, description="Look for new data and run the statement again.")


class ChartBody(_Body):
    """A chart to be kept."""

    title: Title
    description: Annotated[PlainText, Field(max_length=2000)] = ""
    question: Annotated[PlainText, Field(max_length=2000)] | None = None
    lang: Lang = "ru"
    sql: Sql
    template: Annotated[FigureTemplate, AfterValidator(_storable)]
    assumptions: list[Annotated[PlainText, Field(max_length=500)]] = Field(default=[], max_length=20)


class ChangedChart(ChartBody):
    """A changed chart: whole, and the version that was changed."""

    version: int = Field(ge=1, le=2**31 - 1)


class PinBody(_Body):
    """Whether a chart stands first in the library."""

    pinned: StrictBool


class ListedChart(BaseModel):
    """A chart in the library."""

    id: int
    title: str
    description: str
    question: str | None
    lang: str
    format: str
    pinned: bool
    version: int
    created_by: str | None
    created_at: datetime
    updated_at: datetime
    dashboards: int = Field(description="On how many dashboards it stands.")
    starter: bool = Field(description="It came with the service.")


class Library(BaseModel):
    """A page of the library: pinned charts first, then the most recently changed."""

    items: list[ListedChart]
    total: int


class SavedChart(ListedChart):
    """A chart with all that it is made of."""

    sql: str
    template: dict[str, Any]
    assumptions: list[str]
    schema_hash: str | None


class ExportBody(_Body):
    """A statement whose rows are wanted as a file."""

    sql: Sql
    filters: Filters = Field(default_factory=Filters)
    format: Annotated[str, Field(pattern="^(csv|xlsx|sql)$")] = "csv"
    title: Annotated[PlainText, Field(max_length=200)] = ""
    lang: Lang | None = None
    excel: StrictBool = Field(default=False, description="CSV as Excel opens it: with a byte order mark.")


class Option(BaseModel):
    """A value that a filter may have."""

    value: Any
    label: str
    rows: int = Field(description="How many rows have it.")


class Options(BaseModel):
    """The values of a column, those of most rows first."""

    column: str
    title: str
    kind: str = Field(description="number, text, date, datetime or boolean")
    items: list[Option]
    truncated: bool

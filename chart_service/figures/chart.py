"""A chart: a shape bound to rows. What the builders of the formats draw from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from chart_service.figures import dates, measures, plain
from chart_service.figures.dates import Grain
from chart_service.figures.labels import clean, titled
from chart_service.figures.numbers import Unit
from chart_service.figures.shape import MeasureRef, Shape
from chart_service.figures.trace import Layout
from chart_service.rows import Rows
from warehouse.meanings import Text

Key = str | int | float | datetime
"""What tells two categories apart: a period's start, a number, or the text that is shown."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """A column that splits: one key for each row. ``title`` is not escaped."""

    column: str
    title: str
    keys: Sequence[Key]
    cells: Sequence[Any]
    grain: Grain | None = None

    @property
    def is_time(self) -> bool:
        """Its keys are moments; rows without one have the text for "not set"."""
        return self.grain is not None

    @property
    def is_number(self) -> bool:
        """Its keys are numbers."""
        return self.grain is None and all(isinstance(key, int | float) for key in self.keys)

    def distinct(self) -> list[Key]:
        """Its keys in the order of the rows."""
        return list(dict.fromkeys(self.keys))

    def wording(self, key: Key, lang: str) -> str:
        """A key for a person, not escaped."""
        if isinstance(key, datetime):
            return dates.period(key, self.grain or "day", lang)
        return plain.wording(key, lang)


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of numbers: one finite number or None for each row, in ``unit``. ``title`` is not escaped.

    ``adds``: whether its numbers may be added up; None where nothing tells.
    """

    column: str
    title: str
    values: Sequence[int | float | None]
    unit: Unit
    adds: bool | None
    second: bool = False
    line: bool = False
    reference: Sequence[int | float | None] | None = None

    def known(self) -> list[int | float]:
        """Its numbers, without nulls."""
        return [value for value in self.values if value is not None]


@dataclass(frozen=True, slots=True)
class Chart:
    """A shape bound to rows. ``notes`` is shared by a chart and its parts: what a builder says of what it drew.

    ``currency``: the code of all its amounts. ``mixed``: the column of their currency, where there are several and the
    format is drawn once for all of them. ``of``: how many charts share the figure.
    """

    rows: Rows
    lang: str
    shape: Shape
    layout: Layout
    dimensions: tuple[Dimension, ...]
    measures: tuple[Measure, ...]
    size: Measure | None = None
    text: Dimension | None = None
    currency: str | None = None
    mixed: str | None = None
    of: int = 1
    notes: list[Text] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows.rows)

    def note(self, ru: str, en: str) -> None:
        """Says something about what was drawn, once."""
        text = Text(ru, en)
        if text not in self.notes:
            self.notes.append(text)

    def say(self, ru: str, en: str) -> str:
        """The one of the two that is in the chart's language."""
        return ru if self.lang == "ru" else en


def bind(rows: Rows, shape: Shape, layout: Layout, lang: str, *, currency: str | None = None) -> Chart:
    """The chart of a shape, all of whose columns the rows have. ``currency``: the code of all its amounts."""
    numeric = [_measure(ref, rows, layout, currency, lang) for ref in shape.measures]
    size = _measure(MeasureRef(shape.size), rows, layout, currency, lang) if shape.size else None
    return Chart(
        rows=rows,
        lang=lang,
        shape=shape,
        layout=layout,
        dimensions=tuple(_dimension(name, rows, lang) for name in shape.dimensions),
        measures=tuple(numeric),
        size=size,
        text=_dimension(shape.text, rows, lang) if shape.text else None,
        currency=currency,
    )


def only(chart: Chart, at: Sequence[int]) -> Chart:
    """The chart of some of the rows, by position."""

    def dimension(whole: Dimension) -> Dimension:
        return replace(whole, keys=[whole.keys[i] for i in at], cells=[whole.cells[i] for i in at])

    def measure(whole: Measure) -> Measure:
        reference = [whole.reference[i] for i in at] if whole.reference else None
        return replace(whole, values=[whole.values[i] for i in at], reference=reference)

    return replace(
        chart,
        rows=replace(chart.rows, rows=[chart.rows.rows[i] for i in at]),
        dimensions=tuple(map(dimension, chart.dimensions)),
        measures=tuple(map(measure, chart.measures)),
        size=measure(chart.size) if chart.size else None,
        text=dimension(chart.text) if chart.text else None,
    )


def part(chart: Chart, at: Iterable[int], currency: str | None, of: int) -> Chart:
    """The chart of some of the rows, whose amounts are in one currency, one of so many. It shares the notes."""
    rows = replace(chart.rows, rows=[chart.rows.rows[index] for index in at])
    bound = bind(rows, chart.shape, chart.layout, chart.lang, currency=currency)
    return replace(bound, notes=chart.notes, of=of)


def cells(rows: Rows, column: str) -> list[Any]:
    """A column's cells. The column exists."""
    at = rows.index(column)
    return [] if at is None else [row[at] for row in rows.rows]


def _dimension(column: str, rows: Rows, lang: str) -> Dimension:
    values = cells(rows, column)
    moments = _moments(values)
    unset = plain.wording(None, lang)
    if moments is not None:
        known = [moment for moment in moments if moment is not None]
        grain = dates.grain_of(known, column)
        return Dimension(column, titled(column), [unset if m is None else m for m in moments], values, grain)
    words: dict[str, str] = {}
    return Dimension(column, titled(column), [_key(value, words, lang) for value in values], values)


def _key(value: Any, words: dict[str, str], lang: str) -> Key:
    """A cell as a key; ``words`` remembers what texts became, since they repeat."""
    if isinstance(value, str):
        if value not in words:
            words[value] = plain.wording(value, lang)
        return words[value]
    number = None if isinstance(value, bool) else plain.number(value)
    return plain.wording(value, lang) if number is None else number


def _moments(values: Sequence[Any]) -> list[datetime | None] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    if all(isinstance(value, date) for value in known):
        return [None if value is None else dates.wall_clock(value) for value in values]
    return dates.from_texts(values) if isinstance(known[0], str) else None


def _measure(ref: MeasureRef, rows: Rows, layout: Layout, currency: str | None, lang: str) -> Measure:
    values = [plain.number(value) for value in cells(rows, ref.column)]
    unit, factor = measures.unit_and_factor(ref, layout, currency, values, lang)
    reference = [plain.number(value) for value in cells(rows, ref.reference)] if ref.reference else None
    if factor != 1:
        values = _times(values, factor)
        reference = _times(reference, factor) if reference else None
    title = clean(ref.name) if ref.name and ref.name.strip() else titled(ref.column)
    adds = measures.may_be_added(ref.column, measures.value_format(ref, layout))
    return Measure(ref.column, title, values, unit, adds, ref.second, ref.line, reference)


def _times(values: Sequence[int | float | None], factor: float) -> list[int | float | None]:
    return [None if value is None else float(f"{value * factor:.12g}") for value in values]

"""Shares of a whole: pie and donut."""

from __future__ import annotations

from typing import Any

from chart_service.figures import numbers
from chart_service.figures.axes import hover
from chart_service.figures.chart import Chart
from chart_service.figures.crosstab import Crosstab, crosstab
from chart_service.figures.labels import escaped, shown, wrapped
from chart_service.figures.marks import facts, marks
from chart_service.figures.needs import ADDS, POSITIVE, SOME
from chart_service.figures.panel import Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Need, Unfit, Wants
from chart_service.figures.theme import Tone, series_tone
from warehouse.meanings import Text

_MOST_SLICES = 6
_LARGEST_OTHER = 0.25  # a pie whose tail is larger than this says nothing of what is in it
_TOO_MANY = Text("Слишком много долей для круга: показаны столбцы.", "Too many slices for a pie: shown as bars.")


def pie(chart: Chart) -> Panel:
    """A full circle."""
    return _circle(chart, hole=0.0)


def donut(chart: Chart) -> Panel:
    """A ring with the sum in its middle."""
    return _circle(chart, hole=0.62)


def _circle(chart: Chart, hole: float) -> Panel:
    table = crosstab(chart, categories=_MOST_SLICES, fill=False, whole=True)
    line = table.lines[0]
    values = [value or 0 for value in line.values]
    total = sum(values)
    if table.other and values[-1] > total * _LARGEST_OTHER:
        raise Unfit(_TOO_MANY, "bar")
    trace = marks(
        table,
        line,
        type="pie",
        labels=[shown(label, 60) for label in table.labels],
        values=values,
        hole=hole,
        sort=False,
        direction="clockwise",
        rotation=0,
        text=_texts(table, values, total, chart.lang),
        textinfo="text",
        textposition="outside",
        marker={"colors": _tones(len(values), other=table.other)},
        hovertemplate=f"%{{label}}<br><b>{hover('value', line.unit, values)}</b><extra></extra>",
    )
    layout: dict[str, Any] = {"showlegend": False, "hovermode": "closest", "margin": {"t": 16, "b": 16}}
    if hole:
        trace["title"] = {
            "text": f"<b>{escaped(numbers.compact(total, line.unit, chart.lang))}</b>",
            "font": {"size": 18, "color": Tone("ink")},
            "position": "middle center",
        }
    return Panel([trace], domain=True, layout=layout, facts=facts(table, chart.lang), height=260)


def _texts(table: Crosstab, values: list[int | float], total: float, lang: str) -> list[str]:
    unit = numbers.percent(lang)
    texts = []
    for label, value in zip(table.labels, values, strict=True):
        share = 100 * value / total
        digits = 0 if share == int(share) else 1
        texts.append(f"{wrapped(label, 16)}<br>{numbers.full(share, unit, lang, digits)}")
    return texts


def _tones(count: int, *, other: bool) -> list[Tone]:
    tones = [series_tone(at) for at in range(count)]
    return [*tones[:-1], Tone("other")] if other else tones


def share_traces(type_: str) -> Any:
    """Traces of ``labels`` and ``values`` of this type."""

    def traces(shape: Shape) -> list[dict[str, object]]:
        ref = shape.measures[0]
        return [
            {
                "type": type_,
                "labels": shape.dimensions[0],
                "values": ref.column,
                "name": ref.name,
                "value_format": ref.value_format,
            }
        ]

    return traces


_TIMELESS = Need(
    lambda chart: not chart.dimensions[0].is_time,
    Text("Периоды — не доли: показаны столбцы.", "Periods are not shares: shown as bars."),
    "bar",
)
_FORM = Text("категория (до шести) и неотрицательное число", "a category (up to six) and a number that is not negative")
FORMATS = tuple(
    FormatSpec(
        name,
        title,
        _FORM,
        Wants(),
        draw,
        share_traces("pie"),
        (POSITIVE, SOME, ADDS, _TIMELESS),
        sums=True,
        order=order,
    )
    for name, title, draw, order in (
        ("pie", Text("Круг", "Pie"), pie, 30),
        ("donut", Text("Кольцо", "Donut"), donut, 31),
    )
)

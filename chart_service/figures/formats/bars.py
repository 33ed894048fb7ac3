"""Bars: one series, several side by side, stacked, and stacked to 100 %."""

from __future__ import annotations

from typing import Any

from chart_service.figures import axes, numbers
from chart_service.figures.axes import extent, hover
from chart_service.figures.chart import Chart
from chart_service.figures.crosstab import Crosstab, Line, Value, crosstab
from chart_service.figures.labels import escaped, shown
from chart_service.figures.marks import amount, axis_unit, facts, marks
from chart_service.figures.needs import ADDABLE, ONE_UNIT, SEVERAL
from chart_service.figures.panel import Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Unfit, Wants
from chart_service.figures.theme import Tone
from warehouse.meanings import Text

_MOST_BARS = 30
_MOST_SIDEWAYS = 20
_LABELLED = 12  # with more bars, values above them touch
_MOST_PERIODS = 400


def bar(chart: Chart) -> Panel:
    """Upright bars, or lying ones where the names are long."""
    table = crosstab(chart, categories=_limit(chart, _MOST_BARS))
    if not table.is_time and not axes.fits_across(table.labels):
        raise Unfit(
            Text("Длинные названия: показаны горизонтальные столбцы.", "Long names: shown as horizontal bars."),
            "horizontal_bar",
        )
    return _upright(chart, table, "group")


def horizontal_bar(chart: Chart) -> Panel:
    """Lying bars, the first on top."""
    table = crosstab(chart, categories=_MOST_SIDEWAYS)
    return _lying(chart, table, "group")


def grouped_bar(chart: Chart) -> Panel:
    """Bars of several series side by side."""
    table = crosstab(chart, categories=_limit(chart, _MOST_BARS))
    return _turned(chart, table, "group")


def stacked_bar(chart: Chart) -> Panel:
    """Bars of several series one on the other."""
    table = crosstab(chart, categories=_limit(chart, _MOST_BARS))
    return _turned(chart, table, "stack")


def percent_bar(chart: Chart) -> Panel:
    """Bars of several series as shares of their sum."""
    table = crosstab(chart, categories=_limit(chart, _MOST_BARS))
    if any(value < 0 for value in table.known()):
        raise Unfit(
            Text(
                "Среди значений есть отрицательные: доли не имеют смысла.",
                "Some values are negative: shares mean nothing.",
            ),
            "grouped_bar",
        )
    panel = _turned(chart, _shares(table, chart.lang), "stack", percent=True)
    for trace, line in zip(panel.traces, table.lines, strict=True):
        amounts = ["" if value is None else numbers.full(value, line.unit, chart.lang) for value in line.values]
        trace["hovertext"] = [escaped(text) for text in amounts]
        trace["hovertemplate"] = trace["hovertemplate"].replace("<extra>", " (%{hovertext})<extra>")
        if "<extra>" not in trace["hovertemplate"]:
            trace["hovertemplate"] += " (%{hovertext})"
    return panel


def _limit(chart: Chart, limit: int) -> int:
    return _MOST_PERIODS if chart.dimensions[0].is_time else limit


def _turned(chart: Chart, table: Crosstab, barmode: str, *, percent: bool = False) -> Panel:
    if table.is_time or axes.fits_across(table.labels):
        return _upright(chart, table, barmode, percent=percent)
    return _lying(chart, table, barmode, percent=percent)


def _shares(table: Crosstab, lang: str) -> Crosstab:
    """The crosstab with per cents of each category's sum; what they were goes to the hover texts."""
    sums = [sum(line.values[at] or 0 for line in table.lines) for at in range(len(table.keys))]
    unit = numbers.percent(lang)
    lines = []
    for line in table.lines:
        values: list[Value] = [
            None if value is None or not total else float(f"{100 * value / total:.6g}")
            for value, total in zip(line.values, sums, strict=True)
        ]
        lines.append(Line(line.name, values, unit, line.measure, line.raw, line.other, line.tone))
    return Crosstab(table.dimension, table.series, table.keys, table.labels, table.raws, lines, table.other)


def _top(table: Crosstab, barmode: str) -> tuple[float, float]:
    if barmode != "stack":
        return extent(table.known())
    above = [sum(max(line.values[at] or 0, 0) for line in table.lines) for at in range(len(table.keys))]
    below = [sum(min(line.values[at] or 0, 0) for line in table.lines) for at in range(len(table.keys))]
    return min(below, default=0.0), max(above, default=0.0)


def _upright(chart: Chart, table: Crosstab, barmode: str, *, percent: bool = False) -> Panel:
    many = len(table.lines) > 1
    texts = _texts(table.lines[0], chart.lang, bare=True)
    labelled = not many and len(table.keys) <= _LABELLED and axes.texts_fit(texts["text"])
    names = [shown(label) for label in table.labels]
    traces = []
    for line in table.lines:
        trace = marks(
            table, line, type="bar", x=names, y=line.values, marker={"color": _tone(table, line)}, showlegend=many
        )
        trace["hovertemplate"] = hover("y", line.unit, line.values) + ("" if many else "<extra></extra>")
        if labelled:
            trace |= texts
        traces.append(trace)
    low, high = _top(table, barmode)
    axis = numbers.ticks(low, 100.0 if percent else high, axis_unit(table.lines), chart.lang)
    layout: dict[str, Any] = {
        "barmode": "relative" if barmode == "stack" else barmode,
        "hovermode": "x unified",
        "showlegend": many,
    }
    layout["legend"] = {"traceorder": "normal"}
    if labelled:
        layout["margin"] = {"t": 22}
    return Panel(
        traces,
        xaxis=axes.categories(table, chart.lang, chart.layout.xaxis_title),
        yaxis=axes.values(axis, chart.layout.yaxis_title),
        layout=layout,
        facts=facts(table, chart.lang),
        height=220 + axes.legend_height([line.name for line in table.lines]),
    )


def _lying(chart: Chart, table: Crosstab, barmode: str, *, percent: bool = False) -> Panel:
    many = len(table.lines) > 1
    names = [shown(label) for label in table.labels]
    traces = []
    for line in table.lines:
        trace = marks(
            table, line, type="bar", orientation="h", x=line.values, y=names, marker={"color": _tone(table, line)}
        )
        trace["showlegend"] = many
        name = f"{shown(line.name, 40)}: " if many else ""
        trace["hovertemplate"] = f"%{{y}}<br>{name}<b>{hover('x', line.unit, line.values)}</b><extra></extra>"
        if not many:
            trace |= _texts(line, chart.lang)
        traces.append(trace)
    low, high = _top(table, barmode)
    axis = numbers.ticks(low, 100.0 if percent else high, axis_unit(table.lines), chart.lang, count=4)
    bottom = axes.values(axis, chart.layout.xaxis_title)
    layout: dict[str, Any] = {
        "barmode": "relative" if barmode == "stack" else barmode,
        "hovermode": "closest",
        "showlegend": many,
        "legend": {"traceorder": "normal"},
    }
    if not many:  # each bar says its value, so the axis would only repeat it; room is left for the texts
        room = axes.text_width(traces[0]["text"]) + 12
        least, most = min(low, 0), max(high, 0)
        reach = (most - least) * 0.3 if low < 0 else 0
        bottom |= {"range": [least - reach, most or 1], "showticklabels": False}
        layout["margin"] = {"r": room}
    bottom |= {"showgrid": many, "showline": False}
    return Panel(
        traces,
        xaxis=bottom,
        yaxis=axes.sideways(table),
        layout=layout,
        facts=facts(table, chart.lang),
        height=axes.side_height(table.labels, len(table.lines) if barmode == "group" else 1)
        + axes.legend_height([line.name for line in table.lines]),
    )


def _tone(table: Crosstab, line: Line) -> Tone | list[Tone]:
    """The colour of a line's bars; "Other" is grey."""
    if not table.other or len(table.lines) > 1:
        return line.tone
    return [line.tone] * (len(table.keys) - 1) + [Tone("other")]


def _texts(line: Line, lang: str, *, bare: bool = False) -> dict[str, Any]:
    """The values at the ends of bars; ``bare``: without a currency, which the axis names."""
    unit = amount(line.unit) if bare else line.unit
    return {
        "text": ["" if v is None else escaped(numbers.compact(v, unit, lang)) for v in line.values],
        "textposition": "outside",
        "cliponaxis": False,
        "textangle": 0,
        "constraintext": "none",
    }


def upright_traces(shape: Shape) -> list[dict[str, object]]:
    """Traces of bars with ``x``, ``y`` and ``series``."""
    series = shape.dimensions[1] if len(shape.dimensions) > 1 else None
    return [
        {
            "type": "bar",
            "x": shape.dimensions[0],
            "y": ref.column,
            "name": ref.name,
            "series": series,
            "value_format": ref.value_format,
            "reference": ref.reference,
        }
        for ref in shape.measures
    ]


def _lying_traces(shape: Shape) -> list[dict[str, object]]:
    return [{**trace, "x": trace["y"], "y": trace["x"], "orientation": "h"} for trace in upright_traces(shape)]


_SPLIT = Wants(dimensions=(1, 2), measures=(1, 8))
FORMATS = (
    FormatSpec(
        "bar",
        Text("Столбцы", "Bars"),
        Text("категория или период и число", "a category or a period, and a number"),
        Wants(),
        bar,
        upright_traces,
        wider="grouped_bar",
        order=10,
    ),
    FormatSpec(
        "horizontal_bar",
        Text("Горизонтальные столбцы", "Horizontal bars"),
        Text("категория с длинными названиями и число", "a category with long names, and a number"),
        Wants(),
        horizontal_bar,
        _lying_traces,
        wider="grouped_bar",
        order=11,
    ),
    FormatSpec(
        "grouped_bar",
        Text("Столбцы рядом", "Grouped bars"),
        Text(
            "категория, ряд и число, или категория и несколько чисел",
            "a category, a series and a number, or a category and several numbers",
        ),
        _SPLIT,
        grouped_bar,
        upright_traces,
        (SEVERAL, ONE_UNIT),
        order=12,
    ),
    FormatSpec(
        "stacked_bar",
        Text("Столбцы с накоплением", "Stacked bars"),
        Text("категория, ряд и складываемое число", "a category, a series and a number that adds up"),
        _SPLIT,
        stacked_bar,
        upright_traces,
        (SEVERAL, ONE_UNIT, ADDABLE),
        sums=True,
        order=13,
    ),
    FormatSpec(
        "percent_bar",
        Text("Столбцы, 100 %", "100 % stacked bars"),
        Text("категория, ряд и неотрицательное число", "a category, a series and a number that is not negative"),
        _SPLIT,
        percent_bar,
        upright_traces,
        (SEVERAL, ONE_UNIT, ADDABLE),
        sums=True,
        order=14,
    ),
)

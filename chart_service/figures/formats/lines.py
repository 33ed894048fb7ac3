"""Lines and areas over periods or ordered categories."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from chart_service.figures import axes, numbers
from chart_service.figures.axes import hover
from chart_service.figures.chart import Chart
from chart_service.figures.crosstab import Crosstab, Line, crosstab
from chart_service.figures.labels import shown
from chart_service.figures.marks import axis_unit, facts, marks
from chart_service.figures.needs import ONE_UNIT
from chart_service.figures.panel import POINTS, Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Need, Wants
from chart_service.figures.theme import PALETTE, Tone
from warehouse.meanings import Text

_SMOOTH = 40  # with more points a curve only hides them
_OVERSHOOT = 0.04  # of the values' extent: what a smooth curve may pass its points by
_DOTTED = 14
_NAMED = 4  # lines that are named where they end


def line(chart: Chart) -> Panel:
    """One line, or several."""
    return _lines(chart, crosstab(chart, categories=_limit(chart), fold=False))


def area(chart: Chart) -> Panel:
    """One line with the area under it."""
    table = crosstab(chart, categories=_limit(chart))
    panel = _lines(chart, table)
    for trace, drawn in zip(panel.traces, table.lines, strict=True):
        trace |= {"fill": "tozeroy", "fillcolor": Tone(drawn.tone.name, 0.14)}
    return panel


def stacked_area(chart: Chart) -> Panel:
    """Areas of several series one on the other; where a series has no value it is nothing."""
    table = crosstab(chart, categories=_limit(chart))
    for drawn in table.lines:
        drawn.values = [value or 0 for value in drawn.values]
    panel = _lines(chart, table)
    panel.layout = {"hovermode": "x unified", "showlegend": True, "legend": {"traceorder": "normal"}}
    for trace, drawn in zip(panel.traces, table.lines, strict=True):
        trace |= {"stackgroup": "all", "fillcolor": Tone(drawn.tone.name, 0.55), "mode": "lines"}
        trace["line"] = {"color": drawn.tone, "width": 1, "shape": "linear"}
    top = max((sum(drawn.values[at] or 0 for drawn in table.lines) for at in range(len(table.keys))), default=0)
    axis = numbers.ticks(0, top, axis_unit(table.lines), chart.lang)
    panel.yaxis = axes.values(axis, chart.layout.yaxis_title)
    return panel


def _limit(chart: Chart) -> int:
    """Points of each line, so that all lines together stay below what a figure may hold."""
    lines = len(chart.dimensions[1].distinct()) if len(chart.dimensions) > 1 else len(chart.measures)
    return POINTS // max(1, min(lines, PALETTE))


def _lines(chart: Chart, table: Crosstab) -> Panel:
    many = len(table.lines) > 1
    dated = table.is_time and not table.is_regular
    traces = [line_trace(table, drawn, many=many, dated=dated) for drawn in table.lines]
    low, high = axes.extent(table.known())
    room = (high - low) * _OVERSHOOT if _smooth(table) else 0
    axis = numbers.ticks(
        low - room if low < 0 else low, high + room if high > 0 else high, axis_unit(table.lines), chart.lang
    )
    if dated:
        bottom = axes.moments(table, chart.lang, chart.layout.xaxis_title)
    else:
        bottom = axes.categories(table, chart.lang, chart.layout.xaxis_title)
        bottom["range"] = [-0.15, len(table.keys) - 0.85]
    layout: dict[str, Any] = {"hovermode": "x unified", "showlegend": many, "legend": {"traceorder": "normal"}}
    if many and chart.of == 1 and _ends_apart(table, axis.range[1] - axis.range[0]):
        layout |= _named_ends(table)
    return Panel(
        traces,
        xaxis=bottom,
        yaxis=axes.values(axis, chart.layout.yaxis_title),
        layout=layout,
        facts=facts(table, chart.lang),
        height=220 + axes.legend_height([drawn.name for drawn in table.lines]),
    )


def _ends_apart(table: Crosstab, span: float) -> bool:
    """Whether a few lines end far enough from each other to be named where they end."""
    ends = sorted(line.values[-1] for line in table.lines if line.values[-1] is not None)
    return len(ends) == len(table.lines) <= _NAMED and all(b - a >= span * 0.08 for a, b in pairwise(ends))


def _named_ends(table: Crosstab) -> dict[str, Any]:
    """Layout that names lines at their ends, which needs no legend to be looked up in."""
    return {
        "showlegend": False,
        "margin": {"r": 14 + min(130, axes.text_width([line.name[:20] for line in table.lines]) + 8)},
        "annotations": [
            {
                "text": shown(line.name, 20),
                "xref": "paper",
                "x": 1,
                "xshift": 8,
                "y": line.values[-1],
                "xanchor": "left",
                "yanchor": "middle",
                "showarrow": False,
                "font": {"color": line.tone, "size": 11, "weight": 600},
            }
            for line in table.lines
        ],
    }


def _smooth(table: Crosstab) -> bool:
    return len(table.keys) <= _SMOOTH and table.is_regular


def line_trace(table: Crosstab, drawn: Line, *, many: bool, dated: bool) -> dict[str, Any]:
    """The trace of one line. Points show where they are few, or where a gap on both sides would hide them.

    ``dated``: they stand at their moments, else at equal steps.
    """
    smooth = _smooth(table)
    alone = any(
        value is not None
        and (at == 0 or drawn.values[at - 1] is None)
        and (at == len(drawn.values) - 1 or drawn.values[at + 1] is None)
        for at, value in enumerate(drawn.values)
    )
    dotted = alone or (len(table.keys) <= _DOTTED and not many)
    return marks(
        table,
        drawn,
        type="scatter",
        mode="lines+markers" if dotted else "lines",
        x=[moment.isoformat() for moment in table.moments] if dated else [shown(label) for label in table.labels],
        y=drawn.values,
        line={"color": drawn.tone, **({"shape": "spline", "smoothing": 0.35} if smooth else {"shape": "linear"})},
        marker={"color": drawn.tone, "size": 6},
        connectgaps=False,
        cliponaxis=False,
        showlegend=many,
        hovertemplate=hover("y", drawn.unit, drawn.values) + ("" if many else "<extra></extra>"),
    )


def line_traces(shape: Shape) -> list[dict[str, object]]:
    """Traces of lines with ``x``, ``y`` and ``series``."""
    series = shape.dimensions[1] if len(shape.dimensions) > 1 else None
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": shape.dimensions[0],
            "y": ref.column,
            "name": ref.name,
            "series": series,
            "value_format": ref.value_format,
        }
        for ref in shape.measures
    ]


_TWO_POINTS = Need(
    lambda chart: len(chart.dimensions[0].distinct()) > 1,
    Text("Точка всего одна: показан столбец.", "There is only one point: shown as a bar."),
    "bar",
)
_TWO_PERIODS = Need(
    lambda chart: len(chart.dimensions[0].distinct()) > 1,
    Text("Период всего один: показаны столбцы.", "There is only one period: shown as bars."),
    "grouped_bar",
)
_SEVERAL = Need(
    lambda chart: len(chart.dimensions) > 1 or len(chart.measures) > 1,
    Text("Ряд всего один: показана одна линия.", "There is only one series: shown as one line."),
    "line",
)
_POSITIVE = Need(
    lambda chart: all(value >= 0 for measure in chart.measures for value in measure.known()),
    Text("Среди значений есть отрицательные: показаны линии.", "Some values are negative: shown as lines."),
    "multi_line",
)
_ADDS = Need(
    lambda chart: all(measure.adds is not False for measure in chart.measures),
    Text("Эти значения нельзя складывать: показаны линии.", "These values cannot be added up: shown as lines."),
    "multi_line",
)
_SPLIT = Wants(dimensions=(1, 2), measures=(1, 8))
FORMATS = (
    FormatSpec(
        "line",
        Text("Линия", "Line"),
        Text("период (или упорядоченная категория) и число", "a period (or an ordered category) and a number"),
        Wants(),
        line,
        line_traces,
        (_TWO_POINTS,),
        wider="multi_line",
        order=20,
    ),
    FormatSpec(
        "multi_line",
        Text("Несколько линий", "Several lines"),
        Text(
            "период, ряд и число, или период и несколько чисел",
            "a period, a series and a number, or a period and several numbers",
        ),
        _SPLIT,
        line,
        line_traces,
        (_SEVERAL, _TWO_PERIODS, ONE_UNIT),
        order=21,
    ),
    FormatSpec(
        "area",
        Text("Область", "Area"),
        Text("период и число", "a period and a number"),
        Wants(),
        area,
        line_traces,
        (_TWO_POINTS,),
        wider="stacked_area",
        order=22,
    ),
    FormatSpec(
        "stacked_area",
        Text("Области с накоплением", "Stacked areas"),
        Text(
            "период, ряд и складываемое неотрицательное число",
            "a period, a series and a number that adds up and is not negative",
        ),
        _SPLIT,
        stacked_area,
        line_traces,
        (_SEVERAL, _TWO_PERIODS, ONE_UNIT, _POSITIVE, _ADDS),
        sums=True,
        order=23,
    ),
)

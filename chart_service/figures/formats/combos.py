"""Bars and lines together, on two axes where their units differ."""

from __future__ import annotations

from chart_service.figures import axes, numbers
from chart_service.figures.axes import hover
from chart_service.figures.chart import Chart, Measure
from chart_service.figures.crosstab import Line, crosstab
from chart_service.figures.formats.lines import line_trace
from chart_service.figures.labels import shown
from chart_service.figures.marks import axis_unit, facts, marks
from chart_service.figures.numbers import Ticks
from chart_service.figures.panel import Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Wants
from warehouse.meanings import Text

_MOST_BARS, _MOST_PERIODS = 24, 200


def combo(chart: Chart) -> Panel:
    """The first measure, and those that are not said to be lines, as bars; the others as lines over them."""
    limit = _MOST_PERIODS if chart.dimensions[0].is_time else _MOST_BARS
    table = crosstab(chart, categories=limit)
    bars, left, right = _roles(chart, table.lines)
    names = [shown(label) for label in table.labels]
    traces = []
    for line in bars:
        text = hover("y", line.unit, line.values)
        traces.append(
            marks(table, line, type="bar", x=names, y=line.values, marker={"color": line.tone}, hovertemplate=text)
        )
    for line in (*left, *right):
        trace = line_trace(table, line, many=True, dated=False)
        trace["line"] = {**trace["line"], "shape": "linear"}
        if line in right:
            trace |= {"yaxis": "y2", "name": shown(f"{line.name} {chart.say('(справа)', '(right)')}", 60)}
        traces.append(trace)
    primary = [value for line in (*bars, *left) for value in line.values]
    axis = numbers.ticks(*axes.extent(primary), axis_unit([*bars, *left]), chart.lang)
    panel = Panel(
        traces,
        xaxis=axes.categories(table, chart.lang, chart.layout.xaxis_title),
        yaxis=axes.values(axis, chart.layout.yaxis_title),
        layout={"barmode": "group", "hovermode": "x unified", "showlegend": True},
        facts=facts(table, chart.lang),
        height=250,
    )
    if right:
        panel.yaxis2 = {
            **axes.values(_aligned(right, axis, chart.lang), chart.layout.yaxis2_title),
            "showgrid": False,
        }
    return panel


def _roles(chart: Chart, lines: list[Line]) -> tuple[list[Line], list[Line], list[Line]]:
    """Which lines are bars, which stay lines on the same axis, and which go to the second one."""
    as_lines = [line for line in lines if line.measure.line and line is not lines[0]]
    if not as_lines:
        as_lines = lines[-1:]
    bars = [line for line in lines if line not in as_lines]
    first = bars[0].measure
    odd = [line for line in bars if line.unit != first.unit]
    bars, as_lines = [line for line in bars if line not in odd], [*odd, *as_lines]
    right = [line for line in as_lines if _apart(first, line.measure)]
    left = [line for line in as_lines if line not in right]
    strange = [line for line in right if line.unit != right[0].unit]
    if strange:
        names = ", ".join(f"«{line.name}»" for line in strange)
        chart.note(f"Третья единица на графике не помещается: {names}.", f"A third unit has no axis: {names}.")
    return bars, left, [line for line in right if line not in strange]


def _apart(first: Measure, other: Measure) -> bool:
    """Whether two measures need axes of their own: other units, or plain numbers that the template sets apart."""
    if first.unit != other.unit:
        return True
    return first.unit.kind == "number" and (other.second or (first.adds is True) != (other.adds is True))


def _aligned(lines: list[Line], left: Ticks, lang: str) -> Ticks:
    """Ticks of the second axis at the heights of the first one's, where both start at zero."""
    low, high = axes.extent([value for line in lines for value in line.values])
    unit = axis_unit(lines)
    steps = len(left.values) - 1
    if low < 0 or left.range[0] < 0 or steps < 1:
        return numbers.ticks(low, high, unit, lang)
    step = numbers.round_step((high or 1.0) / steps)
    values = tuple(float(f"{step * at:.12g}") for at in range(steps + 1))
    return Ticks((0.0, values[-1]), values, numbers.tick_texts(values, unit, lang))


def _traces(shape: Shape) -> list[dict[str, object]]:
    first, *rest = shape.measures
    said = any(ref.line for ref in rest)
    return [
        {
            "type": "scatter" if ref is not first and (ref.line or not said) else "bar",
            "x": shape.dimensions[0],
            "y": ref.column,
            "name": ref.name,
            "value_format": ref.value_format,
            "yaxis": "y2" if ref.second else "y",
        }
        for ref in (first, *rest)
    ]


FORMATS = (
    FormatSpec(
        "combo",
        Text("Столбцы и линия", "Bars and a line"),
        Text(
            "категория или период и два числа, обычно в разных единицах",
            "a category or a period, and two numbers, usually of different units",
        ),
        Wants(measures=(2, 4)),
        combo,
        _traces,
        narrower="bar",
        order=24,
    ),
)

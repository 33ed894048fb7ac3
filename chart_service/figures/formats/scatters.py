"""Points of two numbers: scatter, and bubbles with a third one as size."""

from __future__ import annotations

from typing import Any

from chart_service.figures import axes, numbers
from chart_service.figures.axes import hover
from chart_service.figures.chart import Chart, Dimension, Key
from chart_service.figures.crosstab import OTHER
from chart_service.figures.labels import shown
from chart_service.figures.numbers import Ticks, Unit
from chart_service.figures.panel import POINTS, Fact, Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Wants
from chart_service.figures.theme import PALETTE, Tone, series_tone
from warehouse.meanings import Text

_LARGEST_BUBBLE = 44  # pixels across


def scatter(chart: Chart) -> Panel:
    """A point for each row."""
    return _points(chart, sized=False)


def bubble(chart: Chart) -> Panel:
    """A circle for each row, its area as large as the third number."""
    return _points(chart, sized=True)


def _points(chart: Chart, *, sized: bool) -> Panel:
    x, y = chart.measures
    sizes = chart.size.values if sized and chart.size else None
    at = [
        index
        for index in range(len(chart))
        if x.values[index] is not None and y.values[index] is not None and (sizes is None or (sizes[index] or 0) > 0)
    ]
    if len(at) < len(chart):
        left = len(chart) - len(at)
        chart.note(f"Строк без нужных чисел: {left}, они не показаны.", f"{left} rows lack a number and are not shown.")
    if len(at) > POINTS:
        chart.note(
            f"Показаны {POINTS} точек из {len(at)}, взятые через равные промежутки.",
            f"{POINTS} of {len(at)} points are shown, at equal steps.",
        )
        step = len(at) / POINTS
        at = [at[int(number * step)] for number in range(POINTS)]
    split = chart.dimensions[0] if chart.dimensions else None
    groups = _groups(chart, split, at)
    largest = max((sizes[index] or 0 for index in at), default=0) if sizes else 0
    many = len(groups) > 1
    traces = []
    for number, (name, indexes, other) in enumerate(groups):
        tone = "other" if other else series_tone(number).name
        trace: dict[str, Any] = {
            "type": "scatter",
            "mode": "markers",
            "name": shown(name, 40),
            "x": [x.values[index] for index in indexes],
            "y": [y.values[index] for index in indexes],
            "hovertext": [_named(chart, split, index) for index in indexes],
            "marker": {"color": Tone(tone, 0.6), "size": 7, "line": {"width": 0}},
            "hovertemplate": _hover(chart, sized=sizes is not None),
            "showlegend": many,
            "cliponaxis": False,
        }
        if sizes:
            trace["customdata"] = [[sizes[index]] for index in indexes]
            trace["marker"] |= {
                "size": [sizes[index] for index in indexes],
                "sizemode": "area",
                "sizeref": 2 * largest / _LARGEST_BUBBLE**2 or 1,
                "sizemin": 3,
                "line": {"width": 1, "color": Tone("card")},
            }
        traces.append(trace)
    across = _axis([x.values[index] for index in at], x.unit, chart.lang)
    upwards = _axis([y.values[index] for index in at], y.unit, chart.lang)
    bottom = axes.values(across, chart.layout.xaxis_title or x.title) | {"tickangle": 0}
    return Panel(
        traces,
        xaxis={**bottom, "showgrid": True},
        yaxis=axes.values(upwards, chart.layout.yaxis_title or y.title),
        layout={"hovermode": "closest", "showlegend": many},
        facts=[_fact(chart, x.title, x.values, x.unit, at), _fact(chart, y.title, y.values, y.unit, at)],
        height=280,
    )


def _axis(values: list[int | float | None], unit: Unit, lang: str) -> Ticks:
    """Ticks with a little room around the points; zero is on the axis only where it is near."""
    low, high = axes.extent(values)
    room = (high - low) * 0.04
    near = 0 <= low < high * 0.4
    return numbers.ticks(0.0 if near else low - room, high + room, unit, lang, zero=near)


def _groups(chart: Chart, split: Dimension | None, at: list[int]) -> list[tuple[str, list[int], bool]]:
    if split is None:
        return [(chart.measures[1].title, at, False)]
    found: dict[Key, list[int]] = {}
    for index in at:
        found.setdefault(split.keys[index], []).append(index)
    if len(found) > 2 * PALETTE and len(found) > len(at) / 2:  # names of the points, not groups of them
        return [(chart.measures[1].title, at, False)]
    keys = sorted(found, key=lambda key: -len(found[key]))
    groups = [(split.wording(key, chart.lang), found[key], False) for key in keys]
    if len(groups) > PALETTE:
        rest = [index for _, indexes, _ in groups[PALETTE - 1 :] for index in indexes]
        groups = [*groups[: PALETTE - 1], (OTHER.of(chart.lang), rest, True)]
    return groups


def _named(chart: Chart, split: Dimension | None, index: int) -> str:
    named = chart.text or split
    return shown(named.wording(named.keys[index], chart.lang)) if named else ""


def _hover(chart: Chart, *, sized: bool) -> str:
    x, y = chart.measures
    lines = [f"{shown(x.title, 40)}: <b>{hover('x', x.unit, x.values)}</b>"]
    lines.append(f"{shown(y.title, 40)}: <b>{hover('y', y.unit, y.values)}</b>")
    if sized and chart.size:
        lines.append(
            f"{shown(chart.size.title, 40)}: <b>{hover('customdata[0]', chart.size.unit, chart.size.values)}</b>"
        )
    head = "%{hovertext}<br>" if chart.text or chart.dimensions else ""
    return head + "<br>".join(lines) + "<extra></extra>"


def _fact(chart: Chart, title: str, values: Any, unit: Unit, at: list[int]) -> Fact:
    low, high = axes.extent([values[index] for index in at])
    names = [chart.say("от", "from"), chart.say("до", "to")]
    return Fact(title, names, [low, high], [numbers.full(low, unit, chart.lang), numbers.full(high, unit, chart.lang)])


def _traces(shape: Shape) -> list[dict[str, object]]:
    x, y = shape.measures[:2]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": x.column,
            "y": y.column,
            "size": shape.size,
            "text": shape.text,
            "series": next(iter(shape.dimensions), None),
            "value_format": y.value_format,
        }
    ]


FORMATS = (
    FormatSpec(
        "scatter",
        Text("Точки", "Scatter"),
        Text(
            "два числа, строка на точку, и, если есть, группа",
            "two numbers, one row for each point, and a group if any",
        ),
        Wants(dimensions=(0, 1), measures=(2, 2), numeric_x=True),
        scatter,
        _traces,
        narrower="bar",
        order=72,
    ),
    FormatSpec(
        "bubble",
        Text("Пузыри", "Bubbles"),
        Text("три числа: x, y и размер; строка на пузырь", "three numbers: x, y and size; one row for each bubble"),
        Wants(dimensions=(0, 1), measures=(2, 2), numeric_x=True, size=True),
        bubble,
        _traces,
        narrower="bar",
        order=73,
    ),
)

"""How numbers are spread: histogram, and boxes by category. Both are computed over all rows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from chart_service.figures import axes, numbers, order
from chart_service.figures.chart import Chart, Key, Measure
from chart_service.figures.labels import distinct, escaped, shown
from chart_service.figures.numbers import NBSP, Unit
from chart_service.figures.panel import Fact, Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Need, Wants
from chart_service.figures.theme import Tone
from warehouse.meanings import Text

_BINS = 24
_MOST_BOXES = 12
_MOST_OUTLIERS = 60


def histogram(chart: Chart) -> Panel:
    """How many rows have a value in each of some equal ranges."""
    measure = chart.measures[0]
    values = sorted(measure.known())
    low, high = float(values[0]), float(values[-1])
    step = numbers.round_step((high - low) / min(_BINS, max(5, int(len(values) ** 0.5))))
    if all(isinstance(value, int) for value in values):
        step = max(1.0, step)
    first = int(low // step)
    bins = int(high // step) - first + 1
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, max(0, int(value // step) - first))] += 1
    edges = [(first + at) * step for at in range(bins + 1)]
    ranges = [_range(edges[at], edges[at + 1], measure.unit, chart.lang) for at in range(bins)]
    count = chart.say("Строк", "Rows")
    trace = {
        "type": "histogram",
        "name": shown(measure.title, 40),
        "x": [edges[at] + step / 2 for at in range(bins)],
        "y": counts,
        "histfunc": "sum",
        "autobinx": False,
        "xbins": {"start": edges[0], "end": edges[-1], "size": step},
        "hovertext": [escaped(text) for text in ranges],
        "marker": {"color": Tone("c1")},
        "hovertemplate": f"%{{hovertext}}<br>{count}: <b>%{{y:,.0f}}</b><extra></extra>",
        "showlegend": False,
    }
    across = numbers.ticks(edges[0], edges[-1], measure.unit, chart.lang, count=6, zero=False)
    inside = [at for at, value in enumerate(across.values) if edges[0] <= value <= edges[-1]]
    bottom = axes.values(across, chart.layout.xaxis_title or measure.title)
    bottom |= {
        "range": [edges[0], edges[-1]],
        "tickvals": [across.values[at] for at in inside],
        "ticktext": [escaped(across.texts[at]) for at in inside],
        "tickangle": 0,
    }
    return Panel(
        [trace],
        xaxis=bottom,
        yaxis=axes.values(numbers.ticks(0, max(counts), Unit(), chart.lang), chart.layout.yaxis_title or count),
        layout={"bargap": 0.04, "hovermode": "closest", "showlegend": False},
        facts=[Fact(measure.title, ranges, counts, [numbers.grouped(n, 0, chart.lang) for n in counts], ordered=False)],
    )


def _range(low: float, high: float, unit: Unit, lang: str) -> str:
    digits = max(numbers.decimals([low], 4), numbers.decimals([high], 4))
    return f"{numbers.grouped(low, digits, lang)}{NBSP}– {numbers.full(high, unit, lang, digits)}"


def box(chart: Chart) -> Panel:
    """Quartiles, the whiskers within one and a half of their distance, and what lies outside, for each category."""
    measure = chart.measures[0]
    keys, groups = _grouped(chart)
    dimension = chart.dimensions[0] if chart.dimensions else None
    labels = distinct([dimension.wording(key, chart.lang) if dimension else measure.title for key in keys])
    boxes = [_box(groups[key]) for key in keys]
    names = [shown(label) for label in labels]
    reached = [value for its in boxes for value in (its.lower, its.upper, *its.outside)]
    low, high = axes.extent(reached)
    upright = numbers.ticks(low, high, measure.unit, chart.lang, zero=0 <= low < high * 0.5)
    across: dict[str, Any] = {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": names,
        "tickmode": "array",
        "tickvals": names,
        "ticktext": [axes.wrapped_label(label, len(labels)) for label in labels],
        "range": [-0.5, len(names) - 0.5],
        "tickangle": 0,
        "fixedrange": True,
    }
    middles = [numbers.full(its.middle, measure.unit, chart.lang) for its in boxes]
    return Panel(
        [_box_trace(boxes, names, measure), _box_hover(boxes, names, measure, chart)],
        xaxis=across,
        yaxis=axes.values(upright, chart.layout.yaxis_title),
        layout={"hovermode": "closest", "showlegend": False},
        facts=[
            Fact(f"{measure.title}, {chart.say('медиана', 'median')}", labels, [its.middle for its in boxes], middles)
        ],
    )


@dataclass(frozen=True, slots=True)
class _Box:
    """Quartiles, ends of the whiskers, and what is outside of them."""

    low: float
    middle: float
    high: float
    lower: float
    upper: float
    outside: list[float]
    count: int


def _grouped(chart: Chart) -> tuple[list[Key], dict[Key, list[float]]]:
    """The values of each category, and the categories that are drawn, in their order."""
    dimension = chart.dimensions[0] if chart.dimensions else None
    groups: dict[Key, list[float]] = {}
    for at, value in enumerate(chart.measures[0].values):
        if value is not None:
            groups.setdefault(dimension.keys[at] if dimension else "", []).append(float(value))
    if dimension is None:
        return list(groups), groups
    medians = {key: _quartiles(values)[1] for key, values in groups.items()}
    keys = [key for key in order.arranged(dimension, medians, chart.rows) if key in groups]
    if len(keys) > _MOST_BOXES:
        largest = set(sorted(keys, key=lambda key: -len(groups[key]))[:_MOST_BOXES])
        chart.note(
            f"Показаны {_MOST_BOXES} групп с наибольшим числом строк из {len(keys)}.",
            f"The {_MOST_BOXES} groups with most rows of {len(keys)} are shown.",
        )
        keys = [key for key in keys if key in largest]
    return keys, groups


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _box(values: Sequence[float]) -> _Box:
    ordered = sorted(values)
    low, middle, high = _quartiles(ordered)
    reach = 1.5 * (high - low)
    lower = ordered[min(bisect_left(ordered, low - reach), len(ordered) - 1)]
    upper = ordered[max(bisect_right(ordered, high + reach) - 1, 0)]
    outside = [value for value in ordered if value < lower or value > upper]
    if len(outside) > _MOST_OUTLIERS:
        step = len(outside) / _MOST_OUTLIERS
        outside = [outside[int(at * step)] for at in range(_MOST_OUTLIERS - 1)] + [outside[-1]]
    return _Box(low, middle, high, lower, upper, outside, len(ordered))


def _box_trace(boxes: Sequence[_Box], names: list[str], measure: Measure) -> dict[str, Any]:
    """Boxes computed here, so that a figure does not carry every row."""
    return {
        "type": "box",
        "name": shown(measure.title, 40),
        "x": names,
        "q1": [its.low for its in boxes],
        "median": [its.middle for its in boxes],
        "q3": [its.high for its in boxes],
        "lowerfence": [its.lower for its in boxes],
        "upperfence": [its.upper for its in boxes],
        "y": [its.outside for its in boxes],
        "boxpoints": "all" if any(its.outside for its in boxes) else False,
        "jitter": 0.2,
        "pointpos": 0,
        "marker": {"color": Tone("c1")},
        "line": {"color": Tone("c1"), "width": 1.5},
        "fillcolor": Tone("c1", 0.18),
        "width": 0.5,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _box_hover(boxes: Sequence[_Box], names: list[str], measure: Measure, chart: Chart) -> dict[str, Any]:
    """Invisible marks that say what a box does: Plotly's own texts would be English."""
    digits = numbers.decimals([value for its in boxes for value in (its.low, its.middle, its.high)], 1)

    def text(its: _Box) -> str:
        middle, low, high, lower, upper = (
            numbers.full(value, measure.unit, chart.lang, digits)
            for value in (its.middle, its.low, its.high, its.lower, its.upper)
        )
        return (
            f"{chart.say('Медиана', 'Median')} <b>{escaped(middle)}</b><br>"
            f"{chart.say('Половина между', 'Half between')} {escaped(low)} {chart.say('и', 'and')} {escaped(high)}<br>"
            f"{chart.say('Усы', 'Whiskers')} {escaped(lower)} – {escaped(upper)}<br>"
            f"{chart.say('Строк', 'Rows')}: {numbers.grouped(its.count, 0, chart.lang)}"
        )

    return {
        "type": "scatter",
        "mode": "markers",
        "x": names,
        "y": [its.middle for its in boxes],
        "hovertext": [text(its) for its in boxes],
        "hovertemplate": "%{x}<br>%{hovertext}<extra></extra>",
        "marker": {"opacity": 0, "size": 36},
        "showlegend": False,
    }


def _histogram_traces(shape: Shape) -> list[dict[str, object]]:
    ref = shape.measures[0]
    return [{"type": "histogram", "x": ref.column, "name": ref.name, "value_format": ref.value_format}]


def _box_traces(shape: Shape) -> list[dict[str, object]]:
    ref = shape.measures[0]
    category = next(iter(shape.dimensions), None)
    return [{"type": "box", "x": category, "y": ref.column, "name": ref.name, "value_format": ref.value_format}]


def _repeats(chart: Chart) -> bool:
    if not chart.dimensions:
        return len(chart.measures[0].known()) >= 5
    return max(Counter(chart.dimensions[0].keys).values(), default=0) >= 3


FORMATS = (
    FormatSpec(
        "histogram",
        Text("Гистограмма", "Histogram"),
        Text("число, строка на каждую запись", "a number, one row for each record"),
        Wants(dimensions=(0, 0)),
        histogram,
        _histogram_traces,
        (
            Need(
                lambda chart: len(set(chart.measures[0].known())) > 1,
                Text("Значение всего одно: показана таблица.", "There is only one value: shown as a table."),
                "table",
            ),
        ),
        wider="bar",
        order=70,
    ),
    FormatSpec(
        "box",
        Text("Ящик с усами", "Box plot"),
        Text(
            "число, строка на каждую запись, и, если есть, категория",
            "a number, one row for each record, and a category if any",
        ),
        Wants(dimensions=(0, 1)),
        box,
        _box_traces,
        (
            Need(
                _repeats,
                Text(
                    "Слишком мало строк на категорию: показаны столбцы.", "Too few rows in a category: shown as bars."
                ),
                "bar",
            ),
        ),
        order=71,
    ),
)

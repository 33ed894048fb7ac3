"""How numbers are spread: histogram, and boxes by category. Both are computed over all rows."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from statistics import quantiles
from typing import Any

from chart_service.figures import axes, numbers, order
from chart_service.figures.chart import Chart, Key
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
    groups: dict[Key, list[float]] = {}
    dimension = chart.dimensions[0] if chart.dimensions else None
    for at, value in enumerate(measure.values):
        if value is not None:
            groups.setdefault(dimension.keys[at] if dimension else "", []).append(float(value))
    keys: list[Key] = [""]
    if dimension:
        medians = {key: _five(values)[1] for key, values in groups.items()}
        keys = [key for key in order.arranged(dimension, medians, chart.rows) if key in groups]
        if len(keys) > _MOST_BOXES:
            largest = set(sorted(keys, key=lambda key: -len(groups[key]))[:_MOST_BOXES])
            chart.note(
                f"Показаны {_MOST_BOXES} групп с наибольшим числом строк из {len(keys)}.",
                f"The {_MOST_BOXES} groups with most rows of {len(keys)} are shown.",
            )
            keys = [key for key in keys if key in largest]
    labels = distinct([dimension.wording(key, chart.lang) if dimension else measure.title for key in keys])
    trace, seen = _boxes([groups[key] for key in keys], labels)
    low, high = axes.extent(seen)
    digits = numbers.decimals(seen, 2) if high < 1000 else 0
    trace |= {
        "name": shown(measure.title, 40),
        "marker": {"color": Tone("c1"), "size": 3, "opacity": 0.6},
        "line": {"color": Tone("c1"), "width": 1.5},
        "fillcolor": Tone("c1", 0.18),
        "hoverinfo": "x+y",
        "showlegend": False,
    }
    upright = axes.values(numbers.ticks(low, high, measure.unit, chart.lang, zero=low >= 0 and low < high * 0.5))
    upright["hoverformat"] = f",.{digits}f"
    upright["ticksuffix"] = ""
    names = [shown(label) for label in labels]
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
    facts = [
        Fact(
            label,
            [chart.say("медиана", "median")],
            [_five(groups[key])[1]],
            [numbers.full(_five(groups[key])[1], measure.unit, chart.lang)],
        )
        for label, key in zip(labels, keys, strict=True)
    ]
    return Panel(
        [trace],
        xaxis=across,
        yaxis={
            **upright,
            **({"title": {"text": shown(chart.layout.yaxis_title, 60)}} if chart.layout.yaxis_title else {}),
        },
        layout={"hovermode": "closest", "showlegend": False},
        facts=facts,
    )


def _five(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return low, middle, high


def _boxes(groups: list[list[float]], labels: list[str]) -> tuple[dict[str, Any], list[float]]:
    """A trace of boxes computed here, so that a figure does not carry every row, and the values it reaches."""
    columns: dict[str, list[Any]] = {key: [] for key in ("q1", "median", "q3", "lowerfence", "upperfence", "mean", "y")}
    seen: list[float] = []
    for values in groups:
        ordered = sorted(values)
        low, middle, high = _five(ordered)
        reach = 1.5 * (high - low)
        fence_low = ordered[min(bisect_right(ordered, low - reach - 1e-12), len(ordered) - 1)]
        fence_high = ordered[max(bisect_right(ordered, high + reach) - 1, 0)]
        outside = [value for value in ordered if value < fence_low or value > fence_high]
        if len(outside) > _MOST_OUTLIERS:
            step = len(outside) / _MOST_OUTLIERS
            outside = [outside[int(at * step)] for at in range(_MOST_OUTLIERS - 1)] + [outside[-1]]
        for key, value in (
            ("q1", low),
            ("median", middle),
            ("q3", high),
            ("lowerfence", fence_low),
            ("upperfence", fence_high),
            ("mean", sum(values) / len(values)),
            ("y", outside),
        ):
            columns[key].append(value)
        seen += [fence_low, fence_high, *outside]
    trace: dict[str, Any] = {"type": "box", "x": [shown(label) for label in labels], **columns}
    trace["boxpoints"] = "all" if any(columns["y"]) else False
    trace |= {"jitter": 0.2, "pointpos": 0}
    return trace, seen


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

"""Numbers against their targets: on a gauge, and as bullets."""

from __future__ import annotations

from typing import Any

from chart_service.figures import axes, numbers
from chart_service.figures.chart import Chart, Measure
from chart_service.figures.formats.indicators import (
    ONE_ROW,
    ONE_ROW_OF_CATEGORIES,
    ONE_ROW_OVER_TIME,
    digits_of,
    indicator_traces,
    number_keys,
    row_label,
)
from chart_service.figures.labels import distinct, escaped, shown
from chart_service.figures.numbers import NBSP, Unit
from chart_service.figures.panel import Fact, Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Need, Wants
from chart_service.figures.theme import Tone
from warehouse.meanings import Text

_MOST_BULLETS = 12


def gauge(chart: Chart) -> Panel:
    """A number on a dial, up to its target or to 100 %, with a line at the target."""
    measure = chart.measures[0]
    value = measure.known()[0]
    target = _target(measure)
    top = (
        100.0 if measure.unit.kind == "percent" and max(value, target or 0) <= 100 else max(value, (target or 0) * 1.2)
    )
    axis = numbers.ticks(min(0.0, value), top, measure.unit, chart.lang, count=4)
    digits = digits_of(value)
    dial: dict[str, Any] = {
        "axis": {
            "range": list(axis.range),
            "tickmode": "array",
            "tickvals": list(axis.values),
            "ticktext": [escaped(text) for text in axis.texts],
            "tickfont": {"size": 11, "color": Tone("muted")},
            "tickwidth": 0,
            "ticklen": 0,
        },
        "bar": {"color": Tone("c1"), "thickness": 1},
        "bgcolor": Tone("grid"),
        "borderwidth": 0,
    }
    if target is not None:
        dial["threshold"] = {"value": target, "thickness": 1, "line": {"color": Tone("ink"), "width": 3}}
    trace: dict[str, Any] = {
        "type": "indicator",
        "mode": "gauge+number",
        "gauge": dial,
        **number_keys(value, None, measure.unit, chart.lang, small=False),
    }
    trace["value"] = value
    if measure.unit.kind != "percent" and abs(value) >= 1e6:
        # The dial needs the value itself, so the number is written with the dial's scale by Plotly's own axis format.
        trace |= _rescaled(dial, value, target, measure.unit, chart.lang)
    else:
        trace["number"] |= {"valueformat": f",.{digits}f", "suffix": escaped(measure.unit.suffix)}
    trace["number"]["font"] = {"size": 30}
    title = row_label(chart)
    if title:
        trace["title"] = {"text": shown(title, 60), "font": {"size": 12, "color": Tone("muted")}}
    ends = 8 + axes.text_width((axis.texts[0], axis.texts[-1]))
    layout: dict[str, Any] = {"margin": {"l": ends, "r": ends, "t": 44 if title else 24, "b": 12}}
    if target is not None and chart.of == 1:
        layout["margin"]["b"] = 30
        layout["annotations"] = [
            _below(chart.say("план", "target") + " " + numbers.compact(target, measure.unit, chart.lang))
        ]
    text = numbers.full(value, measure.unit, chart.lang)
    facts = [Fact(measure.title, [row_label(chart)], [value], [text])]
    return Panel([trace], domain=True, facts=facts, layout=layout, height=200)


def _below(text: str) -> dict[str, Any]:
    """A line under the dial."""
    return {
        "text": escaped(text),
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0,
        "yanchor": "top",
        "yshift": -4,
        "showarrow": False,
        "font": {"color": Tone("muted"), "size": 12},
    }


def _rescaled(dial: dict[str, Any], value: float, target: float | None, unit: Unit, lang: str) -> dict[str, Any]:
    """The dial and its number in the scale of the number's text."""
    size, _ = numbers.scale_of(abs(value), lang)
    axis = dial["axis"]
    axis["range"] = [edge / size for edge in axis["range"]]
    axis["tickvals"] = [tick / size for tick in axis["tickvals"]]
    if target is not None:
        dial["threshold"] = {**dial["threshold"], "value": target / size}
    return number_keys(value, None, unit, lang, small=False) | {"gauge": dial}


def _target(measure: Measure) -> float | None:
    return next((value for value in measure.reference or () if value is not None), None)


def bullet(chart: Chart) -> Panel:
    """A bar for each row with a line at its target."""
    measure = chart.measures[0]
    reference = measure.reference or []
    rows = [at for at, value in enumerate(measure.values) if value is not None]
    if len(rows) > _MOST_BULLETS:
        chart.note(
            f"Показаны первые {_MOST_BULLETS} из {len(rows)}.", f"The first {_MOST_BULLETS} of {len(rows)} are shown."
        )
        rows = rows[:_MOST_BULLETS]
    labels = [_label(chart, at) for at in rows]
    names = [shown(label) for label in distinct(labels)]
    values = [measure.values[at] for at in rows]
    targets = [reference[at] for at in rows]
    texts = [NBSP + numbers.compact(value or 0, measure.unit, chart.lang) for value in values]
    low, high = axes.extent([*values, *targets])
    axis = numbers.ticks(low, high, measure.unit, chart.lang, count=4)
    hidden = {"showlegend": False, "hoverinfo": "skip"}
    full_hover = axes.hover("x", measure.unit, [*values, *targets])
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "y": names,
            "x": [axis.range[1]] * len(names),
            "width": 0.62,
            "marker": {"color": Tone("grid"), "cornerradius": 2},
            **hidden,
        },
        {
            "type": "bar",
            "orientation": "h",
            "y": names,
            "x": values,
            "width": 0.3,
            "name": shown(measure.title, 40),
            "marker": {"color": Tone("c1"), "cornerradius": 2},
            "showlegend": False,
            "hovertemplate": f"%{{y}}<br><b>{full_hover}</b><extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "y": names,
            "x": targets,
            "name": chart.say("План", "Target"),
            "marker": {"symbol": "line-ns", "size": 20, "line": {"width": 3, "color": Tone("ink")}},
            "showlegend": False,
            "hovertemplate": f"%{{y}}<br>{chart.say('план', 'target')} <b>{full_hover}</b><extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "text",
            "y": names,
            "x": [axis.range[1]] * len(names),
            "text": list(map(escaped, texts)),
            "textposition": "middle right",
            "textfont": {"size": 11, "color": Tone("muted")},
            "cliponaxis": False,
            **hidden,
        },
    ]
    room = max(map(len, texts), default=0) * 6
    return Panel(
        traces,
        xaxis={**axes.values(axis), "showline": False},
        yaxis=axes.sideways_of(labels),
        layout={"barmode": "overlay", "hovermode": "closest", "showlegend": False, "margin": {"r": 12 + room}},
        facts=[Fact(measure.title, labels, values, texts)],
        height=max(110, 40 * len(names) + 40),
    )


def _label(chart: Chart, at: int) -> str:
    words = [dimension.wording(dimension.keys[at], chart.lang) for dimension in chart.dimensions]
    return " · ".join(words) or chart.measures[0].title


def _gauge_traces(shape: Shape) -> list[dict[str, object]]:
    return indicator_traces(shape)[:1]


_SCALE = Need(
    lambda chart: chart.measures[0].unit.kind == "percent" or _target(chart.measures[0]) is not None,
    Text("Шкале нужен план или доля: показано число.", "A gauge needs a target or a share: shown as a number."),
    "indicator",
)
_TARGETS = Need(
    lambda chart: _target(chart.measures[0]) is not None,
    Text("Нет столбца с планом: показаны столбцы.", "There is no column of targets: shown as bars."),
    "bar",
)
FORMATS = (
    FormatSpec(
        "gauge",
        Text("Шкала", "Gauge"),
        Text("одна строка: доля, или число и план", "one row: a share, or a number and its target"),
        Wants(dimensions=(0, 1), one_row=True, reference=True),
        gauge,
        _gauge_traces,
        (ONE_ROW_OVER_TIME, ONE_ROW_OF_CATEGORIES, ONE_ROW, _SCALE),
        wider="indicator",
        order=2,
    ),
    FormatSpec(
        "bullet",
        Text("План и факт", "Bullet"),
        Text("число и план, строка на каждую полосу", "a number and its target, one row for each bar"),
        Wants(dimensions=(0, 1), one_row=True, reference=True),
        bullet,
        _gauge_traces,
        (_TARGETS,),
        order=3,
    ),
)

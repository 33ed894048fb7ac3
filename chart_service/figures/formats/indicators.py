"""One number: alone or with its change, on a gauge, and as a bullet against a target."""

from __future__ import annotations

from typing import Any

from chart_service.figures import axes, numbers
from chart_service.figures.chart import Chart, Measure
from chart_service.figures.labels import distinct, escaped, shown
from chart_service.figures.numbers import NBSP, Unit
from chart_service.figures.panel import Fact, Indicator, Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Need, Wants
from chart_service.figures.theme import Tone
from warehouse.meanings import Text

_MOST = 4
_MOST_BULLETS = 12


def indicator(chart: Chart) -> Panel:
    """Up to four numbers of one row, each with its change against a reference."""
    shown_measures = [measure for measure in chart.measures if measure.known()][:_MOST]
    if len(chart.measures) > _MOST:
        chart.note(f"Показаны первые {_MOST} числа.", f"The first {_MOST} numbers are shown.")
    traces, cards, facts = [], [], []
    label = _row_label(chart)
    for at, measure in enumerate(shown_measures):
        value = measure.known()[0]
        before = next((v for v in measure.reference or () if v is not None), None)
        title = " · ".join(filter(None, (chart.currency if chart.of > 1 else "", label, measure.title)))
        named = len(shown_measures) > 1 or bool(label) or chart.of > 1
        trace: dict[str, Any] = {
            "type": "indicator",
            "mode": "number" if before is None else "number+delta",
            "value": value,
            "domain": _cell(at, len(shown_measures)),
            **_number(value, before, measure.unit, chart.lang, small=len(shown_measures) > 2 or chart.of > 1),
        }
        if named:
            trace["title"] = {"text": shown(title, 60), "font": {"size": 12, "color": Tone("muted")}}
        traces.append(trace)
        text = numbers.full(value, measure.unit, chart.lang)
        cards.append(
            Indicator(
                title,
                _card_text(value, measure.unit, chart.lang),
                *_change(value, before, measure.unit, chart.lang),
                before=None if before is None else numbers.full(before, measure.unit, chart.lang),
            )
        )
        facts.append(Fact(title, [""], [value], [text]))
    height = 110 if len(traces) < 4 else 190
    return Panel(traces, domain=True, indicators=cards, facts=facts, height=height, titled=chart.of > 1)


def _row_label(chart: Chart) -> str:
    words = [dimension.wording(dimension.keys[0], chart.lang) for dimension in chart.dimensions if dimension.keys]
    return " · ".join(words)


def _cell(at: int, count: int) -> dict[str, list[float]]:
    columns = count if count < 4 else 2
    rows = -(-count // columns)
    column, row = at % columns, at // columns
    return {
        "x": [column / columns, (column + 1) / columns],
        "y": [1 - (row + 1) / rows, 1 - row / rows],
    }


def _card_text(value: float, unit: Unit, lang: str) -> str:
    """A large number in at most three digits and a scale, a smaller one in full."""
    if abs(value) < 1e6:
        return numbers.full(value, unit, lang, _digits(value))
    return numbers.compact(value, unit, lang)


def _digits(value: float) -> int:
    return 0 if abs(value) >= 1000 else min(2, numbers.decimals([value]))


def _number(value: float, before: float | None, unit: Unit, lang: str, *, small: bool) -> dict[str, Any]:
    """Plotly's number and delta: in the scale of the text on a card, since Plotly's own suffixes are English."""
    size, name = numbers.scale_of(abs(value), lang) if abs(value) >= 1e6 else (1.0, "")
    scaled = value / size
    digits = numbers.significant(scaled) if name else _digits(value)
    if digits and name and round(scaled, digits) == round(scaled, 0):
        digits = 0
    font = 24 if small else 40
    result: dict[str, Any] = {
        "value": scaled,
        "number": {
            "valueformat": f",.{digits}f",
            "prefix": escaped(unit.prefix),
            "suffix": escaped(name + unit.suffix),
            "font": {"size": font},
        },
    }
    if before is not None:
        difference, suffix, change_digits = _difference(value, before, unit, lang)
        result["delta"] = {
            # Plotly shows value less reference; the reference is placed so that this is the change we mean.
            "reference": scaled - difference,
            "valueformat": f"+,.{change_digits}f",
            "suffix": escaped(suffix),
            "font": {"size": 14},
            "position": "bottom",
        }
    return result


def _difference(value: float, before: float, unit: Unit, lang: str) -> tuple[float, str, int]:
    """The change in per cent, or where the values are per cents or the reference is not positive, their difference."""
    if unit.kind == "percent":
        return value - before, f"{NBSP}п.п." if lang == "ru" else f"{NBSP}pp", 1
    if before > 0:
        return 100 * (value - before) / before, numbers.percent(lang).suffix, 1
    return value - before, unit.suffix, _digits(value - before)


def _change(value: float, before: float | None, unit: Unit, lang: str) -> tuple[str | None, int]:
    if before is None:
        return None, 0
    difference, suffix, digits = _difference(value, before, unit, lang)
    text = numbers.grouped(difference, digits, lang)
    rounded = round(difference, digits)
    return ("+" if rounded > 0 else "") + text + suffix, (rounded > 0) - (rounded < 0)


def indicator_traces(shape: Shape) -> list[dict[str, object]]:
    """Traces of numbers with their references."""
    return [
        {
            "type": "indicator",
            "values": ref.column,
            "labels": next(iter(shape.dimensions), None),
            "name": ref.name,
            "reference": ref.reference,
            "value_format": ref.value_format,
        }
        for ref in shape.measures
    ]


def gauge(chart: Chart) -> Panel:
    """A number on a dial, up to its target or to 100 %, with a line at the target."""
    measure = chart.measures[0]
    value = measure.known()[0]
    target = _target(measure)
    top = (
        100.0 if measure.unit.kind == "percent" and max(value, target or 0) <= 100 else max(value, (target or 0) * 1.2)
    )
    axis = numbers.ticks(min(0.0, value), top, measure.unit, chart.lang, count=4)
    digits = _digits(value)
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
        **_number(value, None, measure.unit, chart.lang, small=False),
    }
    trace["value"] = value
    if measure.unit.kind != "percent" and abs(value) >= 1e6:
        # The dial needs the value itself, so the number is written with the dial's scale by Plotly's own axis format.
        trace |= _rescaled(dial, value, target, measure.unit, chart.lang)
    else:
        trace["number"] |= {"valueformat": f",.{digits}f", "suffix": escaped(measure.unit.suffix)}
    trace["number"]["font"] = {"size": 30}
    title = _row_label(chart)
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
    facts = [Fact(measure.title, [_row_label(chart)], [value], [text])]
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
    return _number(value, None, unit, lang, small=False) | {"gauge": dial}


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


ONE_ROW_OVER_TIME = Need(
    lambda chart: len(chart) == 1 or not (chart.dimensions and chart.dimensions[0].is_time),
    Text("Строк больше одной: показана линия.", "There is more than one row: shown as a line."),
    "line",
)
ONE_ROW_OF_CATEGORIES = Need(
    lambda chart: len(chart) == 1 or not chart.dimensions,
    Text("Строк больше одной: показаны столбцы.", "There is more than one row: shown as bars."),
    "bar",
)
ONE_ROW = Need(
    lambda chart: len(chart) == 1,
    Text("Строк больше одной: показана таблица.", "There is more than one row: shown as a table."),
    "table",
)
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
        "indicator",
        Text("Число", "Number"),
        Text("одна строка: число и, если есть, прежнее значение", "one row: a number and, if any, its previous value"),
        Wants(dimensions=(0, 1), measures=(1, 8), one_row=True, reference=True),
        indicator,
        indicator_traces,
        (ONE_ROW_OVER_TIME, ONE_ROW_OF_CATEGORIES, ONE_ROW),
        order=1,
    ),
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

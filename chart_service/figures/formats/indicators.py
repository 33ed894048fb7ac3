"""Numbers of one row, each alone or with its change."""

from __future__ import annotations

from typing import Any

from chart_service.figures import numbers
from chart_service.figures.chart import Chart
from chart_service.figures.labels import escaped, shown
from chart_service.figures.numbers import NBSP, Unit
from chart_service.figures.panel import Fact, Indicator, Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Need, Wants
from chart_service.figures.theme import Tone
from warehouse.meanings import Text

_MOST = 4


def indicator(chart: Chart) -> Panel:
    """Up to four numbers of one row, each with its change against a reference."""
    shown_measures = [measure for measure in chart.measures if measure.known()][:_MOST]
    if len(chart.measures) > _MOST:
        chart.note(f"Показаны первые {_MOST} числа.", f"The first {_MOST} numbers are shown.")
    traces, cards, facts = [], [], []
    label = row_label(chart)
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
            **number_keys(value, before, measure.unit, chart.lang, small=len(shown_measures) > 2 or chart.of > 1),
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


def row_label(chart: Chart) -> str:
    """What the first row is of, by its dimensions; not escaped, empty without any."""
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
        return numbers.full(value, unit, lang, digits_of(value))
    return numbers.compact(value, unit, lang)


def digits_of(value: float) -> int:
    """Digits behind the point of a large number on a card."""
    return 0 if abs(value) >= 1000 else min(2, numbers.decimals([value]))


def number_keys(value: float, before: float | None, unit: Unit, lang: str, *, small: bool) -> dict[str, Any]:
    """Plotly's number and delta: in the scale of the text on a card, since Plotly's own suffixes are English."""
    size, name = numbers.scale_of(abs(value), lang) if abs(value) >= 1e6 else (1.0, "")
    scaled = value / size
    digits = numbers.significant(scaled) if name else digits_of(value)
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
        difference, suffix, changedigits_of = _difference(value, before, unit, lang)
        result["delta"] = {
            # Plotly shows value less reference; the reference is placed so that this is the change we mean.
            "reference": scaled - difference,
            "valueformat": f"+,.{changedigits_of}f",
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
    return value - before, unit.suffix, digits_of(value - before)


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
)

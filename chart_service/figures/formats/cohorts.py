"""Cohorts over the periods of their lives, as coloured cells."""

from __future__ import annotations

from datetime import datetime

from chart_service.figures import numbers, order
from chart_service.figures.axes import hover
from chart_service.figures.chart import Chart, Dimension, Key
from chart_service.figures.crosstab import Value, summed
from chart_service.figures.formats.grids import cell_colours, downwards, grid_traces
from chart_service.figures.labels import distinct, escaped, shown
from chart_service.figures.numbers import Unit
from chart_service.figures.panel import Fact, Panel
from chart_service.figures.spec import FormatSpec, Need, Unfit, Wants
from warehouse.meanings import Text

_MOST_COHORTS, _MOST_AGES = 36, 36


def cohort(chart: Chart) -> Panel:
    """Cohorts down, their age in periods across; counts are shown as a share of the cohort's first period."""
    cohorts, ages = chart.dimensions[0], chart.dimensions[1]
    measure = chart.measures[0]
    at = _ages(cohorts, ages)
    found: dict[tuple[Key, int], Value] = {}
    for key, age, value in zip(cohorts.keys, at, measure.values, strict=True):
        if age is None or value is None:
            continue
        if (key, age) in found:
            summed(chart, measure)
        found[key, age] = (found.get((key, age)) or 0) + value
    if not found:
        raise Unfit(
            Text(
                "Возраст когорт не определить: показана таблица.", "Ages of cohorts cannot be told: shown as a table."
            ),
            "table",
        )
    keys = [key for key in (order.natural(cohorts) or cohorts.distinct()) if any(key == its for its, _ in found)]
    if len(keys) > _MOST_COHORTS:
        chart.note(f"Показаны последние {_MOST_COHORTS} когорт.", f"The last {_MOST_COHORTS} cohorts are shown.")
        keys = keys[-_MOST_COHORTS:]
    first = min(age for _, age in found)
    span = range(first, min(max(age for _, age in found), first + _MOST_AGES - 1) + 1)
    cells: list[list[Value]] = [[found.get((key, age)) for age in span] for key in keys]
    names = distinct([cohorts.wording(key, chart.lang) for key in keys])
    unit, shares = (
        measure.unit,
        _of_first(cells) if measure.adds is not False and measure.unit.kind == "number" else None,
    )
    if shares:
        unit = numbers.percent(chart.lang)
    counts = [["" if v is None else numbers.full(v, measure.unit, chart.lang) for v in row] for row in cells]
    drawn = shares or cells
    trace = {
        "type": "heatmap",
        "x": [str(age) for age in span],
        "y": [shown(name) for name in names],
        "hovertext": [[escaped(text) for text in row] for row in counts],
        "meta": {"columns": [cohorts.column, ages.column]},
        "hovertemplate": "%{y} · %{x}<br><b>%{hovertext}</b>"
        + (f"<br>{hover('z', unit, [v for row in drawn for v in row])}" if shares else "")
        + "<extra></extra>",
        **cell_colours(drawn, unit, chart.lang, _rounded(drawn, unit, chart.lang)),
    }
    across = {
        "type": "category",
        "side": "top",
        "showline": False,
        "tickangle": 0,
        "range": [-0.5, len(span) - 0.5],
        "fixedrange": True,
    }
    if chart.layout.xaxis_title:
        across["title"] = {"text": shown(chart.layout.xaxis_title, 60)}
    facts_ = [
        Fact(name, [str(age) for age in span], row, texts, ordered=True)
        for name, row, texts in zip(names, cells, counts, strict=True)
    ]
    return Panel(
        [trace],
        xaxis=across,
        yaxis=downwards(names, chart.layout.yaxis_title),
        layout={"hovermode": "closest", "showlegend": False},
        facts=facts_,
        height=max(200, 26 * len(names) + 40),
    )


def _rounded(cells: list[list[Value]], unit: Unit, lang: str) -> list[list[str]] | None:
    if unit.kind != "percent":
        return None
    return [["" if v is None else numbers.full(v, unit, lang, 0) for v in row] for row in cells]


def _of_first(cells: list[list[Value]]) -> list[list[Value]] | None:
    """Cells as per cents of each row's first, where every row has one."""
    if not all(row[0] for row in cells):
        return None
    return [[None if v is None else float(f"{100 * v / (row[0] or 1):.6g}") for v in row] for row in cells]


def _ages(cohorts: Dimension, ages: Dimension) -> list[int | None]:
    """How many periods after its cohort's start each row is: the number itself, or the difference of two dates."""
    result: list[int | None] = []
    for start, age in zip(cohorts.keys, ages.keys, strict=True):
        if isinstance(age, datetime) and isinstance(start, datetime):
            months = (age.year - start.year) * 12 + age.month - start.month
            weeks = (age - start).days // 7
            result.append(weeks if cohorts.grain == "week" else months)
        elif isinstance(age, int | float) and not isinstance(age, bool) and age == int(age) and abs(age) < 10_000:
            result.append(int(age))
        else:
            result.append(None)
    return result


_AGES = Need(
    lambda chart: any(age is not None for age in _ages(chart.dimensions[0], chart.dimensions[1])),
    Text(
        "Второй столбец — не номер периода: показана тепловая карта.",
        "The second column is no period's number: shown as a heatmap.",
    ),
    "heatmap",
)
FORMATS = (
    FormatSpec(
        "cohort",
        Text("Когорты", "Cohorts"),
        Text(
            "когорта, номер периода от нуля (или дата) и число",
            "a cohort, the number of the period from zero (or a date), and a number",
        ),
        Wants(dimensions=(2, 2)),
        cohort,
        grid_traces,
        (_AGES,),
        narrower="bar",
        order=62,
    ),
)

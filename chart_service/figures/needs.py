"""Needs that several formats share."""

from __future__ import annotations

from chart_service.figures.chart import Chart
from chart_service.figures.spec import Need
from warehouse.meanings import Text


def _series_or_measures(chart: Chart) -> bool:
    return len(chart.dimensions) > 1 or len(chart.measures) > 1


SEVERAL = Need(
    _series_or_measures,
    Text("Ряд всего один: показаны простые столбцы.", "There is only one series: shown as plain bars."),
    "bar",
)
ONE_UNIT = Need(
    lambda chart: len(chart.dimensions) > 1 or len({measure.unit for measure in chart.measures}) == 1,
    Text(
        "Показатели в разных единицах: показаны на двух осях.", "The measures have different units: shown on two axes."
    ),
    "combo",
)


ADDABLE = Need(
    lambda chart: all(measure.adds is not False for measure in chart.measures),
    Text("Эти значения нельзя складывать: показаны рядом.", "These values cannot be added up: shown side by side."),
    "grouped_bar",
)
POSITIVE = Need(
    lambda chart: all(value >= 0 for value in chart.measures[0].known()),
    Text("Среди значений есть отрицательные: показаны столбцы.", "Some values are negative: shown as bars."),
    "bar",
)
SOME = Need(
    lambda chart: sum(chart.measures[0].known()) > 0,
    Text("Сумма значений — ноль: показаны столбцы.", "The values add up to zero: shown as bars."),
    "bar",
)
ADDS = Need(
    lambda chart: chart.measures[0].adds is not False or chart.measures[0].unit.kind == "percent",
    Text("Эти значения не части целого: показаны столбцы.", "These values are not parts of a whole: shown as bars."),
    "bar",
)

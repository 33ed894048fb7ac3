"""What marks of a crosstab have in common in all formats: what is behind them, their units, what they say in words."""

from __future__ import annotations

from typing import Any

from chart_service.figures import numbers
from chart_service.figures.crosstab import Crosstab, Line
from chart_service.figures.labels import shown
from chart_service.figures.numbers import Unit
from chart_service.figures.panel import Fact


def marks(table: Crosstab, drawn: Line, /, **more: Any) -> dict[str, Any]:
    """What the trace of a line has in common in all formats: its name, and what is behind each mark.

    Of "Other" nothing is behind, since no value is; null would be the rows without one.
    """
    columns = [table.dimension.column, *([table.series.column] if table.series else [])]
    behind: list[list[Any]] = []
    for at, raw in enumerate(table.raws):
        if table.other and at == len(table.raws) - 1:
            behind.append([])
        else:
            behind.append([raw] if table.series is None or drawn.other else [raw, drawn.raw])
    return {"name": shown(drawn.name, 40), "meta": {"columns": columns}, "customdata": behind, **more}


def axis_unit(lines: list[Line]) -> Unit:
    """The unit of an axis: that of its lines where they share one."""
    units = {line.unit for line in lines}
    return units.pop() if len(units) == 1 else Unit()


def amount(unit: Unit) -> Unit:
    """The unit of texts beside an axis that names the currency."""
    return Unit() if unit.kind.startswith("money") else unit


def facts(table: Crosstab, lang: str) -> list[Fact]:
    """What the crosstab says, for the summary in words."""
    return [
        Fact(
            line.name,
            table.labels,
            line.values,
            ["" if value is None else numbers.full(value, line.unit, lang) for value in line.values],
            ordered=table.is_time,
            adds=bool(line.measure.adds) and line.unit.kind != "percent",
        )
        for line in table.lines
    ]

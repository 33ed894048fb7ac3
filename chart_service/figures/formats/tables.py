"""Rows as a table, and as a pivot of two dimensions with totals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chart_service.figures import measures, numbers, plain
from chart_service.figures.chart import Chart, cells
from chart_service.figures.crosstab import Value, crosstab
from chart_service.figures.labels import shown, titled
from chart_service.figures.marks import amount, facts
from chart_service.figures.panel import Cells, Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Unfit, Wants
from warehouse.meanings import Text

_MOST_ROWS = 1000
_MOST_COLUMNS = 40
_MOST_DOWN, _MOST_ACROSS = 200, 20  # of a pivot


def table(chart: Chart) -> Panel:
    """Every column of the rows, in the order of the statement."""
    columns = chart.rows.columns[:_MOST_COLUMNS]
    if len(chart.rows.columns) > _MOST_COLUMNS:
        chart.note(
            f"Показаны первые {_MOST_COLUMNS} столбцов из {len(chart.rows.columns)}.",
            f"The first {_MOST_COLUMNS} of {len(chart.rows.columns)} columns are shown.",
        )
    if len(chart) > _MOST_ROWS:
        chart.note(
            f"Показаны первые {_MOST_ROWS} строк из {len(chart)}.",
            f"The first {_MOST_ROWS} of {len(chart)} rows are shown.",
        )
    texts, right = [], []
    known = {measure.column: measure for measure in chart.measures}
    for column in columns:
        values = cells(chart.rows, column.name)[:_MOST_ROWS]
        numeric = column.kind == "number"
        right.append(numeric)
        if numeric and column.name in known:
            measure = known[column.name]
            digits = numbers.decimals(measure.known())
            texts.append(
                [
                    "—" if v is None else numbers.full(v, measure.unit, chart.lang, digits)
                    for v in measure.values[:_MOST_ROWS]
                ]
            )
        else:
            exact = not numeric or measures.is_identifier(column.name)
            digits_or_none = None if exact else numbers.decimals(map(plain.number, values))
            texts.append([plain.tabular(value, chart.lang, digits_or_none) for value in values])
    header = [known[c.name].title if c.name in known else titled(c.name) for c in columns]
    return table_panel(Cells(header, [list(row) for row in zip(*texts, strict=True)], right))


def table_panel(content: Cells, drawn: Sequence[Sequence[str]] | None = None) -> Panel:
    """The panel of a table: Plotly's trace for pictures, and the cells for a page that draws its own.

    ``drawn``: rows of shorter texts for the picture.
    """
    columns: Sequence[Sequence[str]] = [list(column) for column in zip(*(drawn or content.rows), strict=True)]
    widths = [
        3 + min(40, max(6, len(header) // 2, *(len(cell) for cell in column)))
        for header, column in zip(content.columns, columns or [()] * len(content.columns), strict=True)
    ]
    align = ["right" if number else "left" for number in content.right]
    trace: dict[str, Any] = {
        "type": "table",
        "columnwidth": widths,
        "header": {"values": [shown(text, 60) for text in content.columns], "align": align},
        "cells": {
            "values": [[shown(cell) for cell in column] for column in columns],
            "align": align,
        },
    }
    return Panel([trace], domain=True, table=content, height=32 + 30 * min(len(content.rows), 15))


def table_traces(shape: Shape) -> list[dict[str, object]]:
    """The trace of a table, which shows all columns; measures are named for their units."""
    return [
        {"type": "table", "values": ref.column, "name": ref.name, "value_format": ref.value_format}
        for ref in shape.measures
    ] or [{"type": "table"}]


def pivot(chart: Chart) -> Panel:
    """The first dimension down, the second across, with totals where the measure adds up."""
    if chart.mixed and chart.mixed not in chart.shape.dimensions:
        raise Unfit(
            Text("Валюты не складываются: показана таблица.", "Currencies are not added up: shown as a table."), "table"
        )
    turned = replace(chart, dimensions=chart.dimensions[::-1])
    table = crosstab(turned, categories=_MOST_ACROSS, lines=_MOST_DOWN, whole=True)
    measure = chart.measures[0]
    totals = measure.adds is not False and chart.mixed is None
    digits = numbers.decimals(measure.known())

    def full(value: Value) -> str:
        return "" if value is None else numbers.full(value, measure.unit, chart.lang, digits)

    def short(value: Value) -> str:
        return "" if value is None else numbers.compact(value, amount(measure.unit), chart.lang)

    total = Text("Итого", "Total").of(chart.lang)
    rows = [(line.name, [*line.values, *([sum(line.known())] if totals else [])]) for line in table.lines]
    if totals:
        sums: list[Value] = [sum(line.values[at] or 0 for line in table.lines) for at in range(len(table.keys))]
        rows.append((total, [*sums, sum(value or 0 for value in sums)]))
    header = [chart.dimensions[0].title, *table.labels, *([total] if totals else [])]
    content = Cells(
        header,
        [[name, *map(full, values)] for name, values in rows],
        [False, *[True] * (len(header) - 1)],
        totals=totals,
    )
    panel = table_panel(content, [[name, *map(short, values)] for name, values in rows])
    panel.facts = facts(table, chart.lang)
    return panel


def _pivot_traces(shape: Shape) -> list[dict[str, object]]:
    ref = shape.measures[0]
    down, across = shape.dimensions[:2]
    return [
        {
            "type": "table",
            "path": [down, across],
            "values": ref.column,
            "name": ref.name,
            "value_format": ref.value_format,
        }
    ]


FORMATS = (
    FormatSpec(
        "pivot",
        Text("Сводная таблица", "Pivot table"),
        Text("два столбца категорий и число", "two columns of categories, and a number"),
        Wants(dimensions=(2, 2), one_row=True),
        pivot,
        _pivot_traces,
        narrower="table",
        panels=False,
        order=89,
    ),
    FormatSpec(
        "table",
        Text("Таблица", "Table"),
        Text("любые строки", "any rows"),
        Wants(dimensions=(0, 99), measures=(0, 99), one_row=True),
        table,
        table_traces,
        panels=False,
        order=90,
    ),
)

"""Coloured cells of two dimensions: the heatmap, and what other grids of cells share with it."""

from __future__ import annotations

from typing import Any

from chart_service.figures import axes, numbers
from chart_service.figures.axes import extent, hover
from chart_service.figures.chart import Chart
from chart_service.figures.crosstab import Value, crosstab
from chart_service.figures.labels import distinct, escaped, shown
from chart_service.figures.marks import facts
from chart_service.figures.numbers import Unit
from chart_service.figures.panel import Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Wants
from chart_service.figures.theme import Ramp
from warehouse.meanings import Text

_MOST_ACROSS, _MOST_DOWN = 60, 40
_WRITTEN = 150  # cells; in more of them numbers cannot be read


def heatmap(chart: Chart) -> Panel:
    """The first dimension across, the second down; cells without a row stay empty."""
    table = crosstab(chart, categories=_MOST_ACROSS, lines=_MOST_DOWN, fold=False)
    down = distinct([line.name for line in table.lines])
    cells = [line.values for line in table.lines]
    measure = chart.measures[0]
    trace = {
        "type": "heatmap",
        "x": [shown(label) for label in table.labels],
        "y": [shown(name) for name in down],
        "customdata": [[[raw, line.raw] for raw in table.raws] for line in table.lines],
        "meta": {"columns": [dimension.column for dimension in chart.dimensions]},
        "hovertemplate": f"%{{y}} · %{{x}}<br><b>{hover('z', measure.unit, measure.values)}</b><extra></extra>",
        **cell_colours(cells, measure.unit, chart.lang),
    }
    return Panel(
        [trace],
        xaxis={**axes.categories(table, chart.lang, chart.layout.xaxis_title), "showline": False},
        yaxis=downwards(down, chart.layout.yaxis_title),
        layout={"hovermode": "closest", "showlegend": False},
        facts=facts(table, chart.lang),
        height=max(200, 26 * len(down) + 40),
    )


def cell_colours(
    cells: list[list[Value]], unit: Unit, lang: str, written: list[list[str]] | None = None
) -> dict[str, Any]:
    """The keys of a heatmap's trace for its values: colours, and numbers in the cells or else a colour bar."""
    low, high = extent(value for row in cells for value in row)
    look: dict[str, Any] = {"z": cells, "hoverongaps": False, "xgap": 2, "ygap": 2}
    if low < 0 < high:
        reach = max(-low, high)
        look |= {"colorscale": Ramp("diverging"), "zmin": -reach, "zmax": reach}
    else:
        look |= {"colorscale": Ramp("sequential"), "zmin": min(low, 0), "zmax": max(high, 0) or 1}
    count = sum(len(row) for row in cells)
    if count <= _WRITTEN:
        texts = written or [["" if v is None else numbers.compact(v, unit, lang) for v in row] for row in cells]
        look |= {
            "text": [[escaped(text) for text in row] for row in texts],
            "texttemplate": "%{text}",
            "showscale": False,
        }
        look["textfont"] = {"size": 10}
    else:
        ticks = numbers.ticks(look["zmin"], look["zmax"], unit, lang, count=4)
        inside = [at for at, value in enumerate(ticks.values) if look["zmin"] <= value <= look["zmax"]]
        look["colorbar"] = {
            "tickmode": "array",
            "tickvals": [ticks.values[at] for at in inside],
            "ticktext": [escaped(ticks.texts[at]) for at in inside],
        }
    return look


def downwards(names: list[str], title: str | None = None) -> dict[str, Any]:
    """The ``y`` axis of a grid's rows, the first on top. Names are not escaped."""
    axis: dict[str, Any] = {
        "type": "category",
        "tickmode": "array",
        "tickvals": [shown(name) for name in names],
        "ticktext": [axes.side_label(name, len(names)) for name in names],
        "range": [len(names) - 0.5, -0.5],
        "showgrid": False,
        "ticklabelstandoff": 4,
        "fixedrange": True,
    }
    return {**axis, "title": {"text": shown(title, 60)}} if title and title.strip() else axis


def grid_traces(shape: Shape) -> list[dict[str, object]]:
    """The trace of a heatmap with ``x``, ``y`` and ``z``."""
    ref = shape.measures[0]
    return [
        {
            "type": "heatmap",
            "x": shape.dimensions[0],
            "y": shape.dimensions[1] if len(shape.dimensions) > 1 else None,
            "z": ref.column,
            "name": ref.name,
            "value_format": ref.value_format,
        }
    ]


FORMATS = (
    FormatSpec(
        "heatmap",
        Text("Тепловая карта", "Heatmap"),
        Text("два столбца категорий или периодов и число", "two columns of categories or periods, and a number"),
        Wants(dimensions=(2, 2)),
        heatmap,
        grid_traces,
        narrower="bar",
        order=60,
    ),
)

"""Steps: the funnel of stages, and the waterfall of what adds up to a total."""

from __future__ import annotations

from itertools import accumulate, pairwise

from chart_service.figures import axes, numbers
from chart_service.figures.axes import hover
from chart_service.figures.chart import Chart
from chart_service.figures.crosstab import crosstab
from chart_service.figures.labels import clean, distinct, escaped, shown
from chart_service.figures.marks import amount, facts, marks
from chart_service.figures.needs import ADDS, POSITIVE, SOME
from chart_service.figures.panel import Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Wants
from chart_service.figures.theme import Tone
from warehouse.meanings import Text

_MOST_STAGES, _MOST_STEPS = 14, 20


def funnel(chart: Chart) -> Panel:
    """Stages in the statement's order, each with its share of the first."""
    table = crosstab(chart, categories=_MOST_STAGES, fill=False, kept_order=True)
    line = table.lines[0]
    values = [value or 0 for value in line.values]
    first = values[0]
    if any(after > before for before, after in pairwise(values)):
        chart.note(
            "Некоторые этапы больше предыдущих: это количество на этапах, а не путь по воронке.",
            "Some stages are larger than those before them: these are counts by stage, not a path through a funnel.",
        )
    percent = numbers.percent(chart.lang)
    texts = []
    for value in values:
        share = f" · {numbers.full(100 * value / first, percent, chart.lang, 0)}" if first else ""
        texts.append(escaped(numbers.compact(value, line.unit, chart.lang) + share))
    trace = marks(
        table,
        line,
        type="funnel",
        orientation="h",
        x=values,
        y=[shown(label) for label in table.labels],
        text=texts,
        textinfo="text",
        textposition="auto",
        textangle=0,
        constraintext="none",
        cliponaxis=False,
        marker={"color": line.tone},
        hovertemplate=f"%{{y}}<br><b>{hover('x', line.unit, values)}</b><extra></extra>",
    )
    return Panel(
        [trace],
        xaxis={"visible": False, "fixedrange": True},
        yaxis={**axes.sideways(table), "showgrid": False},
        layout={"hovermode": "closest", "showlegend": False, "bargap": 0.18},
        facts=facts(table, chart.lang),
        height=max(180, 32 * len(values) + 16),
    )


def waterfall(chart: Chart) -> Panel:
    """What each step adds or takes away, and the sum at the end."""
    table = crosstab(chart, categories=_MOST_STEPS, kept_order=not chart.dimensions[0].is_time, whole=True)
    line = table.lines[0]
    total = Text("Итого", "Total").of(chart.lang)
    steps = [value or 0 for value in line.values]
    labels = distinct([*table.labels, total])
    names = [shown(label) for label in labels]
    values = [*steps, sum(steps)]
    levels = [0.0, *accumulate(steps)]
    texts = [("+" if value > 0 else "") + numbers.compact(value, amount(line.unit), chart.lang) for value in steps]
    texts.append(numbers.compact(sum(steps), amount(line.unit), chart.lang))
    trace = marks(
        table,
        line,
        type="waterfall",
        x=names,
        y=values,
        measure=["relative"] * len(steps) + ["total"],
        text=[escaped(text) for text in texts] if axes.texts_fit(texts) else None,
        textposition="outside",
        textangle=0,
        constraintext="none",
        cliponaxis=False,
        showlegend=False,
        increasing={"marker": {"color": Tone("rise")}},
        decreasing={"marker": {"color": Tone("fall")}},
        totals={"marker": {"color": Tone("c1")}},
        hovertemplate=f"%{{x}}<br><b>{hover('delta', line.unit, values)}</b><extra></extra>",
    )
    trace["customdata"] = [*trace["customdata"], []]
    trace = {key: value for key, value in trace.items() if value is not None}
    low, high = axes.extent(levels)
    bottom = axes.categories(table, chart.lang, chart.layout.xaxis_title)
    if not table.is_time and not axes.fits_across(labels):
        short = [escaped(clean(label, 16)) for label in table.labels]
        bottom |= {"tickangle": -40, "tickvals": names[:-1], "ticktext": short}
    bottom |= {
        "categoryarray": names,
        "range": [-0.5, len(names) - 0.5],
        "tickvals": [*bottom["tickvals"], names[-1]],
        "ticktext": [*bottom["ticktext"], escaped(total)],
    }
    return Panel(
        [trace],
        xaxis=bottom,
        yaxis=axes.values(numbers.ticks(low, high, line.unit, chart.lang), chart.layout.yaxis_title),
        layout={"hovermode": "closest", "showlegend": False, "margin": {"t": 22}},
        facts=facts(table, chart.lang),
    )


def _funnel_traces(shape: Shape) -> list[dict[str, object]]:
    ref = shape.measures[0]
    return [
        {
            "type": "funnel",
            "x": ref.column,
            "y": shape.dimensions[0],
            "name": ref.name,
            "value_format": ref.value_format,
        }
    ]


def _waterfall_traces(shape: Shape) -> list[dict[str, object]]:
    ref = shape.measures[0]
    return [
        {
            "type": "waterfall",
            "x": shape.dimensions[0],
            "y": ref.column,
            "name": ref.name,
            "value_format": ref.value_format,
        }
    ]


FORMATS = (
    FormatSpec(
        "funnel",
        Text("Воронка", "Funnel"),
        Text("этап по порядку и сколько до него дошло", "a stage in order, and how many reached it"),
        Wants(),
        funnel,
        _funnel_traces,
        (POSITIVE, SOME, ADDS),
        wider="grouped_bar",
        sums=True,
        order=40,
    ),
    FormatSpec(
        "waterfall",
        Text("Водопад", "Waterfall"),
        Text("шаг и сколько он прибавил или убавил", "a step, and what it added or took away"),
        Wants(),
        waterfall,
        _waterfall_traces,
        (ADDS,),
        wider="grouped_bar",
        sums=True,
        order=41,
    ),
)

"""Days as coloured cells of a calendar."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from chart_service.figures import dates, numbers
from chart_service.figures.axes import hover
from chart_service.figures.chart import Chart
from chart_service.figures.crosstab import Value, summed
from chart_service.figures.formats.grids import cell_colours, downwards, grid_traces
from chart_service.figures.panel import Fact, Panel
from chart_service.figures.spec import FormatSpec, Need, Wants
from warehouse.meanings import Text

_YEAR = 371  # days that one row of weeks holds


def calendar(chart: Chart) -> Panel:
    """Days as cells: weeks across, Monday to Sunday down."""
    measure = chart.measures[0]
    days: dict[datetime, Value] = {}
    for key, value in zip(chart.dimensions[0].keys, measure.values, strict=True):
        if not isinstance(key, datetime):
            continue
        day = key.replace(hour=0, minute=0, second=0, microsecond=0)
        if day in days and value is not None and days[day] is not None:
            summed(chart, measure)
            days[day] = (days[day] or 0) + value
        else:
            days[day] = value if days.get(day) is None else days[day]
    first, last = min(days), max(days)
    if (last - first).days > _YEAR:
        latest = last - timedelta(days=_YEAR - 1)
        chart.note("Показан последний год.", "The last year is shown.")
        first = latest
    absent: Value = 0 if measure.adds else None
    monday = first - timedelta(days=first.weekday())
    weeks = (last - monday).days // 7 + 1
    cells: list[list[Value]] = [[None] * weeks for _ in range(7)]
    texts = [[""] * weeks for _ in range(7)]
    behind: list[list[list[str]]] = [[[] for _ in range(weeks)] for _ in range(7)]
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        row, column = day.weekday(), (day - monday).days // 7
        cells[row][column] = days.get(day, absent)
        texts[row][column] = dates.period(day, "day", chart.lang)
        behind[row][column] = [day.date().isoformat()]
    names = _weekdays(chart.lang)
    trace = {
        "type": "heatmap",
        "x": list(range(weeks)),
        "y": names,
        "hovertext": texts,
        "customdata": behind,
        "meta": {"columns": [chart.dimensions[0].column]},
        "hovertemplate": f"%{{hovertext}}<br><b>{hover('z', measure.unit, measure.values)}</b><extra></extra>",
        **cell_colours(cells, measure.unit, chart.lang),
        "xgap": 2,
        "ygap": 2,
    }
    for key in ("text", "texttemplate", "textfont"):
        trace.pop(key, None)
    ordered = sorted(day for day in days if day >= first)
    values = [days[day] for day in ordered]
    fact = Fact(
        measure.title,
        [dates.period(day, "day", chart.lang) for day in ordered],
        values,
        ["" if value is None else numbers.full(value, measure.unit, chart.lang) for value in values],
        ordered=True,
    )
    return Panel(
        [trace],
        xaxis=_weeks(monday, first, weeks, chart.lang),
        yaxis=downwards(names),
        layout={"hovermode": "closest", "showlegend": False},
        facts=[fact],
        height=190,
    )


def _weekdays(lang: str) -> list[str]:
    if lang == "ru":
        return ["Пн", "Вт", "Ср", "Чт", "Пт", "Сб", "Вс"]
    return ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def _weeks(monday: datetime, first: datetime, weeks: int, lang: str) -> dict[str, Any]:
    """The axis of weeks, with each month's name where it begins."""
    places: list[tuple[int, str]] = []
    for week in range(weeks):
        day = monday + timedelta(days=7 * week)
        shown_day = max(day, first)
        if week == 0 or (day + timedelta(days=6)).day <= 7:
            month = (day + timedelta(days=6)).replace(day=1) if week else shown_day
            if places and week - places[-1][0] < 3:
                places.pop()
            places.append((week, dates.short(month, "month", lang)))
    return {
        "type": "linear",
        "tickmode": "array",
        "tickvals": [week for week, _ in places],
        "ticktext": [text for _, text in places],
        "tickangle": 0,
        "range": [-0.5, weeks - 0.5],
        "showline": False,
        "fixedrange": True,
    }


_DAYS = Need(
    lambda chart: chart.dimensions[0].grain in ("day", "hour", "moment", "week"),
    Text("Календарю нужны дни: показана линия.", "A calendar needs days: shown as a line."),
    "line",
)
FORMATS = (
    FormatSpec(
        "calendar",
        Text("Календарь", "Calendar"),
        Text("день и число", "a day and a number"),
        Wants(time=True),
        calendar,
        grid_traces,
        (_DAYS,),
        narrower="bar",
        order=61,
    ),
)

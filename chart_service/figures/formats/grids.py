"""Coloured cells: heatmap of two dimensions, calendar of days, cohorts over their periods."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from chart_service.figures import axes, dates, numbers, order
from chart_service.figures.axes import extent, hover
from chart_service.figures.chart import Chart, Dimension, Key
from chart_service.figures.crosstab import Value, crosstab, summed
from chart_service.figures.formats.bars import facts
from chart_service.figures.labels import distinct, escaped, shown
from chart_service.figures.numbers import Unit
from chart_service.figures.panel import Fact, Panel
from chart_service.figures.shape import Shape
from chart_service.figures.spec import FormatSpec, Need, Unfit, Wants
from chart_service.figures.theme import Ramp
from warehouse.meanings import Text

_MOST_ACROSS, _MOST_DOWN = 60, 40
_WRITTEN = 150  # cells; in more of them numbers cannot be read
_YEAR = 371  # days that one row of weeks holds
_MOST_YEARS = 3
_MOST_COHORTS, _MOST_AGES = 36, 36


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
        yaxis=_downwards(down, chart.layout.yaxis_title),
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


def _downwards(names: list[str], title: str | None = None) -> dict[str, Any]:
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
        yaxis=_downwards(names),
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
        yaxis=_downwards(names, chart.layout.yaxis_title),
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


def _grid_traces(shape: Shape) -> list[dict[str, object]]:
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


_DAYS = Need(
    lambda chart: chart.dimensions[0].grain in ("day", "hour", "moment", "week"),
    Text("Календарю нужны дни: показана линия.", "A calendar needs days: shown as a line."),
    "line",
)
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
        "heatmap",
        Text("Тепловая карта", "Heatmap"),
        Text("два столбца категорий или периодов и число", "two columns of categories or periods, and a number"),
        Wants(dimensions=(2, 2)),
        heatmap,
        _grid_traces,
        narrower="bar",
        order=60,
    ),
    FormatSpec(
        "calendar",
        Text("Календарь", "Calendar"),
        Text("день и число", "a day and a number"),
        Wants(time=True),
        calendar,
        _grid_traces,
        (_DAYS,),
        narrower="bar",
        order=61,
    ),
    FormatSpec(
        "cohort",
        Text("Когорты", "Cohorts"),
        Text(
            "когорта, номер периода от нуля (или дата) и число",
            "a cohort, the number of the period from zero (or a date), and a number",
        ),
        Wants(dimensions=(2, 2)),
        cohort,
        _grid_traces,
        (_AGES,),
        narrower="bar",
        order=62,
    ),
)

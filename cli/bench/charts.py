"""``b24 bench --charts``: from an intent (statement and template) to a figure, without a model's time; and how many
statements many viewers cause, over real HTTP."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table as Grid

from chart_service.app import create_app
from chart_service.chart_data import ChartRequest, Charts
from chart_service.figures import FigureTemplate, build
from chart_service.guard import check
from chart_service.query import DataVersions, Runner
from chart_service.query.statements import Statements
from cli.bench.measured import show
from cli.bench.place import filled_warehouse
from cli.serving import serving
from warehouse.database import Database, DatabaseError
from warehouse.settings import Settings
from webhook_api.pool import connection_pool

ROUNDS = 5
VIEWERS = 50

AGGREGATES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "won by month and pipeline",
        "SELECT date_trunc('month', closed_at) AS month, pipeline_name, sum(opportunity) AS total FROM crm.deals"
        " WHERE is_won AND currency_id = 'RUB' AND id > {} GROUP BY 1, 2 ORDER BY 1",
        {
            "format": "multi_line",
            "traces": [{"type": "scatter", "x": "month", "y": "total", "series": "pipeline_name"}],
        },
    ),
    (
        "by stage",
        "SELECT stage_name, stage_sort, count(*) AS n FROM crm.deals WHERE id > {} AND category_id = 0 GROUP BY 1, 2"
        " ORDER BY 2",
        {"format": "bar", "traces": [{"type": "bar", "x": "stage_name", "y": "n"}]},
    ),
    (
        "by manager",
        "SELECT assigned_by_name, count(*) AS n, sum(opportunity) AS total FROM crm.deals WHERE id > {} GROUP BY 1"
        " ORDER BY 3 DESC",
        {"format": "horizontal_bar", "traces": [{"type": "bar", "x": "total", "y": "assigned_by_name"}]},
    ),
    (
        "conversion by source",
        "SELECT source_name, count(*) FILTER (WHERE is_won) * 1.0 / count(*) AS won FROM crm.deals WHERE id > {}"
        " GROUP BY 1 ORDER BY 2 DESC",
        {"format": "bar", "traces": [{"type": "bar", "x": "source_name", "y": "won"}]},
    ),
    (
        "top ten companies",
        "SELECT company_title, sum(opportunity) AS total FROM crm.deals WHERE id > {} GROUP BY 1 ORDER BY 2 DESC"
        " LIMIT 10",
        {"format": "bar", "traces": [{"type": "bar", "x": "company_title", "y": "total"}]},
    ),
    (
        "sales cycle by month",
        "SELECT date_trunc('month', date_create) AS month, avg(days_to_close) AS days FROM crm.deals WHERE is_won"
        " AND id > {} GROUP BY 1 ORDER BY 1",
        {"format": "line", "traces": [{"type": "scatter", "x": "month", "y": "days"}]},
    ),
    (
        "total with the month before",
        "SELECT sum(opportunity) FILTER (WHERE date_create >= current_date - 30) AS amount,"
        " sum(opportunity) FILTER (WHERE date_create < current_date - 30) AS amount_before FROM crm.deals"
        " WHERE date_create >= current_date - 60 AND id > {}",
        {"format": "indicator", "traces": [{"type": "indicator", "values": "amount", "reference": "amount_before"}]},
    ),
    (
        "weekday and hour",
        "SELECT extract(isodow FROM date_create) AS weekday, extract(hour FROM date_create) AS hour, count(*) AS n"
        " FROM crm.deals WHERE id > {} GROUP BY 1, 2",
        {"format": "heatmap", "traces": [{"type": "heatmap", "x": "hour", "y": "weekday", "z": "n"}]},
    ),
)
"""Name, statement, template. The number in the statement makes it another one: nothing of it is in any cache."""


@dataclass(frozen=True, slots=True)
class Line:
    """Milliseconds, medians: all of it without any cache, PostgreSQL's part of that, the figure's part; from cache."""

    chart: str
    uncached_ms: float
    statement_ms: float
    figure_ms: float
    cached_ms: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured. ``viewers_seconds``: until all viewers had all charts, none of which was in a cache."""

    deals: int
    lines: list[Line]
    uncached_median_ms: float
    cached_median_ms: float
    guard_median_ms: float
    viewers: int
    charts: int
    executions: int
    viewers_seconds: float
    cached_http_median_ms: float


def bench_charts(*, deals: int, as_json: bool) -> int:
    """Measure and print. Returns the exit status."""
    console = Console(highlight=False, stderr=as_json)
    try:
        with filled_warehouse(deals) as (settings, database, _):
            figures = _measure(settings, database, deals)
    except DatabaseError as error:
        console.print(f"[red]✗[/red] {error}", soft_wrap=True)
        return 1
    show(figures, console, _print, as_json=as_json)
    return 0


def _measure(settings: Settings, database: Database, deals: int) -> Figures:
    lines = asyncio.run(_lines(settings, database))
    executions, seconds, cached = _viewers(settings, database)
    return Figures(
        deals=deals,
        lines=lines,
        uncached_median_ms=round(statistics.median(line.uncached_ms for line in lines), 1),
        cached_median_ms=round(statistics.median(line.cached_ms for line in lines), 2),
        guard_median_ms=round(_median(lambda: [check(sql.format(1)) for _, sql, _ in AGGREGATES]) / len(AGGREGATES), 2),
        viewers=VIEWERS,
        charts=len(AGGREGATES),
        executions=executions,
        viewers_seconds=round(seconds, 2),
        cached_http_median_ms=round(cached, 2),
    )


async def _lines(settings: Settings, database: Database) -> list[Line]:
    async with connection_pool(database) as pool:
        statements = Statements(settings, Runner(database, settings), DataVersions(pool))
        charts = Charts(statements)
        try:
            return [await _line(charts, *aggregate) for aggregate in AGGREGATES]
        finally:
            await statements.aclose()


async def _line(charts: Charts, name: str, sql: str, template: dict[str, Any]) -> Line:
    shape = FigureTemplate.model_validate(template)
    uncached, cached, runs = [], [], []
    for number in range(ROUNDS + 1):
        request = ChartRequest(sql.format(number), shape, lang="ru")
        uncached.append(await _timed(charts, request))
        cached.append(await _timed(charts, request))
        checked = await charts.statements.checked(request.sql)
        runs.append((await charts.statements.runner.run(checked)).milliseconds)
    rows = (await charts.statements.load(checked)).rows
    figure = _median(lambda: build(shape, rows, lang="ru", mode="light"))
    return Line(
        chart=name,
        uncached_ms=round(statistics.median(uncached[1:]), 1),  # the first loads PostgreSQL's caches, and Plotly
        statement_ms=round(statistics.median(runs[1:]), 1),
        figure_ms=round(figure, 1),
        cached_ms=round(statistics.median(cached), 2),
    )


async def _timed(charts: Charts, request: ChartRequest) -> float:
    began = time.perf_counter()
    (await charts.draw(request)).json()
    return (time.perf_counter() - began) * 1000


def _median(what: Callable[[], Any]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        what()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def _viewers(settings: Settings, database: Database) -> tuple[int, float, float]:
    """Executions that the viewers cause, seconds until all have all charts, milliseconds of one from cache."""
    app = create_app(settings, database)
    with serving(app) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
        ids = []
        for name, sql, template in AGGREGATES:
            chart = {"title": name, "sql": sql.format(-1), "template": template}
            ids.append(http.post("/api/v1/charts", json=chart).raise_for_status().json()["id"])

        def view(viewer: int) -> None:
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as own:
                for at in range(len(ids)):
                    own.get(f"/api/v1/charts/{ids[(viewer + at) % len(ids)]}/data").raise_for_status()

        began = time.perf_counter()
        with ThreadPoolExecutor(VIEWERS) as pool:
            list(pool.map(view, range(VIEWERS)))
        seconds = time.perf_counter() - began
        cached = statistics.median(_median(lambda: http.get(f"/api/v1/charts/{chart}/data")) for chart in ids)  # noqa: B023
        return app.state.services.charts.statements.runner.executions, seconds, cached


def _print(console: Console, figures: Figures) -> None:
    grid = Grid(box=None, pad_edge=False, title=f"{figures.deals:,} deals, milliseconds")
    for heading in ("chart", "uncached", "of it PostgreSQL", "figure", "cached"):
        grid.add_column(heading, justify="left" if heading == "chart" else "right")
    for line in figures.lines:
        grid.add_row(
            line.chart,
            f"{line.uncached_ms:.1f}",
            f"{line.statement_ms:.1f}",
            f"{line.figure_ms:.1f}",
            f"{line.cached_ms:.2f}",
        )
    console.print(grid)
    console.print(
        f"medians: {figures.uncached_median_ms:.1f} ms uncached, {figures.cached_median_ms:.2f} ms cached, "
        f"{figures.cached_http_median_ms:.1f} ms cached over HTTP; the guard {figures.guard_median_ms:.2f} ms"
    )
    console.print(
        f"{figures.viewers} viewers of {figures.charts} charts at once: {figures.executions} statements executed, "
        f"{figures.viewers_seconds:.1f} s until all had all of them"
    )

"""``b24 bench --views``: what reading through the crm views costs, against the same on the mirror tables."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from rich.console import Console
from rich.table import Table as Grid

from cli.bench.measured import show
from cli.bench.place import filled_warehouse
from warehouse.database import DatabaseError
from warehouse.schema_docs.catalog import read_catalog
from warehouse.schema_docs.glossary import FUNNEL
from warehouse.schema_docs.markdown import markdown
from warehouse.schema_docs.prompt import estimated_tokens, prompt_text
from warehouse.schema_docs.statistics import read_statistics

ROUNDS = 5

QUERIES: tuple[tuple[str, str], ...] = (
    ("count", "SELECT count(*) FROM {}"),
    ("sum by manager", "SELECT assigned_by_id, count(*), sum(opportunity) FROM {} GROUP BY 1"),
    ("sum by stage", "SELECT category_id, stage_id, count(*), sum(opportunity) FROM {} GROUP BY 1, 2"),
    (
        "won by month",
        "SELECT date_trunc('month', moved_time), currency_id, sum(opportunity) FROM {}"
        " WHERE stage_semantic_id = 'S' GROUP BY 1, 2",
    ),
    ("sum by company, top ten", "SELECT company_id, sum(opportunity) s FROM {} GROUP BY 1 ORDER BY s DESC LIMIT 10"),
)
"""The same statement on ``crm.deals`` and on the live rows of ``bitrix.deals``; none selects a label."""

WITH_LABELS: tuple[tuple[str, str], ...] = (
    ("by stage name", "SELECT pipeline_name, stage_name, count(*) FROM crm.deals GROUP BY 1, 2"),
    ("by manager's name", "SELECT assigned_by_name, sum(opportunity) FROM crm.deals WHERE is_won GROUP BY 1"),
    ("sales cycle", "SELECT avg(days_to_close) FROM crm.deals WHERE is_won"),
    ("days in each stage", "SELECT stage_name, avg(days_in_stage) FROM crm.deal_stage_history GROUP BY 1"),
    ("funnel", FUNNEL),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Milliseconds, medians of five. ``ratio``: view to table."""

    query: str
    view_ms: float
    table_ms: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured. Seconds, but for the comparisons and ``labelled_ms``."""

    deals: int
    history: int
    comparisons: list[Comparison]
    labelled_ms: dict[str, float]
    catalog_seconds: float
    statistics_seconds: float
    document_kilobytes: float
    prompt_tokens: int


def bench_views(*, deals: int, as_json: bool) -> int:
    """Measure and print. Returns the exit status."""
    console = Console(highlight=False, stderr=as_json)
    try:
        with filled_warehouse(deals) as (_, database, loaded), database.connect("bench", autocommit=True) as conn:
            figures = _measure(conn, loaded)
    except DatabaseError as error:
        console.print(f"[red]✗[/red] {error}", soft_wrap=True)
        return 1
    show(figures, console, _print, as_json=as_json)
    return 0


def _measure(conn: Connection, loaded: dict[str, int]) -> Figures:
    comparisons = []
    live = "(SELECT * FROM bitrix.deals WHERE _deleted_at IS NULL) deals"
    for name, query in QUERIES:
        view, table = _milliseconds(conn, query.format("crm.deals")), _milliseconds(conn, query.format(live))
        comparisons.append(Comparison(name, round(view, 1), round(table, 1), round(view / table, 2)))
    catalog, catalog_seconds = _timed(lambda: read_catalog(conn))
    counted, statistics_seconds = _timed(lambda: read_statistics(conn, catalog))
    return Figures(
        deals=loaded["deals"],
        history=loaded["deal_stage_history"],
        comparisons=comparisons,
        labelled_ms={name: round(_milliseconds(conn, query), 1) for name, query in WITH_LABELS},
        catalog_seconds=round(catalog_seconds, 3),
        statistics_seconds=round(statistics_seconds, 2),
        document_kilobytes=round(len(markdown(catalog, counted, "ru").encode()) / 1024, 1),
        prompt_tokens=estimated_tokens(prompt_text(catalog)),
    )


def _milliseconds(conn: Connection, query: str) -> float:
    times = []
    for _ in range(ROUNDS + 1):  # the first one fills caches
        begun = time.perf_counter()
        conn.execute(query.encode()).fetchall()
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:]) * 1000


def _timed(what: Callable[[], Any]) -> tuple[Any, float]:
    begun = time.perf_counter()
    return what(), time.perf_counter() - begun


def _print(console: Console, figures: Figures) -> None:
    grid = Grid(box=None, pad_edge=False, title=f"{figures.deals:,} deals, {figures.history:,} stages entered")
    for heading in ("query", "view, ms", "table, ms", "ratio"):
        grid.add_column(heading, justify="left" if heading == "query" else "right")
    for line in figures.comparisons:
        grid.add_row(line.query, f"{line.view_ms:.1f}", f"{line.table_ms:.1f}", f"{line.ratio:.2f}")
    for name, milliseconds in figures.labelled_ms.items():
        grid.add_row(name, f"{milliseconds:.1f}", "", "")
    console.print(grid)
    console.print(
        f"catalogue {figures.catalog_seconds:.3f} s, counts {figures.statistics_seconds:.2f} s, "
        f"document {figures.document_kilobytes:.0f} kB, short form about {figures.prompt_tokens:,} tokens"
    )

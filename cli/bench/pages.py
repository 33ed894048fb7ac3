"""``b24 bench --page``: how soon a dashboard is on the screen, in Chromium, on the warehouse of a simulated portal."""

from __future__ import annotations

import shutil
import statistics
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table as Grid

from chart_service.app import create_app
from cli.bench.measured import show
from cli.bench.place import filled_warehouse
from cli.serving import serving
from warehouse.database import DatabaseError

DASHBOARD = "sales"
ROUNDS = 5
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")
TIMES = """() => {
    const at = (name) => performance.getEntriesByName(name)[0]?.startTime;
    return {paint_ms: at("first-contentful-paint"), laid_out_ms: at("dashboard-laid-out"),
            first_chart_ms: at("dashboard-first-chart"), drawn_ms: at("dashboard-drawn"),
            charts: document.querySelectorAll("section.card[data-state=drawn]").length};
}"""


@dataclass(frozen=True, slots=True)
class Visit:
    """Milliseconds since the visit began: something is painted; the cards with their titles stand; the first chart is
    drawn; all are, also those below the screen."""

    paint_ms: float
    laid_out_ms: float
    first_chart_ms: float
    drawn_ms: float
    charts: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured: the first visit of a browser, when nothing is in any cache, and the medians of later ones."""

    deals: int
    first: Visit
    warm: Visit


def bench_pages(*, deals: int, as_json: bool) -> int:
    """Measure and print. Returns the exit status."""
    console = Console(highlight=False, stderr=as_json)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        console.print("[red]✗[/red] There is no Chromium on this machine: install the package chromium.")
        return 1
    try:
        with (
            filled_warehouse(deals) as (settings, database, _),
            serving(create_app(settings, database)) as url,
        ):
            httpx.get(f"{url}/api/v1/dashboards", timeout=60, trust_env=False).raise_for_status()
            visits = _visits(f"{url}/dashboards/{DASHBOARD}", chromium)
    except DatabaseError as error:
        console.print(f"[red]✗[/red] {error}", soft_wrap=True)
        return 1
    warm = [asdict(visit) for visit in visits[1:]]
    medians: dict[str, Any] = {name: statistics.median(visit[name] for visit in warm) for name in warm[0]}
    figures = Figures(deals, visits[0], Visit(**medians))
    show(figures, console, _print, as_json=as_json)
    return 0


def _visits(address: str, chromium: str) -> list[Visit]:
    from playwright.sync_api import sync_playwright  # a development tool: nobody but this command needs it

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        visits = []
        for _ in range(ROUNDS + 1):
            page = context.new_page()
            page.goto(address)
            page.wait_for_selector("main[data-settled=true]", timeout=120_000)
            times = page.evaluate(TIMES)
            visits.append(Visit(**{name: round(value) for name, value in times.items()}))
            page.close()
        browser.close()
    return visits


def _print(console: Console, figures: Figures) -> None:
    grid = Grid(box=None, pad_edge=False, title=f"{figures.deals:,} deals, {figures.warm.charts} charts, milliseconds")
    grid.add_column("visit")
    for heading in ("painted", "cards stand", "first chart", "all drawn"):
        grid.add_column(heading, justify="right")
    for name, visit in (("first", figures.first), ("later", figures.warm)):
        times = (visit.paint_ms, visit.laid_out_ms, visit.first_chart_ms, visit.drawn_ms)
        grid.add_row(name, *(f"{value:,.0f}" for value in times))
    console.print(grid)

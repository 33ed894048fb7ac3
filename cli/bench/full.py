"""``b24 bench``: what a full sync of deals costs, beside a bare COPY and merge of the same rows.

Everything is the real thing, in processes of its own: a simulated portal, an embedded PostgreSQL in a temporary home,
and ``b24 sync deal --full --json``, whose peak memory the operating system tells.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as Grid

from bitrix.errors import BitrixError
from cli.bench.bare import measure_bare
from cli.bench.measured import measure, show
from cli.bench.place import ROWS_PER_REQUEST, bench_place
from cli.supervise import StartError
from warehouse.database import Database, DatabaseError


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured. ``bare_…`` are rows of bytes that are ready, see ``cli.bench.bare``."""

    deals: int
    requests: int
    least_requests: int
    sync_seconds: float
    process_seconds: float
    rows_per_second: float
    peak_memory_mb: float
    again_seconds: float
    bare_upsert_rows_per_second: int
    bare_merge_rows_per_second: int


def bench(*, deals: int, as_json: bool) -> int:
    """Measure and print. Returns the exit status."""
    console = Console(highlight=False, stderr=as_json)
    try:
        with tempfile.TemporaryDirectory(prefix="b24-bench-") as home, bench_place(Path(home), deals, False) as place:
            database, webhook_url = place
            first, peak, process_seconds = _sync(Path(home), database, webhook_url)
            again, _, _ = _sync(Path(home), database, webhook_url)
            bare = asyncio.run(measure_bare(database, webhook_url))
    except (StartError, DatabaseError, BitrixError, RuntimeError) as error:
        console.print(f"[red]✗[/red] {error}", soft_wrap=True)
        return 1
    figures = Figures(
        deals=first["fetched"],
        requests=first["requests"],
        least_requests=-(-first["fetched"] // ROWS_PER_REQUEST),
        sync_seconds=round(first["seconds"], 2),
        process_seconds=round(process_seconds, 2),
        rows_per_second=round(first["fetched"] / first["seconds"]),
        peak_memory_mb=round(peak, 1),
        again_seconds=round(again["seconds"], 2),
        bare_upsert_rows_per_second=bare.upsert,
        bare_merge_rows_per_second=bare.merge,
    )
    show(figures, console, _print, as_json=as_json)
    return 0


def _sync(home: Path, database: Database, webhook_url: str) -> tuple[dict[str, Any], float, float]:
    """``b24 sync deal --full`` in a process of its own: its summary, peak memory in MB, wall seconds."""
    environment = {
        "B24_HOME": str(home),
        "DATABASE_URL": database.url,
        "BITRIX_WEBHOOK_URL": webhook_url,
        "BITRIX_REQUEST_BURST": "100000",
        "BITRIX_REQUESTS_PER_SECOND": "1000",
    }
    run = measure("cli.main", "sync", "deal", "--full", "--json", environment=environment, what="the sync")
    [summary] = run.answer
    return summary, run.peak_mb, run.seconds


def _print(console: Console, figures: Figures) -> None:
    grid = Grid(box=None, show_header=False, pad_edge=False)
    grid.add_column("what")
    grid.add_column("figure", justify="right")
    for what, figure in (
        ("deals, full sync into empty tables, no rate limit", f"{figures.deals:,}"),
        ("requests to the portal", f"{figures.requests} (least possible {figures.least_requests})"),
        ("seconds of the sync", f"{figures.sync_seconds:.2f}"),
        ("seconds of the whole process", f"{figures.process_seconds:.2f}"),
        ("rows per second", f"{figures.rows_per_second:,.0f}"),
        ("peak memory of the process, MB", f"{figures.peak_memory_mb:.0f}"),
        ("seconds of a second full sync, nothing changed", f"{figures.again_seconds:.2f}"),
        ("rows per second of a bare COPY and upsert", f"{figures.bare_upsert_rows_per_second:,}"),
        ("rows per second of a bare COPY and our merge", f"{figures.bare_merge_rows_per_second:,}"),
    ):
        grid.add_row(what, figure)
    console.print(grid)

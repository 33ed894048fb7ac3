"""``b24 bench``: what a full sync of deals costs, against a bare COPY and merge of the same rows.

Everything is the real thing, in processes of its own: a simulated portal, an embedded PostgreSQL in a temporary home,
and ``b24 sync deal --full --json``, whose peak memory the operating system tells.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as Grid

from bitrix.client import PortalClient
from bitrix.describe import describe
from bitrix.entities import entity_named
from bitrix.limits import LeakyBucket
from bitrix.walk import walk
from bitrix.webhook_url import WebhookUrl
from cli.bench.measured import measure, show
from cli.bench.place import ROWS_PER_REQUEST, bench_place
from cli.supervise import StartError
from orchestration.row_writer import UNIT_ROWS
from warehouse.database import Database, DatabaseError
from warehouse.load import RowConverter, Unit, merge
from warehouse.tables import ensure_table, identifier

BARE_ROWS = 50_000
"""Rows of the bare COPY and merge: enough for a steady figure, few enough to keep in memory."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured. ``ratio`` is the sync's rows per second to those of the bare COPY and merge."""

    deals: int
    requests: int
    least_requests: int
    sync_seconds: float
    process_seconds: float
    rows_per_second: float
    peak_memory_mb: float
    again_seconds: float
    bare_rows_per_second: float
    ratio: float


def bench(*, deals: int, as_json: bool) -> int:
    """Measure and print. Returns the exit status."""
    console = Console(highlight=False, stderr=as_json)
    try:
        with tempfile.TemporaryDirectory(prefix="b24-bench-") as home, bench_place(Path(home), deals, False) as place:
            database, webhook_url = place
            first, peak, process_seconds = _sync(Path(home), database, webhook_url)
            again, _, _ = _sync(Path(home), database, webhook_url)
            bare = asyncio.run(_bare(database, webhook_url))
    except (StartError, DatabaseError, RuntimeError) as error:
        console.print(f"[red]✗[/red] {error}", soft_wrap=True)
        return 1
    speed = first["fetched"] / first["seconds"]
    figures = Figures(
        deals=first["fetched"],
        requests=first["requests"],
        least_requests=-(-first["fetched"] // ROWS_PER_REQUEST),
        sync_seconds=round(first["seconds"], 2),
        process_seconds=round(process_seconds, 2),
        rows_per_second=round(speed),
        peak_memory_mb=round(peak, 1),
        again_seconds=round(again["seconds"], 2),
        bare_rows_per_second=round(bare),
        ratio=round(speed / bare, 3),
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


async def _bare(database: Database, webhook_url: str) -> float:
    """Rows per second of COPY and merge alone, of records that are ready, into the emptied table."""
    entity = entity_named("deal")
    units = [Unit()]
    unlimited = LeakyBucket(capacity=100_000, leak=1000)
    async with PortalClient(WebhookUrl.parse(webhook_url), bucket=unlimited) as client:
        fields = (await describe(client, [entity]))[entity.name]
        with database.connect("bench") as conn:
            table = ensure_table(conn, entity, fields).table
            converter = RowConverter(table)
            async with walk(client, entity) as reading:
                async for part in reading:
                    if len(units[-1].records) >= UNIT_ROWS:
                        units.append(Unit())
                    if len(units) * UNIT_ROWS <= BARE_ROWS:
                        converter.convert(part.rows, units[-1])
            conn.execute(b"TRUNCATE " + identifier(table).as_bytes(conn))
            conn.commit()
            begun = time.monotonic()
            for unit in units:
                with conn.transaction():
                    merge(conn, table, unit)
            return sum(len(unit.records) for unit in units) / (time.monotonic() - begun)


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
        ("rows per second of bare COPY and merge", f"{figures.bare_rows_per_second:,.0f}"),
        ("ratio", f"{figures.ratio:.3f}"),
    ):
        grid.add_row(what, figure)
    console.print(grid)

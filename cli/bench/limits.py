"""``b24 bench --rate-limit``: how near a full sync comes to what the portal's limit of requests allows.

First deals alone, then deals, contacts, leads and companies at once, each in a process of its own and all from one
bucket. What the limit dictates: a burst, then so many requests a second; anything above that is ours.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from psycopg import Connection
from rich.console import Console
from rich.table import Table as Grid

from cli.bench.measured import show
from cli.bench.place import ROWS_PER_REQUEST, bench_place
from cli.supervise import StartError
from warehouse.database import Database, DatabaseError

BURST, RATE = 50, 2
TOGETHER = ("deal", "contact", "lead", "company")


@dataclass(frozen=True, slots=True)
class LimitFigures:
    """One measurement. ``dictated_seconds`` is what the limit alone takes for the ``requests`` that were made,
    ``least_seconds`` for the fewest that could bring the rows; ``refused`` counts 503 answers."""

    entities: str
    rows: int
    requests: int
    refused: int
    seconds: float
    dictated_seconds: float
    ratio: float
    least_seconds: float
    ratio_to_least: float


def bench_limits(*, deals: int, as_json: bool) -> int:
    """Measure and print. Returns the exit status."""
    console = Console(highlight=False, stderr=as_json)
    try:
        with tempfile.TemporaryDirectory(prefix="b24-bench-") as home, bench_place(Path(home), deals, True) as place:
            figures = [_measure(Path(home), *place, names) for names in (["deal"], TOGETHER)]
    except (StartError, DatabaseError, RuntimeError, httpx.HTTPError) as error:
        console.print(f"[red]✗[/red] {error}", soft_wrap=True)
        return 1
    show(figures, console, _print, as_json=as_json)
    return 0


def _measure(home: Path, database: Database, webhook_url: str, entities: Sequence[str]) -> LimitFigures:
    portal = webhook_url.partition("/rest/")[0]
    with database.connect("bench", autocommit=True) as conn:
        begin_anew(conn)
    httpx.post(f"{portal}/_portal/stats/reset", timeout=30, trust_env=False).raise_for_status()
    environment = {
        **os.environ,
        "B24_HOME": str(home),
        "DATABASE_URL": database.url,
        "BITRIX_WEBHOOK_URL": webhook_url,
    }
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "cli.main", "sync", entity, "--full", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for entity in entities
    ]
    outputs = [process.communicate()[0] for process in processes]
    failed = [output for process, output in zip(processes, outputs, strict=True) if process.returncode]
    if failed:
        raise RuntimeError(f"a sync failed: {failed[0][-2000:]}")
    stats = httpx.get(f"{portal}/_portal/stats", timeout=30, trust_env=False).json()["result"]
    with database.connect("bench") as conn:
        row = conn.execute(
            "SELECT sum(fetched), extract(epoch FROM max(finished_at) - min(started_at))::float8 FROM app.sync_logs"
        ).fetchone()
    rows, seconds = row or (0, 0.0)
    dictated = max(0.0, (stats["requests"] - BURST) / RATE)
    least = max(0.0, (-(-rows // ROWS_PER_REQUEST) - BURST) / RATE)
    return LimitFigures(
        entities=", ".join(entities),
        rows=int(rows),
        requests=stats["requests"],
        refused=stats["503"],
        seconds=round(seconds, 1),
        dictated_seconds=dictated,
        ratio=round(seconds / dictated, 3) if dictated else 0.0,
        least_seconds=float(least),
        ratio_to_least=round(seconds / float(least), 3) if least else 0.0,
    )


def begin_anew(conn: Connection) -> None:
    """Empty the mirror and forget the syncs, as if there had been none."""
    tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'bitrix'").fetchall()
    names = [f"bitrix.{name}" for (name,) in tables]
    state = ["app.sync_state", "app.sync_logs", "app.full_syncs", "app.portal_rate", "app.portal_methods"]
    conn.execute(f"TRUNCATE {', '.join([*names, *state])}")


def _print(console: Console, figures: Sequence[LimitFigures]) -> None:
    grid = Grid(box=None, pad_edge=False)
    for title in ("full sync of", "rows", "requests", "503", "seconds", "by the limit", "ratio", "least", "ratio"):
        grid.add_column(title, justify="left" if title == "full sync of" else "right")
    for item in figures:
        grid.add_row(
            item.entities,
            f"{item.rows:,}",
            str(item.requests),
            str(item.refused),
            f"{item.seconds:.1f}",
            f"{item.dictated_seconds:.1f}",
            f"{item.ratio:.3f}",
            f"{item.least_seconds:.1f}",
            f"{item.ratio_to_least:.3f}",
        )
    console.print(grid)

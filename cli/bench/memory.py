"""``b24 bench --memory``: the peak memory of a full sync's process, by the number of deals."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table as Grid

from cli.bench.compared.rounds import Place
from cli.bench.place import bench_place
from cli.supervise import StartError
from warehouse.database import DatabaseError

SIZES = (20_000, 100_000, 500_000)


@dataclass(frozen=True, slots=True)
class MemoryFigures:
    """One full sync: its deals, its seconds, the requests that it made, and the most memory of its process in MB."""

    deals: int
    seconds: float
    rows_per_second: int
    requests: int
    peak_memory_mb: int


def bench_memory(*, as_json: bool, sizes: Sequence[int] = SIZES) -> int:
    """Measure and print. Returns the exit status."""
    console = Console(highlight=False, stderr=as_json)
    try:
        figures = [_measure(deals) for deals in sizes]
    except (StartError, DatabaseError, RuntimeError) as error:
        console.print(f"[red]✗[/red] {error}", soft_wrap=True, markup=not isinstance(error, RuntimeError))
        return 1
    if as_json:
        print(orjson.dumps([asdict(item) for item in figures], option=orjson.OPT_INDENT_2).decode())
        return 0
    grid = Grid(box=None, pad_edge=False)
    for title in ("deals", "seconds", "rows/s", "requests", "peak memory, MB"):
        grid.add_column(title, justify="right")
    for item in figures:
        rest = f"{item.seconds:.1f}", f"{item.rows_per_second:,}", str(item.requests), str(item.peak_memory_mb)
        grid.add_row(f"{item.deals:,}", *rest)
    console.print(grid)
    return 0


def _measure(deals: int) -> MemoryFigures:
    with (
        tempfile.TemporaryDirectory(prefix="b24-bench-") as home,
        bench_place(Path(home), deals, False) as (database, webhook_url),
        Place(Path(home), database, webhook_url, limits=False) as place,
    ):
        run = place.sync("--full")
    [outcome] = run.answer
    return MemoryFigures(
        deals=outcome["fetched"],
        seconds=round(outcome["seconds"], 1),
        rows_per_second=round(outcome["fetched"] / outcome["seconds"]),
        requests=outcome["requests"],
        peak_memory_mb=round(run.peak_mb),
    )

"""``b24 bench --compare``: this project beside the usual ways, on one simulated portal and in one database.

Each tool copies all deals into empty tables, then what changed after one deal in a hundred was edited or added; each in
a process of its own, in turn, in some rounds. What it then has is compared with the portal. With ``--rate-limit`` the
portal's limits are on, and every tool keeps to them in its own way; without them, it is measured too how near our
loading comes to a bare COPY, and what a sync without changes writes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psycopg
from rich.console import Console
from rich.table import Table as Grid

from cli.bench.compared.rounds import Place, Round
from cli.bench.compared.tools import OTHERS, OURS, Tool
from cli.bench.measured import show
from cli.bench.place import bench_place
from cli.bench.wal import Written, by_owner, vacuum, written_by
from cli.supervise import StartError
from warehouse.database import DatabaseError
from warehouse.embedded import embedded_server

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """One tool's, medians of the rounds. Seconds are its own, without the start of its process; ``process_seconds`` are
    with it. ``times`` says how many times as long it took as this project for the full copy."""

    tool: str
    deals: int
    seconds: float
    process_seconds: float
    rows_per_second: int
    times: float
    requests_per_10000: float
    refused: int
    peak_memory_mb: int
    catch_up_seconds: float
    catch_up_process_seconds: float
    catch_up_requests: int
    catch_up_rows: int
    wrong: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that one run measured. ``load`` and ``unchanged`` only without limits: they do not depend on them."""

    cores: int
    limits: bool
    latency: float
    rounds: int
    tools: list[Figures]
    load: dict[str, Any] | None
    unchanged: dict[str, list[Written]] | None


def bench_compare(*, deals: int, limits: bool, latency: float = 0.0, as_json: bool) -> int:
    """Measure and print; ``latency`` in seconds. Returns the exit status."""
    console = Console(highlight=False, stderr=as_json)
    tools = [tool for tool in (OURS, *OTHERS) if tool.installed]
    if absent := sorted({str(tool.needs) for tool in OTHERS if not tool.installed}):
        names = " and ".join(absent)
        console.print(f"[yellow]![/yellow] Without {names}, which make install brings: not installed.", soft_wrap=True)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="b24-bench-") as home,
            bench_place(Path(home), deals, limits) as (database, webhook_url),
            Place(Path(home), database, webhook_url, limits=limits, latency=latency) as place,
        ):
            found = compare(place, tools, rounds=1 if limits else ROUNDS)
    except (StartError, DatabaseError, RuntimeError, httpx.HTTPError, psycopg.Error) as error:
        console.print(f"[red]✗[/red] {error}", soft_wrap=True, markup=not isinstance(error, RuntimeError))
        return 1
    show(found, console, _print, as_json=as_json)
    return 0


def compare(place: Place, tools: Sequence[Tool], *, rounds: int) -> Comparison:
    """Run the tools in turn, this project first. Raises ``RuntimeError`` when one fails."""
    done = [place.round(tools, seed) for seed in range(rounds)]
    by_tool = [list(item) for item in zip(*done, strict=True)]
    seconds = median(item.full.seconds for item in by_tool[0])
    return Comparison(
        cores=os.cpu_count() or 1,
        limits=place.limits,
        latency=place.latency,
        rounds=rounds,
        tools=[_figures(tool, items, seconds) for tool, items in zip(tools, by_tool, strict=True)],
        load=None if place.limits else place.program("cli.bench.load", "the load of recorded answers"),
        unchanged=None if place.limits else _unchanged(place),
    )


def _figures(tool: Tool, rounds: Sequence[Round], ours: float) -> Figures:
    full, later = [item.full for item in rounds], [item.changes for item in rounds]
    seconds = median(copy.seconds for copy in full)
    rows = round(median(copy.rows for copy in full))
    return Figures(
        tool=tool.name,
        deals=rows,
        seconds=round(seconds, 2),
        process_seconds=round(median(copy.run.seconds for copy in full), 2),
        rows_per_second=round(rows / seconds),
        times=round(seconds / ours, 1),
        requests_per_10000=round(median(copy.requests for copy in full) * 10_000 / rows, 1),
        refused=max(copy.refused for copy in (*full, *later)),
        peak_memory_mb=round(max(copy.run.peak_mb for copy in (*full, *later))),
        catch_up_seconds=round(median(copy.seconds for copy in later), 2),
        catch_up_process_seconds=round(median(copy.run.seconds for copy in later), 2),
        catch_up_requests=round(median(copy.requests for copy in later)),
        catch_up_rows=round(median(copy.rows for copy in later)),
        wrong=max(item.wrong for item in rounds),
    )


def _unchanged(place: Place) -> dict[str, list[Written]]:
    """What syncs that find no change write, after others have made the tables what they are."""
    place.sync("--full")
    place.sync()
    with embedded_server(place.home) as server:
        vacuum(server.admin_url, server.url)
        return {
            kind: written_by(server.admin_url, server.url, partial(place.sync, *options))
            for kind, options in (("incremental", ()), ("full", ("--full",)))
        }


def _print(console: Console, found: Comparison) -> None:
    tools = found.tools
    grid = Grid(box=None, pad_edge=False)
    answers = f", answers take {found.latency:g} s longer" if found.latency else ""
    grid.add_column(f"{tools[0].deals:,} deals, limits {'on' if found.limits else 'off'}{answers}")
    for item in tools:
        grid.add_column(item.tool, justify="right", max_width=14)
    for what, cells in (
        ("seconds, all deals", [f"{item.seconds:.2f}" for item in tools]),
        ("  and its start", [f"{item.process_seconds:.2f}" for item in tools]),
        ("rows per second", [f"{item.rows_per_second:,}" for item in tools]),
        ("times as long as ours", [f"{item.times:.1f}" for item in tools]),
        ("requests/10,000 rows", [f"{item.requests_per_10000:.0f}" for item in tools]),
        ("refused by the limits", [str(item.refused) for item in tools]),
        ("peak memory, MB", [str(item.peak_memory_mb) for item in tools]),
        ("seconds, 1 % changed", [f"{item.catch_up_seconds:.2f}" for item in tools]),
        ("  and its start", [f"{item.catch_up_process_seconds:.2f}" for item in tools]),
        ("  requests", [str(item.catch_up_requests) for item in tools]),
        ("wrong deals after it", [str(item.wrong) for item in tools]),
    ):
        grid.add_row(what, *cells)
    console.print(grid)
    if found.load:
        load = found.load
        console.print(
            f"From the bytes of answers to committed rows: {load['from_bytes_rows_per_second']:,} rows a second. "
            f"Of bytes that are ready, a bare COPY and upsert writes {load['bare_upsert_rows_per_second']:,} (ours are "
            f"{load['of_bare_upsert']:.0%}), COPY and our merge {load['bare_merge_rows_per_second']:,} "
            f"({load['of_bare_merge']:.0%}).",
            soft_wrap=True,
        )
    for kind, written in (found.unchanged or {}).items():
        parts = ", ".join(f"{owner} {size / 1000:.1f}" for owner, size in by_owner(written).items())
        console.print(f"WAL of a sync that finds no change ({kind}), kB: {parts}.", soft_wrap=True)

"""``b24 bench --compare``: this project beside the usual ways, on one simulated portal and in one database.

Each tool copies all deals into empty tables, then what changed after one deal in a hundred was edited or added; each in
a process of its own. What it then has is compared with the portal, row by row. With ``--rate-limit`` the portal's
limits are on, and every tool keeps to them in its own way.
"""

from __future__ import annotations

import importlib.util
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import orjson
from psycopg import sql
from rich.console import Console
from rich.table import Table as Grid

from cli.bench import bench_place
from cli.measured import Measured, measure
from cli.supervise import StartError
from warehouse.database import Database, DatabaseError

CHANGED = 0.01
ADDED = 0.2
"""Of the changed deals, so many are new ones."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A way to copy deals. ``needs`` is the package that it runs on, None for ourselves; the names say where its rows
    are."""

    name: str
    module: str
    table: tuple[str, str]
    key: str
    modified: str
    needs: str | None = None
    full: tuple[str, ...] = ("full",)
    changes: tuple[str, ...] = ("changes",)
    unlimited: dict[str, str] = field(default_factory=dict)


RECIPE = "cli.compared.fast_bitrix24_recipe"
TOOLS = (
    Tool(
        name="this project",
        module="cli.main",
        table=("bitrix", "deals"),
        key="id",
        modified="date_modify",
        full=("sync", "deal", "--full", "--json"),
        changes=("sync", "deal", "--json"),
        unlimited={"BITRIX_REQUEST_BURST": "100000", "BITRIX_REQUESTS_PER_SECOND": "1000"},
    ),
    *(
        Tool(
            name=f"fast_bitrix24 + SQLAlchemy, {way}",
            module=RECIPE,
            table=(f"recipe_{way}", "deals"),
            key="ID",
            modified="DATE_MODIFY",
            needs="fast_bitrix24",
            full=("full", way),
            changes=("changes", way),
        )
        for way in ("values", "executemany")
    ),
    Tool(
        name="dlt, REST source, merge",
        module="cli.compared.dlt_pipeline",
        table=("dlt_deals", "deals"),
        key="id",
        modified="date_modify",
        needs="dlt",
    ),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """One tool's. Seconds are its own, without the start of its process; ``process_seconds`` are with it.

    ``wrong`` counts deals that it has and the portal has not, has not and the portal has, or has in an older state,
    after it caught up. ``times`` is how many times as quick as it this project is, over the full copy.
    """

    tool: str
    deals: int
    seconds: float
    process_seconds: float
    rows_per_second: float
    requests_per_10000: float
    refused: int
    peak_memory_mb: float
    catch_up_seconds: float
    catch_up_process_seconds: float
    catch_up_requests: int
    catch_up_rows: int
    wrong: int
    times: float = 1.0


@dataclass(frozen=True, slots=True)
class _Copy:
    run: Measured
    rows: int
    seconds: float
    requests: int
    refused: int


def bench_compare(*, deals: int, limits: bool, as_json: bool) -> int:
    """Measure and print. Returns the exit status."""
    console = Console(highlight=False, stderr=as_json)
    tools = [tool for tool in TOOLS if tool.needs is None or importlib.util.find_spec(tool.needs)]
    if absent := sorted({tool.needs for tool in TOOLS if tool not in tools and tool.needs}):
        told = f"Not installed, so not measured: {', '.join(absent)}. `pip install -e '.[bench]'` or `make install`."
        console.print(f"[yellow]![/yellow] {told}", soft_wrap=True)
    try:
        with tempfile.TemporaryDirectory(prefix="b24-bench-") as home, bench_place(Path(home), deals, limits) as place:
            figures = compare(Path(home), *place, tools, limits=limits)
    except (StartError, DatabaseError, RuntimeError, httpx.HTTPError) as error:
        console.print(f"[red]✗[/red] {error}", soft_wrap=True)
        return 1
    if as_json:
        print(orjson.dumps([asdict(item) for item in figures], option=orjson.OPT_INDENT_2).decode())
    else:
        _print(console, figures)
    return 0


def compare(home: Path, database: Database, webhook_url: str, tools: Sequence[Tool], *, limits: bool) -> list[Figures]:
    """The figures of each tool, on the same portal and the same changes.

    Raises ``RuntimeError`` when a tool fails, ``httpx.HTTPError`` when the portal does.
    """
    with httpx.Client(base_url=webhook_url.partition("/rest/")[0], timeout=60, trust_env=False) as portal:
        environment = {
            "B24_HOME": str(home),
            "DATABASE_URL": database.url,
            "BITRIX_WEBHOOK_URL": webhook_url,
            "BENCH_HOME": str(home),
            "BENCH_DATABASE_URL": database.url,
            "BENCH_WEBHOOK_URL": webhook_url,
            "BENCH_LIMITS": "on" if limits else "off",
        }
        copies = []
        for tool in tools:
            with database.connect("bench", autocommit=True) as conn:
                conn.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(tool.table[0])))
            copies.append(_run(portal, environment, tool, tool.full, limits=limits))
        change(portal, max(1, round(copies[0].rows * CHANGED)))
        caught_up = [_run(portal, environment, tool, tool.changes, limits=limits) for tool in tools]
        truth = dict(_deals(portal, webhook_url))
    figures = []
    for tool, copy, later in zip(tools, copies, caught_up, strict=True):
        figures.append(
            Figures(
                tool=tool.name,
                deals=copy.rows,
                seconds=round(copy.seconds, 2),
                process_seconds=round(copy.run.seconds, 2),
                rows_per_second=round(copy.rows / copy.seconds),
                requests_per_10000=round(copy.requests * 10_000 / copy.rows, 1),
                refused=copy.refused + later.refused,
                peak_memory_mb=round(max(copy.run.peak_mb, later.run.peak_mb)),
                catch_up_seconds=round(later.seconds, 2),
                catch_up_process_seconds=round(later.run.seconds, 2),
                catch_up_requests=later.requests,
                catch_up_rows=later.rows,
                wrong=_wrong(database, tool, truth),
                times=round(copy.seconds / copies[0].seconds, 1),
            )
        )
    return figures


def change(portal: httpx.Client, count: int) -> None:
    """Edit and add so many deals, the same ones for the same portal."""
    chance = random.Random(1)  # noqa: S311
    added = max(1, round(count * ADDED))
    total = _control(portal, "GET", "stats")["rows"]["deal"]
    for number in range(added):
        _control(portal, "POST", "add", {"entity": "deal", "fields": {"TITLE": f"New {number}", "OPPORTUNITY": 1000}})
    for row_id in chance.sample(range(1, total), count - added):
        body = {"entity": "deal", "id": row_id, "fields": {"OPPORTUNITY": chance.randrange(1000, 900_000)}}
        portal.post("/_portal/update", json=body)  # the ids have gaps


def _control(portal: httpx.Client, verb: str, action: str, body: object = None) -> dict[str, dict[str, int]]:
    answer = portal.request(verb, f"/_portal/{action}", json=body)
    answer.raise_for_status()
    result: dict[str, dict[str, int]] = answer.json()["result"]
    return result


def _run(
    portal: httpx.Client, environment: dict[str, str], tool: Tool, arguments: Sequence[str], *, limits: bool
) -> _Copy:
    _control(portal, "POST", "stats/reset")
    given = environment if limits else environment | tool.unlimited
    run = measure(tool.module, *arguments, environment=given, what=tool.name)
    stats = portal.get("/_portal/stats").json()["result"]
    if tool.needs is None:
        [answer] = run.answer
        rows, seconds = answer["fetched"], answer["seconds"]
    else:
        rows, seconds = run.answer["rows"], run.answer["seconds"]
    return _Copy(run, rows, seconds, stats["requests"], stats["503"] + stats["429"])


def _deals(portal: httpx.Client, webhook_url: str) -> Iterator[tuple[int, datetime]]:
    """Every deal's id and time of change, as the portal has them."""
    above = 0
    while True:
        commands = {
            f"c{page}": "crm.deal.list?start=-1&order[ID]=ASC&select[]=ID&select[]=DATE_MODIFY&filter[%3EID]="
            + (str(above) if page == 0 else f"$result[c{page - 1}][49][ID]")
            for page in range(50)
        }
        _control(portal, "POST", "stats/reset")
        pages = portal.post(f"{webhook_url}batch", json={"cmd": commands}).json()["result"]["result"]
        for rows in pages.values():
            yield from ((int(row["ID"]), datetime.fromisoformat(row["DATE_MODIFY"])) for row in rows)
            if len(rows) < 50:
                return
            above = int(rows[-1]["ID"])


def _wrong(database: Database, tool: Tool, truth: dict[int, datetime]) -> int:
    statement = sql.SQL("SELECT {}::bigint, {}::timestamptz FROM {}").format(
        sql.Identifier(tool.key), sql.Identifier(tool.modified), sql.Identifier(*tool.table)
    )
    with database.connect("bench") as conn:
        found = dict(conn.execute(statement).fetchall())
    return sum(found.get(row_id) != truth.get(row_id) for row_id in found.keys() | truth.keys())


def _print(console: Console, figures: Sequence[Figures]) -> None:
    grid = Grid(box=None, pad_edge=False)
    for title in ("", "rows/s", "times", "requests", "MB", "s, 1 % later", "requests", "wrong"):
        grid.add_column(title, justify="right" if title else "left")
    for item in figures:
        grid.add_row(
            item.tool,
            f"{item.rows_per_second:,.0f}",
            f"{item.times:.1f}",
            f"{item.requests_per_10000:.0f}",
            f"{item.peak_memory_mb:,.0f}",
            f"{item.catch_up_seconds:.2f}",
            str(item.catch_up_requests),
            str(item.wrong),
        )
    console.print(grid)

"""``b24 eval``: how well the configured model answers questions whose right statements are known."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path

from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from chart_service.ask.asker import Asker
from chart_service.ask.asking import NothingSynced
from chart_service.ask.evaluation import EvalError, Gold, Judged, Summary, judge, read_gold, summaries
from chart_service.ask.model_client import model_client
from chart_service.ask.schema_source import SchemaSource
from chart_service.chart_data import Charts
from chart_service.query import DataVersions, Runner
from chart_service.query.statements import Statements
from warehouse.database import Database, DatabaseError, open_database
from warehouse.settings import Settings
from webhook_api.pool import connection_pool


def evaluate(
    settings: Settings, path: Path, *, limit: int | None, at_once: int, as_json: bool, console: Console
) -> int:
    """Ask every question, print what came out. Returns 0, or 2 when the questions cannot be evaluated."""
    try:
        gold = read_gold(path)[:limit]
        if settings.openai_api_key is None:
            raise EvalError("OPENAI_API_KEY is not set: there is no model to evaluate")
        with open_database(settings) as database:
            database.wait_until_ready(timeout=10)
            judged = asyncio.run(_judged(settings, database, gold, at_once, console))
    except NothingSynced:
        console.print("There are no tables yet: run b24 sync first.", style="red")
        return 2
    except (EvalError, DatabaseError, OperationalError, PoolTimeout) as error:
        console.print(escape(str(error)), style="red")
        return 2
    if as_json:
        content = {"summary": [asdict(one) for one in summaries(judged)], "questions": [asdict(one) for one in judged]}
        print(json.dumps(content, ensure_ascii=False, indent=2))
    else:
        _print(judged, settings.openai_model, console)
    return 0


async def _judged(
    settings: Settings, database: Database, gold: Sequence[Gold], at_once: int, console: Console
) -> list[Judged]:
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(connection_pool(database))
        versions = DataVersions(pool)
        statements = Statements(settings, Runner(database, settings), versions)
        stack.push_async_callback(statements.aclose)
        client = model_client(settings)
        if client is not None:
            await stack.enter_async_context(client)
        asker = Asker(pool, SchemaSource(database, versions), client, settings.chart_time_zone)
        stack.push_async_callback(asker.aclose)
        charts = Charts(statements)
        turn = asyncio.Semaphore(at_once)
        with Progress(console=console, transient=True) as progress:
            bar = progress.add_task("asking", total=len(gold))

            async def one(item: Gold) -> Judged:
                async with turn:
                    judged = await judge(item, asker, charts)
                    progress.advance(bar)
                    return judged

            return await asyncio.gather(*(one(item) for item in gold))


def _print(judged: Sequence[Judged], model: str, console: Console) -> None:
    missed = [one for one in judged if one.verdict != "match" or one.chart is False]
    for one in missed:
        what = one.verdict if one.verdict != "match" else f"drawn as {one.format}"
        why = f" ({one.code})" if one.code else ""
        console.print(f"{escape(one.question)}: {what}{escape(why)}", soft_wrap=True)
        if one.sql:
            console.print(f"  {escape(one.sql)}", style="dim", soft_wrap=True)
    table = Table(title=f"{model}: {len(judged)} questions")
    for name in ("language", "questions", "rows match", "chart matches", "asked back", "refused", "failed", "repairs"):
        table.add_column(name, justify="left" if name == "language" else "right")
    table.add_column("USD", justify="right")
    table.add_column("median s", justify="right")
    for summary in summaries(judged):
        table.add_row(*_cells(summary))
    console.print(table)


def _cells(summary: Summary) -> list[str]:
    chart = "–" if summary.chart_match is None else f"{summary.chart_match:.0%}"
    return [
        *(summary.lang, str(summary.questions), f"{summary.execution_match:.0%}", chart),
        *(str(summary.questions_back), str(summary.refused), str(summary.failed), str(summary.repairs)),
        *(f"{summary.cost_usd:.4f}", f"{summary.median_seconds:.1f}"),
    ]

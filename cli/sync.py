"""``b24 sync``: the jobs of the code location, run once in this process, with a progress bar and a summary."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from psycopg.rows import class_row
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bitrix.entities import BY_NAME, ENTITIES
from cli.services import dagster_environment
from cli.simulated_portal import portal_for_command
from cli.supervise import StartError
from orchestration.deletion_guard import too_many_found
from orchestration.process import PROCESS_TAG, this_process
from warehouse.database import Database, DatabaseError, open_database
from warehouse.migrate import upgrade
from warehouse.settings import Settings

POLL_SECONDS = 0.3
CHANGES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one entity. ``seconds`` is wall time; ``rows`` are the live rows of the table now."""

    entity: str
    sync_type: str
    status: str
    fetched: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    held_back: int
    cells_nulled: int
    requests: int
    schema_changes: list[dict[str, str]]
    seconds: float
    rows: int | None
    error: str | None


def sync(
    settings: Settings,
    entities: Sequence[str],
    *,
    full: bool,
    as_json: bool,
    console: Console,
    accept_deletions: bool = False,
) -> int:
    """Sync the named entities, or all. Returns the exit status: 0 when every one of them succeeded.

    Everything that is missing is provided for the time of the command: the embedded database, the simulated portal.
    """
    unknown = [name for name in entities if name not in BY_NAME]
    if unknown:
        console.print(f"[red]✗[/red] Unknown entity {', '.join(unknown)}. Known: {', '.join(BY_NAME)}", soft_wrap=True)
        return 2
    jobs = [f"sync_{name}" for name in dict.fromkeys(entities)] or ["sync_all"]
    names = list(dict.fromkeys(entities)) or [entity.name for entity in ENTITIES]
    try:
        with contextlib.ExitStack() as stack:
            database = stack.enter_context(open_database(settings))
            database.wait_until_ready()
            upgrade(database)
            environment = dagster_environment(settings.b24_home, database)
            if settings.bitrix_webhook_url is None:
                environment["BITRIX_WEBHOOK_URL"] = stack.enter_context(portal_for_command(settings.b24_home))
            os.environ.update(environment)
            with _progress(database, console, len(names), hidden=as_json) as run_ids:
                given = {"sync_type": "full" if full else "incremental", "accept_deletions": accept_deletions}
                _run_jobs(jobs, given, run_ids)
            outcomes = read_outcomes(database, run_ids)
    except (DatabaseError, StartError) as error:
        console.print(f"[red]✗[/red] {escape(str(error))}", soft_wrap=True)
        return 1
    if as_json:
        print(orjson.dumps([asdict(outcome) for outcome in outcomes], option=orjson.OPT_INDENT_2).decode())
    else:
        _print_summary(console, outcomes)
    missing = set(names) - {outcome.entity for outcome in outcomes if outcome.status == "succeeded"}
    return 1 if missing else 0


def _run_jobs(jobs: Sequence[str], config: Mapping[str, Any], run_ids: list[str]) -> None:
    """Execute the jobs in this process, on the installation's Dagster instance, so that its UI shows the runs."""
    import dagster as dg  # a second of start-up that the other commands need not pay

    from orchestration.console import CONSOLE
    from orchestration.definitions import defs

    logging.getLogger(CONSOLE).addHandler(logging.NullHandler())
    logging.getLogger(CONSOLE).propagate = False  # the summary says it, in the words of app.sync_logs
    with dg.DagsterInstance.get() as instance:
        for job in jobs:
            run_id = str(uuid.uuid4())
            run_ids.append(run_id)
            defs.resolve_job_def(job).execute_in_process(
                run_config=dict(config),
                instance=instance,
                run_id=run_id,
                tags={"trigger": "cli", PROCESS_TAG: this_process()},
                raise_on_error=False,
            )


def read_outcomes(database: Database, run_ids: Sequence[str]) -> list[Outcome]:
    """What ``app.sync_logs`` says of these runs, in the order of their start; of retried syncs the last try."""
    with database.connect("sync") as connection, connection.cursor(row_factory=class_row(Outcome)) as cursor:
        cursor.execute(
            """SELECT DISTINCT ON (l.entity) l.entity, l.sync_type, l.status, fetched, inserted, updated, unchanged,
                   deleted, held_back, cells_nulled, requests, schema_changes, s.rows_total AS rows, l.error,
                   extract(epoch FROM coalesce(finished_at, now()) - started_at)::float8 AS seconds
               FROM app.sync_logs l LEFT JOIN app.sync_state s USING (entity)
               WHERE l.run_id = ANY(%s) ORDER BY l.entity, l.id DESC""",
            (list(run_ids),),
        )
        order = {name: position for position, name in enumerate(BY_NAME)}
        return sorted(cursor.fetchall(), key=lambda outcome: order[outcome.entity])


def _print_summary(console: Console, outcomes: Sequence[Outcome]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("table", no_wrap=True, min_width=18)
    table.add_column("sync")
    for title in ("read", "new", "edited", "same", "gone", "rows", "calls", "s"):
        table.add_column(title, justify="right")
    for outcome in outcomes:
        counts = (outcome.fetched, outcome.inserted, outcome.updated, outcome.unchanged, outcome.deleted)
        table.add_row(
            "[green]✓[/green]" if outcome.status == "succeeded" else "[red]✗[/red]",
            BY_NAME[outcome.entity].table,
            {"incremental": "incr."}.get(outcome.sync_type, outcome.sync_type),
            *(f"{number:,}" for number in (*counts, outcome.rows or 0)),
            str(outcome.requests),
            f"{outcome.seconds:.1f}",
        )
    console.print(table)
    nulled = sum(outcome.cells_nulled for outcome in outcomes)
    if nulled:
        console.print(f"{nulled:,} values did not fit their columns and are null: see app.sync_issues.")
    _print_schema(console, outcomes)
    for outcome in outcomes:
        if outcome.held_back:
            text = too_many_found(outcome.held_back, outcome.rows or 0, BY_NAME[outcome.entity].table)
            console.print(f"[yellow]![/yellow] {escape(text)}", soft_wrap=True)
        if outcome.error:
            console.print(f"[red]✗[/red] {outcome.entity}: {escape(outcome.error)}", soft_wrap=True)


def _print_schema(console: Console, outcomes: Sequence[Outcome]) -> None:
    changes = [change["text"] for outcome in outcomes for change in outcome.schema_changes]
    for text in changes[:CHANGES_SHOWN]:
        console.print(f"[blue]i[/blue] {escape(text)}", soft_wrap=True)
    if len(changes) > CHANGES_SHOWN:
        console.print(
            f"… and {len(changes) - CHANGES_SHOWN:,} more changes of fields: see app.sync_logs.schema_changes."
        )


@contextlib.contextmanager
def _progress(database: Database, console: Console, total: int, *, hidden: bool) -> Iterator[list[str]]:
    """Show what ``app.sync_logs`` says of the runs whose ids are put into the list that this yields."""
    run_ids: list[str] = []
    if hidden or not console.is_terminal:
        yield run_ids
        return
    over = threading.Event()
    columns = (TextColumn("Sync"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("starting", total=total)

        def follow() -> None:
            with database.connect("progress", autocommit=True) as connection:
                while not over.is_set():
                    bar.update(task, **_state(connection, run_ids))
                    time.sleep(POLL_SECONDS)

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield run_ids
        finally:
            over.set()
            thread.join()


def _state(connection: Any, run_ids: Sequence[str]) -> dict[str, Any]:
    rows = connection.execute(
        "SELECT entity, status, fetched, expected FROM app.sync_logs WHERE run_id = ANY(%s) ORDER BY id",
        (list(run_ids),),
    ).fetchall()
    running = [
        f"{BY_NAME[entity].table} {fetched:,}" + (f" of {expected:,}" if expected else "")
        for entity, status, fetched, expected in rows
        if status == "running"
    ]
    done = sum(status != "running" for _, status, _, _ in rows)
    return {"completed": done, "description": ", ".join(running) or "starting"}

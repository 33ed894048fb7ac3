"""The sync that ``b24 up`` begins with: launched through Dagster like any other, its progress shown while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bitrix.entities import ENTITIES
from cli.supervise import StartError
from warehouse.database import Database, DatabaseError, open_database
from warehouse.settings import Settings
from webhook_api.dagster_api import FINAL, DagsterApi, DagsterError, DagsterUnreachable

LOCATION_SECONDS = 60.0
POLL_SECONDS = 0.5
PLAIN_SECONDS = 15.0
"""How often progress is printed where there is no terminal to draw a bar on."""


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """Counts of one run, from ``app.sync_logs``."""

    done: int
    rows: int
    running: str
    error: str | None


def first_sync(settings: Settings, console: Console) -> int:
    """The sync of an installation whose services run already, in containers. Returns the exit status."""
    try:
        with open_database(settings) as database:
            run_id = launch(settings.dagster_url, database, lambda: None)
            return 0 if follow(settings.dagster_url, run_id, database, console, lambda: None) else 1
    except (StartError, DatabaseError) as error:
        console.print(f"[red]✗[/red] {escape(str(error))}", soft_wrap=True)
        return 1


def launch(url: str, database: Database, check: Callable[[], None]) -> str:
    """Start ``sync_all``: full if any keyset table was never synced in full, else incremental. Returns the run id.

    Waits for the code location; ``check`` is called meanwhile. Raises ``StartError``.
    """
    sync_type = "full" if never_synced(database) else "incremental"
    deadline = time.monotonic() + LOCATION_SECONDS
    try:
        with DagsterApi(url) as api:
            while (repository := api.repository()) is None:
                check()
                if time.monotonic() > deadline:
                    raise StartError(f"Dagster did not load the code location in {LOCATION_SECONDS:.0f} s")
                time.sleep(0.1)
            return api.launch(repository, "sync_all", {"sync_type": sync_type}, {"trigger": "start"})
    except DagsterError as error:
        raise StartError(str(error)) from None


def follow(url: str, run_id: str, database: Database, console: Console, check: Callable[[], None]) -> bool:
    """Show the run's progress until it ends; then one line with the result. Returns whether it succeeded.

    A failed sync is told and no more: the services go on, and the next schedule tries again.
    """
    begun = time.monotonic()
    with DagsterApi(url) as api, _bar(console) as show:
        while (status := _status(api, run_id)) not in FINAL:
            check()
            show(sync_progress(database, run_id))
            time.sleep(POLL_SECONDS)
        progress = sync_progress(database, run_id)
        show(progress)
    seconds = time.monotonic() - begun
    if status == "SUCCESS":
        console.print(
            f"[green]✓[/green] Sync: {progress.done} tables, {progress.rows:,} rows  [dim]{seconds:.1f} s[/dim]"
        )
        return True
    reason = f" {progress.error.splitlines()[0]}" if progress.error else ""
    console.print(f"[red]✗[/red] The sync failed.{escape(reason)} See {url}/runs/{run_id}", soft_wrap=True)
    return False


def never_synced(database: Database) -> bool:
    """Whether no entity has ever been synced in full."""
    with database.connect("up") as connection:
        row = connection.execute("SELECT count(*) FROM app.sync_state WHERE last_full_at IS NOT NULL").fetchone()
    return row is None or row[0] == 0


def sync_progress(database: Database, run_id: str) -> SyncProgress:
    """What ``app.sync_logs`` holds of one run now."""
    with database.connect("up") as connection:
        rows = connection.execute(
            "SELECT entity, status, fetched, error FROM app.sync_logs WHERE run_id = %s ORDER BY id", [run_id]
        ).fetchall()
    return SyncProgress(
        done=sum(status == "succeeded" for _, status, _, _ in rows),
        rows=sum(fetched for _, _, fetched, _ in rows),
        running=", ".join(entity for entity, status, _, _ in rows if status == "running"),
        error=next((error for _, _, _, error in rows if error), None),
    )


def _status(api: DagsterApi, run_id: str) -> str:
    try:
        return api.run_status(run_id)
    except DagsterUnreachable:
        return ""  # busy, or gone: whoever watches the webserver's process will say so


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[SyncProgress], None]]:
    if not console.is_terminal:
        printed = time.monotonic()

        def print_sometimes(progress: SyncProgress) -> None:
            nonlocal printed
            if time.monotonic() - printed > PLAIN_SECONDS:
                printed = time.monotonic()
                console.print(f"  sync: {progress.done} of {len(ENTITIES)} tables, {progress.rows:,} rows")

        yield print_sometimes
        return
    columns = (TextColumn("Sync"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("waiting for a run to start", total=len(ENTITIES))

        def draw(progress: SyncProgress) -> None:
            text = f"{progress.rows:,} rows {progress.running}" if progress.rows or progress.running else "starting"
            bar.update(task, completed=progress.done, description=text)

        yield draw

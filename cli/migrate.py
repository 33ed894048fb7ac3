"""``b24 migrate``: bring the database's own tables up to date; what ``b24 up`` and containers do at their start."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from warehouse.database import READY_SECONDS, DatabaseError, open_database
from warehouse.migrate import upgrade
from warehouse.settings import Settings


def migrate(settings: Settings, *, wait_seconds: float = READY_SECONDS, console: Console | None = None) -> int:
    """Wait for the server, apply what is missing, print the revision. Returns the exit status."""
    console = console or Console(highlight=False)
    try:
        with open_database(settings) as database:
            version = database.wait_until_ready(wait_seconds)
            console.print(f"PostgreSQL {version} at {escape(database.address)} answers. Migrating.", soft_wrap=True)
            state = upgrade(database, wait_seconds)
            console.print(f"[green]✓[/green] {escape(database.address)} is at revision {state.head}", soft_wrap=True)
    except DatabaseError as error:
        console.print(f"[red]✗[/red] {escape(str(error))}", soft_wrap=True)
        return 1
    return 0

"""``b24 export`` and ``b24 import``: a whole installation's database in a file, to keep it or to move it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape

from warehouse.backup import BackupError, dump, restore
from warehouse.database import DatabaseError, open_database
from warehouse.settings import Settings


def export_to(settings: Settings, path: Path, console: Console) -> int:
    """Write the database to a file. Returns the exit status."""
    try:
        with open_database(settings) as database:
            database.wait_until_ready()
            size = dump(database, path)
            console.print(f"[green]✓[/green] {escape(database.address)} is in {escape(str(path))}, {_size(size)}")
    except (BackupError, DatabaseError) as error:
        console.print(f"[red]✗[/red] {escape(str(error))}", soft_wrap=True)
        return 1
    if settings.encryption_key is None:
        key = escape(str(settings.b24_home / "encryption.key"))
        console.print(
            f"  An application that is installed on the portal needs the file {key} there, too, or ENCRYPTION_KEY.",
            soft_wrap=True,
        )
    return 0


def import_from(settings: Settings, path: Path, console: Console) -> int:
    """Fill the empty database of this installation from a file. Returns the exit status."""
    try:
        with open_database(settings) as database:
            rows = restore(database, path)
            console.print(f"[green]✓[/green] {escape(str(path))} is in {escape(database.address)}", soft_wrap=True)
    except (BackupError, DatabaseError) as error:
        console.print(f"[red]✗[/red] {escape(str(error))}", soft_wrap=True)
        return 1
    for table, count in rows.items():
        console.print(f"  {table:<24}{count:>12,} rows")
    return 0


def _size(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB" if size >= 100_000 else f"{size:,} bytes"

"""``b24 dagster``: Dagster's own commands with this installation's instance; how containers run its services."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from cli.services import dagster_environment
from warehouse.database import Database
from warehouse.settings import Settings

MODULES = {"webserver": "dagster_webserver", "daemon": "dagster._daemon"}
"""Commands that are programs of their own: ``b24 dagster webserver`` is ``dagster-webserver``."""


def dagster(settings: Settings, arguments: Sequence[str], console: Console) -> int:
    """Become the Dagster command, so that signals and its exit status are its own. Returns only when that fails.

    Needs ``DATABASE_URL``: a service of Dagster must not start a database server of its own.
    """
    if settings.database_url is None:
        console.print("[red]✗[/red] DATABASE_URL is not set. Set it, or use `b24 up`.", soft_wrap=True)
        return 2
    try:
        environment = dagster_environment(settings.b24_home, Database(settings.database_url.get_secret_value()))
    except OSError as error:
        problem = f"B24_HOME {settings.b24_home} cannot be used ({error.strerror})."
        console.print(f"[red]✗[/red] {escape(problem)}", soft_wrap=True)
        return 1
    return os.execve(sys.executable, command(arguments), {**os.environ, **environment})  # noqa: S606  no shell


def command(arguments: Sequence[str]) -> list[str]:
    """The command line of what ``b24 dagster ARGUMENTS`` runs."""
    first, rest = (arguments[0], arguments[1:]) if arguments else ("", ())
    if first in MODULES:
        return [sys.executable, "-m", MODULES[first], *rest]
    return [sys.executable, "-m", "dagster", *arguments]

"""``b24 dbt``: dbt on the project that the schema's documents are written to, connected to this installation."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from rich.console import Console
from sqlalchemy.engine import make_url

from cli.services import ROOT
from warehouse.database import Database, DatabaseError, open_database
from warehouse.schema_docs.project import PROJECT
from warehouse.settings import Settings

PROGRAM = ROOT / ".venv" / "dbt" / "bin" / "dbt"


def dbt(settings: Settings, arguments: Sequence[str], console: Console, program: Path = PROGRAM) -> int:
    """Run dbt with these arguments. Returns its exit status, or 1 when it cannot be started."""
    project = settings.dbt_docs_dir or PROJECT
    if not program.exists():
        console.print("[red]✗[/red] dbt is not installed. Run: make dbt")
        return 1
    if not (project / "models" / "generated" / "sources.yml").exists():
        console.print("[red]✗[/red] The schema is not documented yet. Run a sync first: b24 sync", soft_wrap=True)
        return 1
    places = ["--project-dir", str(project), "--profiles-dir", str(project)]
    try:
        with open_database(settings) as database:
            database.wait_until_ready()
            environment = {**os.environ, **dbt_environment(database)}
            return subprocess.run([str(program), *arguments, *places], env=environment, check=False).returncode
    except DatabaseError as error:
        console.print(f"[red]✗[/red] {error}", soft_wrap=True)
        return 1


def dbt_environment(database: Database) -> Mapping[str, str]:
    """The variables that ``profiles.yml`` reads. Holds the password: for the environment of a process only.

    dbt keeps what begins with ``DBT_ENV_SECRET_`` out of its logs and files.
    """
    url = make_url(database.url)
    sslmode = url.query.get("sslmode")
    host = url.host or url.query.get("host") or "localhost"
    return {
        "PGHOST": unquote(host if isinstance(host, str) else host[0]),
        "PGPORT": str(url.port or 5432),
        "PGUSER": url.username or "",
        "DBT_ENV_SECRET_PGPASSWORD": url.password or "",
        "PGDATABASE": url.database or "",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        **({"PGSSLMODE": sslmode} if isinstance(sslmode, str) else {}),
    }

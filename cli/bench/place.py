"""Where benchmarks run: a database of their own in a temporary home, whatever is installed."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cli.portal_rows import load_portal
from cli.simulated_portal import SimulatedPortal
from cli.supervise import StopSignals, Supervisor
from demo_portal.portal import Portal
from warehouse.database import Database, open_database
from warehouse.migrate import upgrade
from warehouse.settings import Settings, load_settings

ROWS_PER_REQUEST = 2500
"""What one batch request can bring: 50 pages of 50 rows."""


@contextlib.contextmanager
def bench_place(home: Path, deals: int, limits: bool) -> Iterator[tuple[Database, str]]:
    """A database and a portal of our own, so that no figure depends on what is installed."""
    settings = load_settings(b24_home=home, database_url=None)
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(open_database(settings))
        database.wait_until_ready()
        upgrade(database)
        signals = stack.enter_context(StopSignals())
        supervisor = stack.enter_context(Supervisor(home / "logs", signals))
        portal = SimulatedPortal(home / "portal.url", deals, limits=limits)
        yield database, stack.enter_context(portal.running(supervisor)).webhook_url


@contextlib.contextmanager
def filled_warehouse(deals: int) -> Iterator[tuple[Settings, Database, dict[str, int]]]:
    """A database with a portal of so many deals, and each table's number of rows. Raises ``DatabaseError``."""
    with tempfile.TemporaryDirectory(prefix="b24-bench-") as home:
        settings = load_settings(b24_home=Path(home), database_url=None)
        with open_database(settings) as database:
            database.wait_until_ready()
            upgrade(database)
            with database.connect("bench", autocommit=True) as conn:
                loaded = load_portal(conn, Portal.generate(deals=deals))
            yield settings, database, loaded

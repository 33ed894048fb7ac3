"""``b24 bench-events``: how long after an event's POST the row is visible in ``crm``, on a running ``b24 up``.

Changes rows of the simulated portal one at a time, posts what the portal would post, and looks into the view until the
change is there. The installation must be idle, and use the simulated portal.
"""

from __future__ import annotations

import random
import secrets
import statistics
import time
from dataclasses import asdict, dataclass

import httpx
import orjson
from rich.console import Console
from rich.table import Table

from cli.simulated_portal import shared_url_file
from warehouse.database import Database, DatabaseError, open_database
from warehouse.settings import Settings

LOOK_SECONDS = 0.02
GIVE_UP_SECONDS = 60.0
PAUSE_SECONDS = (4.0, 9.0)
"""Between two events: an idle installation, and no rhythm that its clocks could fall into step with."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds from the POST: until it was answered, until its run was created, until the sync began, until visible."""

    answered: float
    launched: float
    begun: float
    visible: float


def bench_events(settings: Settings, *, api_url: str, events: int, as_json: bool) -> int:
    """Measure and print. Returns the exit status."""
    console = Console(highlight=False, stderr=as_json)
    try:
        portal = shared_url_file(settings.b24_home).read_text()
    except FileNotFoundError:
        console.print("[red]✗[/red] No simulated portal runs here. Start `b24 up` without BITRIX_WEBHOOK_URL first.")
        return 1
    try:
        with open_database(settings) as database, httpx.Client(timeout=10, trust_env=False) as http:
            times = []
            for _ in range(events):
                time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311
                times.append(_one(database, http, portal, api_url))
    except (DatabaseError, httpx.TransportError, TimeoutError) as error:
        console.print(f"[red]✗[/red] {error}", soft_wrap=True)
        return 1
    if as_json:
        print(orjson.dumps([asdict(item) for item in times], option=orjson.OPT_INDENT_2).decode())
        return 0
    table = Table(box=None, pad_edge=False, title=f"{events} events, one at a time; seconds from the POST")
    table.add_column("until")
    for title in ("median", "95 %", "longest"):
        table.add_column(title, justify="right")
    for name in ("answered", "launched", "begun", "visible"):
        values = sorted(getattr(item, name) for item in times)
        figures = (statistics.median(values), values[min(len(values) - 1, int(0.95 * len(values)))], values[-1])
        table.add_row(name, *(f"{value:.2f}" for value in figures))
    console.print(table)
    return 0


def _one(database: Database, http: httpx.Client, portal: str, api_url: str) -> Times:
    title = f"bench {secrets.token_hex(6)}"
    with database.connect("bench", autocommit=True) as conn:
        found = conn.execute("SELECT id FROM crm.deals ORDER BY random() LIMIT 1").fetchone()
        if found is None:
            raise TimeoutError("crm.deals is empty: let the first sync end before measuring.")
        [deal] = found
        http.post(f"{portal}crm.deal.update", json={"id": deal, "fields": {"TITLE": title}}).raise_for_status()
        epoch, begun = time.time(), time.monotonic()
        body = {"event": "ONCRMDEALUPDATE", "data[FIELDS][ID]": str(deal), "ts": str(int(epoch))}
        http.post(f"{api_url}/api/v1/webhooks/bitrix", data=body).raise_for_status()
        answered = time.monotonic() - begun
        while conn.execute("SELECT title FROM crm.deals WHERE id = %s", (deal,)).fetchone() != (title,):
            if time.monotonic() - begun > GIVE_UP_SECONDS:
                raise TimeoutError(f"deal {deal} was not visible after {GIVE_UP_SECONDS:.0f} s.")
            time.sleep(LOOK_SECONDS)
        visible = time.monotonic() - begun
        parts = conn.execute(
            """SELECT extract(epoch FROM r.create_timestamp)::float8, extract(epoch FROM l.started_at)::float8
               FROM app.sync_logs l JOIN dagster.runs r USING (run_id)
               WHERE l.entity = 'deal' AND l.sync_type = 'events' ORDER BY l.id DESC LIMIT 1"""
        ).fetchone()
    launched, started = parts or (epoch, epoch)
    return Times(answered, max(0.0, launched - epoch), max(0.0, started - epoch), visible)

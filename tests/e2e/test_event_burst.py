"""Ten thousand events in a burst: all stored, quickly, also while Dagster or PostgreSQL go away and come back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from bitrix.entities import entity_named
from cli.dead_runs import end_dead_runs
from cli.services import SERVICES, Place, code_server_socket, dagster_environment
from demo_portal.portal import CRM, Portal
from demo_portal.server import PortalServer
from tests.e2e.burst import Burst, burst
from tests.e2e.conftest import fields_of
from tests.e2e.oracle import differences
from warehouse.database import Database, open_database
from warehouse.migrate import upgrade
from warehouse.settings import load_settings

pytestmark = pytest.mark.slow

EVENTS, CONNECTIONS = 10_000, 20
DAGSTER = ("code-server", "webserver", "daemon")
TOKEN = "burst-token"


class Installation:
    """What ``b24 up`` runs, as processes that a test may kill one by one."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        rows = [row for row in SERVICES if not names or row.name in names]
        for row in rows:
            with (self.place.home / f"{row.name}.log").open("ab") as log:
                self._processes[row.name] = subprocess.Popen(
                    row.argv(self.place),
                    env={**os.environ, **self.place.env},
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            deadline = time.monotonic() + 90
            while not row.answers(self.place):
                assert time.monotonic() < deadline, row.name
                assert self._processes[row.name].poll() is None, row.name
                time.sleep(0.1)

    def kill(self, *names: str) -> None:
        for name in names or tuple(self._processes):
            process = self._processes.pop(name)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def portal() -> Iterator[PortalServer]:
    with PortalServer(Portal.generate(seed=8, deals=2500), limits=False) as server:
        yield server


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(load_settings(b24_home=tmp_path / "home")) as opened:
        opened.wait_until_ready()
        upgrade(opened)
        yield opened


@pytest.fixture
def installation(tmp_path: Path, portal: PortalServer, database: Database) -> Iterator[Installation]:
    home = tmp_path / "home"
    with code_server_socket(home) as path:
        path.parent.mkdir(exist_ok=True)
        ports = {"dagster": free_port(), "api": free_port()}
        env = dagster_environment(home, database) | {
            "BITRIX_WEBHOOK_URL": portal.webhook_url,
            "BITRIX_APPLICATION_TOKEN": TOKEN,
            "B24_CODE_SERVER_SOCKET": str(path),
            "DAGSTER_URL": f"http://127.0.0.1:{ports['dagster']}",
            "SYNC_DEFAULT_INTERVAL_MINUTES": "10080",  # what becomes right does so by events alone
        }
        subprocess.run(
            [sys.executable, "-m", "cli.main", "sync", "--full"], env={**os.environ, **env}, check=True, timeout=120
        )
        running = Installation(Place(home, "127.0.0.1", ports, path, env))
        try:
            running.start(*DAGSTER, "webhook-api")
            yield running
        finally:
            running.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_burst_while_dagster_restarts(
    installation: Installation, portal: PortalServer, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    def restart() -> None:
        began = time.time()
        installation.kill(*DAGSTER)
        installation.start(*DAGSTER)
        end_dead_runs(installation.place.url("dagster"), began)

    result = run_burst(installation, portal, restart)
    seconds = wait_until_handled(database)
    report(capsys, "Dagster restarted", result, seconds, database)
    assert result.statuses == {200: EVENTS}
    assert wrong_rows(database, portal) == set()
    assert max(runs_by_entity(database).values()) <= 8


def test_a_burst_while_postgresql_restarts(
    installation: Installation, portal: PortalServer, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_burst(installation, portal, lambda: restart_postgresql(installation.place.home))
    seconds = wait_until_handled(database)
    report(capsys, "PostgreSQL restarted", result, seconds, database)
    assert set(result.statuses) <= {200, 503}
    assert wrong_rows(database, portal) <= set(result.refused)
    again = asyncio.run(burst(installation.place.url("api"), result.refused, connections=4, token=TOKEN))
    assert again.refused == []
    wait_until_handled(database)
    assert wrong_rows(database, portal) == set()


def run_burst(installation: Installation, portal: PortalServer, meanwhile: Callable[[], None]) -> Burst:
    """Post the events of many changes, each several times and in no order; ``meanwhile`` runs once they flow."""
    changes = portal.portal.random_changes(2000, seed=4)
    changed = [(entity, number) for entity, kinds in changes.items() for ids in kinds.values() for number in ids]
    order = random.Random(1)
    others = [(entity, number) for entity in CRM for number in portal.portal.ids(entity)]
    events = changed + order.choices(changed + others, k=EVENTS - len(changed))
    order.shuffle(events)
    timer = threading.Timer(1.0, meanwhile)
    timer.start()
    result = asyncio.run(burst(installation.place.url("api"), events, connections=CONNECTIONS, token=TOKEN))
    timer.join()
    return result


def restart_postgresql(home: Path) -> None:
    """Kill one process of the server: it ends all the others at once, recovers, and takes connections again."""
    postmaster = int((home / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
    victim = next(
        child for child in psutil.Process(postmaster).children() if "checkpointer" in " ".join(child.cmdline())
    )
    victim.kill()


def wait_until_handled(database: Database, seconds: float = 240) -> float:
    """Seconds until no event waits."""
    begun = time.monotonic()
    while True:
        try:
            left = one(database, "SELECT count(*) FROM app.webhook_events WHERE status IN ('pending', 'picked')")
        except psycopg.OperationalError:
            left = -1  # it is recovering
        if left == 0:
            return time.monotonic() - begun
        assert time.monotonic() - begun < seconds, f"{left} events still wait"
        time.sleep(0.2)


def wrong_rows(database: Database, portal: PortalServer) -> set[tuple[str, int]]:
    """The CRM rows in which the mirror differs from the portal."""
    wrong = set()
    with database.connect("test", autocommit=True) as conn:
        for name in CRM:
            entity = entity_named(name)
            rows = portal.portal.rows(name)
            for text in differences(conn, name, entity.table, fields_of(entity, portal), rows):
                wrong.add((name, int(text.removeprefix(entity.table).split(".")[0].split(":")[0])))
    return wrong


def runs_by_entity(database: Database) -> dict[str, int]:
    with database.connect("test") as conn:
        rows = conn.execute(
            "SELECT entity, count(*) FROM app.sync_logs WHERE sync_type = 'events' GROUP BY entity ORDER BY entity"
        )
        return dict(rows.fetchall())


def one(database: Database, query: Any) -> int:
    with database.connect("test") as conn:
        row = conn.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def report(capsys: pytest.CaptureFixture[str], title: str, result: Burst, seconds: float, database: Database) -> None:
    with capsys.disabled():
        print(f"\n{title}: {result}; handled {seconds:.1f} s later; syncs {runs_by_entity(database)}")

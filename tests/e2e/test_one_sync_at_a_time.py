"""However many processes want to sync an entity, and however they end, one at a time does."""

from __future__ import annotations

import itertools
import random
import subprocess
import time
from typing import Any

import psycopg
import pytest

from bitrix.entities import entity_named
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from orchestration.sync_report import SyncType
from tests.e2e.conftest import fields_of
from tests.e2e.oracle import differences
from tests.e2e.sync_process import finish, start
from warehouse.database import Database
from warehouse.journal import DEAD

Connection = psycopg.Connection[Any]
KINDS: tuple[SyncType, ...] = ("full", "incremental", "events")


@pytest.mark.parametrize(("starts", "at_once"), [(6, 3), pytest.param(60, 5, marks=pytest.mark.slow)])
def test_processes_that_are_killed_while_they_hold_the_lock(database: Database, starts: int, at_once: int) -> None:
    """Schedules, events and people ask at once; every second process is killed, some while they write."""
    generator = random.Random(starts)
    entity = entity_named("deal")
    with PortalServer(Portal.generate(seed=9, deals=1500), limits=False) as server:
        server.limits.page_latency = 0.003
        with database.connect("test", autocommit=True) as conn:
            running: list[subprocess.Popen[str]] = []
            for number in range(starts):
                kind = generator.choice(KINDS)
                running.append(start(database, server.webhook_url, "deal", kind, f"run {number}"))
                server.portal.random_changes(10, seed=number)
                while len([process for process in running if process.poll() is None]) >= at_once:
                    if generator.random() < 0.5:
                        kill_holder(conn, running)
                    time.sleep(generator.random() * 0.4)
                assert syncs_that_live(conn) <= 1
            for process in running:
                process.communicate(timeout=120)
            assert all(process.returncode in (0, -9) for process in running)
            finish(start(database, server.webhook_url, "deal", "full", "last"))
            assert_one_after_the_other(conn)
            found = differences(conn, "deal", "deals", fields_of(entity, server), server.portal.rows("deal"))
            assert not found, found[:5]


def kill_holder(conn: Connection, running: list[subprocess.Popen[str]]) -> None:
    """Kill -9 whoever syncs now."""
    rows = conn.execute("SELECT run_id FROM app.sync_logs WHERE status = 'running' ORDER BY id DESC LIMIT 1").fetchall()
    for (run_id,) in rows:
        running[int(run_id.split()[1])].kill()


def syncs_that_live(conn: Connection) -> int:
    row = conn.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
        " AND ((classid::int8 << 32) | objid::int8) = hashtextextended('b24 sync deal', 0)"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    return int(row[0]) if row else 0


def assert_one_after_the_other(conn: Connection) -> None:
    """No sync began before the one before it had ended, by itself or by being killed."""
    logs = conn.execute(
        "SELECT run_id, status, error, started_at, finished_at FROM app.sync_logs ORDER BY id"
    ).fetchall()
    assert len(logs) >= 3
    assert {status for _, status, _, _, _ in logs} <= {"succeeded", "failed"}
    assert all(error in (None, DEAD) for _, _, error, _, _ in logs), logs
    for (_, _, _, _, ended), (_, _, _, begun, _) in itertools.pairwise(logs):
        assert begun >= ended

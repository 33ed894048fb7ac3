"""A full sync that is killed, or whose database goes away, is gone on with: nothing committed is asked for again."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from bitrix import LeakyBucket, PortalClient, WebhookUrl
from bitrix.entities import entity_named
from demo_portal.faults import FaultKind
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from orchestration.entity_sync import sync_entity
from orchestration.sync_report import SyncReport, SyncRequest, SyncType
from tests.e2e.conftest import fields_of
from tests.e2e.oracle import differences
from tests.e2e.sync_process import finish, start
from warehouse.database import Database, DatabaseUnreachable
from warehouse.embedded import embedded_server
from warehouse.journal import DEAD, close_dead_logs
from warehouse.migrate import upgrade

Connection = psycopg.Connection[Any]
DEAL = entity_named("deal")
BATCH = 50 * 50
"""Rows of one request to the portal."""


@pytest.fixture(scope="module")
def portal_server(request: pytest.FixtureRequest) -> Iterator[PortalServer]:
    """A portal that takes its time for a page, so that there is time to be killed in."""
    with PortalServer(Portal.generate(seed=9, deals=5000), limits=False) as running:
        running.limits.page_latency = 0.002
        yield running


async def sync(database: Database, server: PortalServer, sync_type: SyncType = "full", **options: Any) -> SyncReport:
    unlimited = LeakyBucket(capacity=100_000, leak=1000)
    async with PortalClient(WebhookUrl.parse(server.webhook_url), bucket=unlimited, **options) as client:
        return await sync_entity(
            client, lambda: database.connect("sync"), SyncRequest(DEAL, sync_type, wait_seconds=20)
        )


def exact(conn: Connection, server: PortalServer) -> None:
    found = differences(conn, "deal", "deals", fields_of(DEAL, server), server.portal.rows("deal"))
    assert not found, f"{len(found)} differences, the first: {found[:5]}"


def same_rows(conn: Connection, server: PortalServer) -> None:
    """A quicker look than ``exact``: every row, and a few of its cells."""
    stored = conn.execute("SELECT id::text, title, date_modify, assigned_by_id::text FROM crm.deals d ORDER BY d.id")
    rows = server.portal.rows("deal")
    shown = [(row["ID"], row["TITLE"], row["DATE_MODIFY"], row["ASSIGNED_BY_ID"]) for row in rows]
    assert [(a, b, c, d) for a, b, c, d in stored] == [(a, b, datetime.fromisoformat(c), d) for a, b, c, d in shown]


def kill_at(database: Database, server: PortalServer, requests: int, delay: float, run_id: str) -> bool:
    """Start a full sync of deals and kill -9 it so long after its n-th request. False if it was quicker."""
    server.reset_stats()
    process = start(database, server.webhook_url, "deal", "full", run_id)
    while server.requests < requests and process.poll() is None:
        time.sleep(0.001)
    time.sleep(delay)
    running = process.poll() is None
    process.kill()
    process.communicate()
    return running


def assert_gone_on_with(database: Database, conn: Connection, server: PortalServer, case: str) -> int:
    """Finish what was killed; returns how many rows the portal gave twice."""
    deals = len(server.portal.ids("deal"))
    committed = scalar(conn, "SELECT count(*) FROM bitrix.deals") if exists(conn) else 0
    finish(start(database, server.webhook_url, "deal", "full", case))
    logs = conn.execute(
        "SELECT status, error, fetched, resumed FROM app.sync_logs WHERE run_id IN (%s, %s) ORDER BY id",
        (f"{case} killed", case),
    ).fetchall()
    assert logs[-1][0] == "succeeded"
    for status, error, fetched, _ in logs[:-1]:
        assert (status, error, fetched) == ("failed", DEAD, committed)
    assert logs[-1][2] == deals - committed  # what was committed is not fetched again
    assert logs[-1][3] is (committed > 0) or len(logs) == 2
    assert conn.execute("SELECT count(*) FROM app.full_syncs").fetchone() == (0,)
    same_rows(conn, server) if deals > 10_000 else exact(conn, server)
    return server.service.stats.records["crm.deal.list"] - deals


@pytest.mark.parametrize("moment", [(1, 0.0), (4, 0.1)])
def test_a_sync_that_is_killed_goes_on(
    database: Database, portal_server: PortalServer, moment: tuple[int, float]
) -> None:
    with database.connect("test", autocommit=True) as conn:
        assert kill_at(database, portal_server, *moment, "case killed")
        assert assert_gone_on_with(database, conn, portal_server, "case") <= BATCH


@pytest.mark.slow
def test_twenty_random_moments_of_fifty_thousand_rows(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    generator = random.Random(20)
    moments = 0
    with (
        PortalServer(Portal.generate(seed=9, deals=50_000), limits=False) as server,
        database.connect("test", autocommit=True) as conn,
    ):
        while moments < 20:
            case = f"moment {moments}"
            kill_at(database, server, generator.randint(1, 22), generator.random() * 0.2, f"{case} killed")
            if not ended(conn, f"{case} killed"):
                moments += 1
                committed = scalar(conn, "SELECT count(*) FROM bitrix.deals") if exists(conn) else 0
                twice = assert_gone_on_with(database, conn, server, case)
                with capsys.disabled():
                    print(f"\n{case}: killed after {committed} rows, {twice} fetched again", end="")
                assert twice <= BATCH
            if moments == 20:
                exact(conn, server)
            conn.execute("TRUNCATE bitrix.deals, app.sync_state, app.full_syncs, app.sync_logs")


def ended(conn: Connection, run_id: str) -> bool:
    """Whether a sync was quicker than whoever wanted to kill it."""
    query = "SELECT count(*) FROM app.sync_logs WHERE run_id = %s AND status = 'succeeded'"
    return bool(conn.execute(query, (run_id,)).fetchone() == (1,))


def test_killed_in_a_refresh_readers_see_every_row_all_the_time(
    database: Database, portal_server: PortalServer
) -> None:
    asyncio.run(sync(database, portal_server))
    deals = len(portal_server.portal.ids("deal"))
    seen: set[int] = set()
    over = threading.Event()

    def read() -> None:
        with database.connect("reader", autocommit=True) as conn:
            while not over.is_set():
                seen.add(scalar(conn, "SELECT count(*) FROM crm.deals"))
                time.sleep(0.005)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with database.connect("test", autocommit=True) as conn:
            kill_at(database, portal_server, 4, 0.05, "refresh killed")
            finish(start(database, portal_server.webhook_url, "deal", "full", "refresh"))
            exact(conn, portal_server)
    finally:
        over.set()
        reader.join()
    assert seen == {deals}


def test_a_field_that_came_meanwhile_is_read_for_all_rows(database: Database) -> None:
    with PortalServer(Portal.generate(seed=9, deals=4000), limits=False) as server, database.connect("test") as conn:
        server.limits.page_latency = 0.002
        conn.autocommit = True
        cut_off(database, server)
        assert 0 < scalar(conn, "SELECT count(*) FROM bitrix.deals") < 4000
        server.portal.add_field("deal", "UF_CRM_LATE", "string")
        first = server.portal.ids("deal")[0]
        server.portal.update("deal", first, {"UF_CRM_LATE": "late"}, touch=False)
        report = asyncio.run(sync(database, server))
        assert (report.resumed, report.counts.fetched) == (False, len(server.portal.ids("deal")))
        exact(conn, server)


def test_what_changed_while_nothing_ran_is_read_by_the_next_window(database: Database) -> None:
    """The watermark of a sync that was gone on with is the moment when it first began."""
    with PortalServer(Portal.generate(seed=9, deals=4000), limits=False) as server, database.connect("test") as conn:
        conn.autocommit = True
        server.limits.page_latency = 0.002
        began = server.portal.now()
        cut_off(database, server)
        server.portal.clock.advance(7200)
        server.portal.random_changes(200, seed=4)
        report = asyncio.run(sync(database, server))
        assert report.resumed
        assert report.state.watermark is not None
        assert abs(report.state.watermark.timestamp() - began) < 60
        asyncio.run(sync(database, server, "incremental"))
        exact(conn, server)


def test_an_old_unfinished_sync_is_not_gone_on_with(database: Database) -> None:
    with PortalServer(Portal.generate(seed=9, deals=4000), limits=False) as server, database.connect("test") as conn:
        conn.autocommit = True
        server.limits.page_latency = 0.002
        cut_off(database, server)
        conn.execute("UPDATE app.full_syncs SET begun_at = now() - interval '2 days'")
        assert not asyncio.run(sync(database, server)).resumed


def test_a_connection_that_breaks_is_made_again(database: Database, portal_server: PortalServer) -> None:
    with database.connect("test", autocommit=True) as conn:
        cutter = threading.Thread(target=cut_connection, args=(database, 2000))
        cutter.start()
        report = asyncio.run(sync(database, portal_server))
        cutter.join()
        assert report.resumed
        logs = conn.execute("SELECT status FROM app.sync_logs ORDER BY id").fetchall()
        assert logs == [("failed",), ("succeeded",)]
        exact(conn, portal_server)


def test_a_database_that_stays_away_is_an_error_with_advice(
    database: Database, portal_server: PortalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.entity_sync.AWAY_SECONDS", 0)
    over = threading.Event()

    def cut_always() -> None:
        while not over.is_set():
            cut_connections(database)
            time.sleep(0.1)

    cutter = threading.Thread(target=cut_always)
    cutter.start()
    try:
        with pytest.raises(DatabaseUnreachable, match=r"broke off the sync of deal 3 times.*goes on from there"):
            asyncio.run(sync(database, portal_server))
    finally:
        over.set()
        cutter.join()


def test_logs_of_killed_syncs_are_closed_by_whoever_looks(database: Database, portal_server: PortalServer) -> None:
    with database.connect("test", autocommit=True) as conn:
        assert kill_at(database, portal_server, 3, 0, "killed")
        process = start(database, portal_server.webhook_url, "contact", "full", "alive")
        while not conn.execute("SELECT FROM app.sync_logs WHERE entity = 'contact'").fetchall():
            time.sleep(0.01)
        [(error,)] = conn.execute("SELECT error FROM app.sync_logs WHERE entity = 'deal'").fetchall()
        assert error == DEAD  # the next sync closed it, of whichever entity
        assert close_dead_logs(conn) == []  # the one that runs is left alone
        process.kill()
        process.communicate()
        while not close_dead_logs(conn):
            time.sleep(0.01)
        finish(start(database, portal_server.webhook_url, "contact", "full", "again"))
        logs = conn.execute("SELECT entity, status, error, finished_at > started_at FROM app.sync_logs ORDER BY id")
        ended = [("contact", "failed", DEAD, True), ("contact", "succeeded", None, True)]
        assert logs.fetchall() == [("deal", "failed", DEAD, True), *ended]


def cut_off(database: Database, server: PortalServer) -> None:
    """A full sync that ends with an error after some rows were committed."""
    fault = server.faults.add(FaultKind.ERROR, method="crm.deal.list", code="ACCESS_DENIED", after=70, times=None)
    with pytest.raises(Exception, match="administrator"):
        asyncio.run(sync(database, server, concurrency=1, batch_size=20))
    assert fault
    server.faults.clear()


def cut_connection(database: Database, rows: int) -> None:
    """End the sync's connection once so many rows are committed."""
    with database.connect("cutter", autocommit=True) as conn:
        while not conn.execute("SELECT FROM app.sync_logs WHERE fetched >= %s", (rows,)).fetchall():
            time.sleep(0.002)
    cut_connections(database)


def cut_connections(database: Database) -> None:
    with database.connect("cutter", autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'b24 sync'")


def exists(conn: Connection) -> bool:
    return scalar(conn, "SELECT to_regclass('bitrix.deals') IS NOT NULL")


def scalar(conn: Connection, query: str) -> Any:
    row = conn.execute(query).fetchone()  # type: ignore[arg-type]
    return row[0] if row else None


def test_a_server_that_crashes_and_recovers_is_waited_for(tmp_path: Path, portal_server: PortalServer) -> None:
    """Crash recovery empties the unlogged tables of the portal's limits: they begin anew."""
    with embedded_server(tmp_path) as server:
        database = Database(server.url)
        upgrade(database)
        crasher = threading.Thread(target=crash_once, args=(database, tmp_path, 2000))
        crasher.start()
        report = asyncio.run(sync(database, portal_server))
        crasher.join()
        assert report.resumed
        with database.connect("test", autocommit=True) as conn:
            exact(conn, portal_server)
            assert [row[0] for row in conn.execute("SELECT status FROM app.sync_logs ORDER BY id")][-1] == "succeeded"


def crash_once(database: Database, home: Path, rows: int) -> None:
    """Kill -9 one of the server's own processes once so many rows are committed: all of it crashes and recovers."""
    with database.connect("crash", autocommit=True) as conn:
        while not conn.execute("SELECT FROM app.sync_logs WHERE fetched >= %s", (rows,)).fetchall():
            time.sleep(0.002)
    postmaster = int((home / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
    children = psutil.Process(postmaster).children()
    next(child for child in children if "checkpointer" in " ".join(child.cmdline())).kill()

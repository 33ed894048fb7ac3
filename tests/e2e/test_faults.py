"""Every fault that a portal, a proxy or a network produces, on whole syncs: no row lost, none invented."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import psycopg
import pytest

from bitrix.client import PortalClient
from bitrix.entities import entity_named
from bitrix.errors import AccessDeniedError, BitrixError, BlockedError
from bitrix.limits import LeakyBucket, OperatingBudget
from bitrix.webhook_url import WebhookUrl
from demo_portal.faults import FaultKind
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from orchestration.entity_sync import sync_entity
from orchestration.sync_report import SyncReport, SyncRequest, SyncType
from tests.e2e.conftest import fields_of
from tests.e2e.oracle import differences
from tests.e2e.test_portal_limits import PortalTime
from warehouse.database import Database

Connection = psycopg.Connection[Any]
DEAL = entity_named("deal")
DEALS = 250

PASSING = [
    FaultKind.RATE,
    FaultKind.OPERATING,
    FaultKind.ERROR,
    FaultKind.SERVER_ERROR_HTML,
    FaultKind.BAD_GATEWAY_HTML,
    FaultKind.GATEWAY_TIMEOUT_HTML,
    FaultKind.TOO_MANY_HTML,
    FaultKind.HTML_200,
    FaultKind.EMPTY,
    FaultKind.TRUNCATED,
    FaultKind.TRUNCATED_JSON,
    FaultKind.INVALID_UTF8,
    FaultKind.BOM,
    FaultKind.PHP_WARNING,
    FaultKind.RESET,
    FaultKind.HANG,
    FaultKind.REDIRECT,
    FaultKind.WRONG_TOTAL,
    FaultKind.NO_TOTAL,
    FaultKind.SHORT_PAGE,
    FaultKind.GAP,
    FaultKind.DUPLICATE,
]
LASTING = {FaultKind.OVERLOAD: BlockedError, FaultKind.FORBIDDEN_HTML: AccessDeniedError}
OFTEN = {FaultKind.RATE, FaultKind.OPERATING, FaultKind.BAD_GATEWAY_HTML, FaultKind.TRUNCATED_JSON, FaultKind.NO_TOTAL}
MISSING_ROWS = {FaultKind.SHORT_PAGE, FaultKind.GAP, FaultKind.DUPLICATE}


def test_every_kind_of_fault_is_here() -> None:
    assert set(PASSING) | set(LASTING) == set(FaultKind)


@pytest.fixture
def server() -> Any:
    with PortalServer(Portal.generate(seed=6, deals=DEALS), limits=False) as running:
        yield running


async def quickly(seconds: float) -> None:
    """Waiting for a fault to pass takes no time here."""


async def sync(database: Database, server: PortalServer, sync_type: SyncType = "full", **options: Any) -> SyncReport:
    passing = PortalTime(server.portal)
    unlimited = LeakyBucket(capacity=100_000, leak=1000)
    async with PortalClient(
        WebhookUrl.parse(server.webhook_url),
        budget=OperatingBudget(clock=passing, sleep=passing.sleep),
        **{"bucket": unlimited, "sleep": quickly, "timeout": 1.0, "batch_size": 4, **options},
    ) as client:
        return await sync_entity(client, lambda: database.connect("sync"), SyncRequest(DEAL, sync_type))


def assert_exact(database: Database, server: PortalServer) -> None:
    with database.connect("test", autocommit=True) as conn:
        found = differences(conn, "deal", "deals", fields_of(DEAL, server), server.portal.rows("deal"))
    assert not found, f"{len(found)} differences, the first: {found[:5]}"


def strike(server: PortalServer, kind: FaultKind, **options: Any) -> None:
    options = {"seconds": 1.5, **options} if kind is FaultKind.HANG else options
    server.faults.add(kind, **options)


@pytest.mark.parametrize("kind", PASSING)
async def test_a_full_sync_is_exact_in_spite_of(database: Database, server: PortalServer, kind: FaultKind) -> None:
    strike(server, kind, times=1)
    strike(server, kind, times=1, after=2)
    await sync(database, server)
    server.faults.clear()
    assert_exact(database, server)


@pytest.mark.parametrize(
    "kind",
    [
        kind if kind in OFTEN else pytest.param(kind, marks=pytest.mark.slow)
        for kind in PASSING
        if kind not in MISSING_ROWS
    ],
)
async def test_an_incremental_sync_is_exact_in_spite_of(
    database: Database, server: PortalServer, kind: FaultKind
) -> None:
    await sync(database, server)
    server.portal.random_changes(60, seed=2)
    strike(server, kind, times=2, after=1)
    await sync(database, server, "incremental")
    server.faults.clear()
    assert_exact(database, server)


@pytest.mark.parametrize("kind", sorted(MISSING_ROWS))
async def test_rows_left_out_of_an_incremental_sync_are_added_by_the_comparison(
    database: Database, server: PortalServer, kind: FaultKind
) -> None:
    """An added or deleted row is found by counting; an edit that was left out is read by the next full sync."""
    await sync(database, server)
    for number in range(70):
        server.portal.add("deal", {"TITLE": f"new {number}"})
    strike(server, kind, times=2, method="crm.deal.list")
    await sync(database, server, "incremental")
    server.faults.clear()
    await sync(database, server, "incremental")
    assert_exact(database, server)


@pytest.mark.parametrize("kind", sorted(LASTING))
async def test_what_lasts_ends_the_sync_and_spoils_nothing(
    database: Database, server: PortalServer, kind: FaultKind
) -> None:
    await sync(database, server)
    server.portal.random_changes(40, seed=2)
    strike(server, kind, times=None, after=1)
    for sync_type in ("full", "incremental"):
        with pytest.raises(LASTING[kind]):
            await sync(database, server, sync_type)
    with database.connect("test", autocommit=True) as conn:
        logs = conn.execute("SELECT status, error IS NULL FROM app.sync_logs ORDER BY id").fetchall()
        assert logs == [("succeeded", True), ("failed", False), ("failed", False)]
        live = conn.execute("SELECT count(*) FROM crm.deals").fetchone()
        assert live == (DEALS,)
    server.faults.clear()
    await sync(database, server, "incremental")
    assert_exact(database, server)


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR_HTML, FaultKind.TRUNCATED_JSON, FaultKind.RESET])
async def test_a_fault_that_never_passes_is_an_error_and_is_logged(
    database: Database, server: PortalServer, kind: FaultKind
) -> None:
    strike(server, kind, times=None, after=1)
    with pytest.raises(BitrixError):
        await sync(database, server)
    with database.connect("test", autocommit=True) as conn:
        [(status, error, retries)] = conn.execute("SELECT status, error, retries FROM app.sync_logs").fetchall()
    assert (status, retries > 0) == ("failed", True)
    assert server.portal.secret not in error


async def test_rows_that_change_while_they_are_walked(database: Database, server: PortalServer) -> None:
    """Adds, edits and deletions all the time; the next incremental sync brings what came too late for the walk."""
    over = threading.Event()

    def work() -> None:
        generator = random.Random(1)
        while not over.wait(0.01):
            server.portal.random_changes(2, seed=generator.randrange(1 << 30))

    server.limits.page_latency = 0.01
    worker = threading.Thread(target=work)
    worker.start()
    try:
        await sync(database, server, timeout=30.0)
        await sync(database, server, "incremental", timeout=30.0)
    finally:
        over.set()
        worker.join()
    await sync(database, server, "incremental")
    assert_exact(database, server)


@pytest.mark.parametrize("hours", [-30, 30])
async def test_the_portals_clock_is_not_ours(database: Database, server: PortalServer, hours: int) -> None:
    server.portal.clock.advance(hours * 3600)
    await sync(database, server)
    server.portal.random_changes(30, seed=2)
    await sync(database, server, "incremental")
    assert_exact(database, server)


@pytest.mark.parametrize("minutes", [-600, -20, 600])
async def test_the_portals_clock_is_set(database: Database, server: PortalServer, minutes: int) -> None:
    """Set back, its times of change are older than the watermark until it has caught up."""
    await sync(database, server)
    await sync(database, server, "incremental")
    server.portal.clock.advance(minutes * 60)
    for seed in range(3):
        server.portal.random_changes(20, seed=seed)
        await sync(database, server, "incremental")
        assert_exact(database, server)


@pytest.mark.slow
async def test_a_hundred_thousand_rows_while_five_a_second_change(database: Database) -> None:
    over, changes = threading.Event(), 0

    def work(server: PortalServer) -> None:
        nonlocal changes
        while not over.wait(0.2):
            server.portal.random_changes(1, seed=changes)
            entity = "deal"
            visible = server.portal.ids(entity)
            server.portal.delete(entity, visible[len(visible) // 2 + changes])
            server.portal.update(entity, visible[changes * 37 % len(visible)], {"TITLE": f"edit {changes}"})
            changes += 1

    with PortalServer(Portal.generate(seed=6, deals=100_000), limits=True) as server:
        server.limits.page_latency = 0.02
        options: dict[str, Any] = {"bucket": LeakyBucket(), "sleep": asyncio.sleep, "timeout": 75.0, "batch_size": 50}
        worker = threading.Thread(target=work, args=(server,))
        worker.start()
        try:
            await sync(database, server, **options)
        finally:
            over.set()
            worker.join()
        await sync(database, server, "incremental", **options)
        assert changes > 20
        assert_exact(database, server)

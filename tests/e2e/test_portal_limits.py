"""Syncs within the portal's limits: pauses of a method, others that use the portal too, several entities at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import psycopg

from bitrix.client import PortalClient
from bitrix.entities import entity_named
from bitrix.limits import OperatingBudget
from bitrix.webhook_url import WebhookUrl
from demo_portal.limits import LimitSettings
from demo_portal.portal import CRM, Portal
from demo_portal.server import PortalServer
from orchestration.entity_sync import sync_entity
from orchestration.sync_report import SyncReport, SyncRequest
from tests.e2e.conftest import fields_of
from tests.e2e.oracle import differences
from warehouse.database import Database
from warehouse.portal_limits import Rate, shared_limits

Connection = psycopg.Connection[Any]


class PortalTime:
    """Time that passes for client and portal together, when somebody waits."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.slept = 0.0

    def __call__(self) -> float:
        return self.portal.clock.time()

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.portal.clock.advance(seconds)
        await asyncio.sleep(0)


async def full_sync(
    database: Database, server: PortalServer, entity: str, rate: Rate, time: PortalTime | None = None
) -> SyncReport:
    url = WebhookUrl.parse(server.webhook_url)
    async with shared_limits(database, url.origin, rate) as limits:
        budget = OperatingBudget(store=limits)
        if time is not None:
            budget = OperatingBudget(limit=1e9, store=limits, clock=time, sleep=time.sleep)
        async with PortalClient(url, bucket=limits, budget=budget) as client:
            request = SyncRequest(entity_named(entity), "full")
            return await sync_entity(client, lambda: database.connect("sync"), request)


def assert_exact(database: Database, server: PortalServer) -> None:
    found: list[str] = []
    with database.connect("test", autocommit=True) as conn:
        for entity in map(entity_named, CRM):
            rows = server.portal.rows(entity.name)
            found += differences(conn, entity.name, entity.table, fields_of(entity, server), rows)
    assert not found, f"{len(found)} differences, the first: {found[:5]}"


async def test_every_entity_completes_across_the_pauses_of_its_method(database: Database) -> None:
    """The operating budget binds: some fifteen pages of a method in ten minutes, then it rests."""
    limits = LimitSettings(operating_limit=0.3, page_cost=0.02, bucket_size=100_000, leak_per_second=1000)
    with PortalServer(Portal.generate(seed=3, deals=1500), limits=limits) as server:
        time = PortalTime(server.portal)
        rate = Rate(100_000, 1000)
        await asyncio.gather(*(full_sync(database, server, entity, rate, time) for entity in CRM))
        assert server.stats.refused_by_operating_time > 0
        assert time.slept > 600
        assert_exact(database, server)


async def test_four_entities_at_once_overflow_nothing(database: Database) -> None:
    limits = LimitSettings(bucket_size=12, leak_per_second=20)
    with PortalServer(Portal.generate(seed=3, deals=3000), limits=limits) as server:
        await asyncio.gather(*(full_sync(database, server, entity, Rate(12, 20)) for entity in CRM))
        assert server.requests > 12
        assert server.stats.refused_by_rate == 0
        assert_exact(database, server)


async def test_another_program_eats_the_same_bucket(database: Database) -> None:
    """We are polite, they are not: refused requests are asked again, and the bucket takes less for itself."""
    limits = LimitSettings(bucket_size=12, leak_per_second=20)
    over = threading.Event()

    with PortalServer(Portal.generate(seed=3, deals=3000), limits=limits) as server:
        for _ in range(12):
            server.service.bucket.admit()

        def eat() -> None:
            while not over.wait(0.08):
                server.service.bucket.admit()

        eater = threading.Thread(target=eat)
        eater.start()
        try:
            reports = await asyncio.gather(*(full_sync(database, server, entity, Rate(12, 20)) for entity in CRM))
        finally:
            over.set()
            eater.join()
        assert sum(report.retries for report in reports) > 0
        assert_exact(database, server)
    with database.connect("test", autocommit=True) as conn:
        [(share, refusals)] = conn.execute("SELECT share, refusals FROM app.portal_rate").fetchall()
        logged = conn.execute("SELECT sum(retries) FROM app.sync_logs").fetchone()
    assert refusals > 0
    assert share < 1
    assert logged == (sum(report.retries for report in reports),)


async def test_a_method_that_rests_rests_for_the_next_sync_too(database: Database) -> None:
    """A sync that starts while its method rests knows it from the one before, and sends nothing in vain."""
    limits = LimitSettings(operating_limit=1000, bucket_size=100_000, leak_per_second=1000)
    with PortalServer(Portal.generate(seed=3, deals=100), limits=limits) as server:
        time = PortalTime(server.portal)
        rate = Rate(100_000, 1000)
        await full_sync(database, server, "deal", rate, time)
        with database.connect("test", autocommit=True) as conn:
            [(used,)] = conn.execute("SELECT used FROM app.portal_methods WHERE method = 'crm.deal.list'").fetchall()
            assert used > 0
            conn.execute(
                "UPDATE app.portal_methods SET rest_until = to_timestamp(%s) WHERE method = 'crm.deal.list'",
                (time() + 100,),
            )
        await full_sync(database, server, "company", rate, time)
        assert time.slept == 0
        await full_sync(database, server, "deal", rate, time)
        assert 99 <= time.slept <= 101

"""One bucket for a portal, whichever processes take from it; what one learns of a method, all know."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from typing import Any

import psycopg
import pytest

from bitrix.errors import OperatingLimitError
from bitrix.limits import MethodUse, OperatingBudget
from warehouse.database import Database
from warehouse.portal_limits import LEAST_SHARE, Rate, shared_limits

PORTAL = "https://example.bitrix24.ru"


async def take(database: Database, rate: Rate, number: int, *, urgent: bool = False) -> list[float]:
    """Moments, on the system's clock, at which so many requests may be sent."""
    moments = []
    async with shared_limits(database, PORTAL, rate, urgent=urgent) as limits:
        waited = 0.0
        for _ in range(number):
            waited += await limits.acquire()
            moments.append(time.time())
    assert waited <= moments[-1] - moments[0] + 0.5
    assert number < rate.capacity or waited > 0
    return moments


def take_in_process(url: str, rate: Rate, number: int, moments: Any) -> None:
    moments.extend(asyncio.run(take(Database(url), rate, number)))


def highest_level(moments: list[float], rate: Rate) -> float:
    """What the portal's own bucket rises to when requests reach it at these moments."""
    level, at, highest = 0.0, 0.0, 0.0
    for moment in sorted(moments):
        level = max(0.0, level - (moment - at) * rate.leak) + 1
        at, highest = moment, max(highest, level)
    return highest


async def test_a_burst_is_free_and_then_the_rate_holds(database: Database) -> None:
    rate = Rate(capacity=13, leak=20)
    begun = time.monotonic()
    moments = await take(database, rate, 30)
    seconds = time.monotonic() - begun
    assert moments[9] - moments[0] < 0.5  # ten at once: three are kept for urgent work and the margin
    assert seconds >= (30 - 10) / 20 - 0.6
    assert highest_level(moments, rate) <= 13


def test_processes_take_from_one_bucket(database: Database) -> None:
    rate = Rate(capacity=13, leak=20)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        moments = manager.list()
        processes = [context.Process(target=take_in_process, args=(database.url, rate, 15, moments)) for _ in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        taken = list(moments)
    assert len(taken) == 45
    assert highest_level(taken, rate) <= 13
    with database.connect() as conn:
        assert conn.execute("SELECT requests, refusals FROM app.portal_rate").fetchall() == [(45, 0)]


async def test_urgent_work_goes_before_a_full_sync(database: Database) -> None:
    rate = Rate(capacity=13, leak=4)
    await take(database, rate, 10)
    bulk = [asyncio.create_task(take(database, rate, 4)) for _ in range(3)]
    await asyncio.sleep(0.1)
    begun = time.monotonic()
    await take(database, rate, 2, urgent=True)
    assert time.monotonic() - begun < 0.8  # its turn, not that of the twelve that wait
    assert sum(task.done() for task in bulk) == 0
    for task in bulk:
        task.cancel()
    await asyncio.gather(*bulk, return_exceptions=True)


async def test_refusals_teach_the_bucket_and_are_forgotten(database: Database) -> None:
    rate = Rate(capacity=13, leak=20)
    async with shared_limits(database, PORTAL, rate) as limits:
        await limits.acquire()
        await limits.penalize()
        await limits.penalize()  # the same refusal, of requests in flight together
        assert read(database, "SELECT share, refusals FROM app.portal_rate") == (pytest.approx(0.7, abs=0.01), 2)
        begun = time.monotonic()
        await limits.acquire()
        assert time.monotonic() - begun >= 4 / (20 * 0.75) - 0.05  # it is full, and drains more slowly for us
        for _ in range(12):
            write(database, "UPDATE app.portal_rate SET refused_at = refused_at - interval '3 s'")
            await limits.penalize()
        assert read(database, "SELECT share FROM app.portal_rate") == (LEAST_SHARE,)
        write(database, "UPDATE app.portal_rate SET refused_at = now() - interval '10 minutes', level = 0")
        begun = time.monotonic()
        for _ in range(14):
            await limits.acquire()
        assert time.monotonic() - begun < 1


async def test_portals_have_buckets_of_their_own(database: Database) -> None:
    rate = Rate(capacity=10, leak=1)
    await take(database, rate, 7)
    async with shared_limits(database, "https://other.bitrix24.ru", rate) as limits:
        assert await limits.acquire() == 0


async def test_without_the_database_requests_go_one_by_one(database: Database) -> None:
    away = Database("postgresql://nobody:secret@127.0.0.1:1/nothing")
    async with shared_limits(away, PORTAL, Rate(capacity=50, leak=20)) as limits:
        begun = time.monotonic()
        for _ in range(5):
            await limits.acquire()
        assert 0.35 < time.monotonic() - begun < 2
        await limits.penalize()
        await limits.exchange({"crm.deal.list": MethodUse(used=7)})


async def test_a_database_that_comes_back_is_used_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.portal_limits.AWAY_SECONDS", 0.1)
    async with shared_limits(database, PORTAL, Rate(capacity=50, leak=20)) as limits:
        await limits.acquire()
        write(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'b24 limits'")
        await limits.acquire()
        await asyncio.sleep(0.2)
        await limits.acquire()
    assert read(database, "SELECT requests FROM app.portal_rate") == (2,)


async def test_what_one_learns_of_a_method_all_know(database: Database) -> None:
    async with (
        shared_limits(database, PORTAL, Rate(50, 2)) as one,
        shared_limits(database, PORTAL, Rate(50, 2)) as two,
    ):
        first, second = OperatingBudget(store=one), OperatingBudget(store=two, longest_rest=5)
        await first.ready(["crm.deal.list"])
        first.rest("crm.deal.list", time.time() + 100)
        await first.share()
        assert await second.ready(["crm.lead.list"]) == 0
        with pytest.raises(OperatingLimitError, match="rests for"):
            await second.ready(["crm.deal.list"])
        assert second.resting_until("crm.deal.list") == pytest.approx(time.time() + 100, abs=2)


async def test_the_newest_report_of_a_method_stands(database: Database) -> None:
    now = time.time()
    async with shared_limits(database, PORTAL, Rate(50, 2)) as limits:
        await limits.exchange({"m": MethodUse(used=400, at=now, reset_at=now + 60, cost=3, next_send=now + 5)})
        older = MethodUse(used=100, at=now - 30, cost=1, next_send=now + 2)
        await limits.exchange({"m": older})
        assert (older.used, older.cost) == (400, 3)
        assert older.reset_at == pytest.approx(now + 60)
        assert older.next_send == pytest.approx(now + 5)


async def test_what_it_costs(database: Database) -> None:
    """A few hundredths of a second for fifty requests: they bring 125,000 rows."""
    async with shared_limits(database, PORTAL, Rate(1000, 100)) as limits:
        await limits.acquire()
        written = []
        begun = time.monotonic()
        for _ in range(5):
            before = read(database, "SELECT pg_current_wal_insert_lsn()")
            for _ in range(10):
                await limits.acquire()
            written += read(database, f"SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '{before[0]}')")
        assert time.monotonic() - begun < 2
        # The table itself is not logged. Whatever else the server writes meanwhile is in these figures, too.
        assert min(written) < 4_000


def read(database: Database, query: str) -> tuple[Any, ...]:
    with database.connect("test", autocommit=True) as conn:
        row: tuple[Any, ...] | None = conn.execute(query).fetchone()  # type: ignore[arg-type]
        assert row
        return row


def write(database: Database, query: str) -> None:
    with psycopg.connect(database.url, autocommit=True) as conn:
        conn.execute(query)  # type: ignore[arg-type]

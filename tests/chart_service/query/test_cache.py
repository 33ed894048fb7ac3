"""Results are computed once for the same data, however many ask, and never outlive their data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest

from chart_service.app import create_app
from chart_service.query import DataVersions, ResultCache
from chart_service.query.flights import Flights
from chart_service.query.moments import moment
from tests.webhook_api.conftest import serving
from warehouse.database import Database
from warehouse.settings import Settings
from webhook_api.pool import connection_pool


class Counted:
    """A computation that counts how often it is done, and waits until it is let go."""

    def __init__(self) -> None:
        self.times = 0
        self.cancelled = 0
        self.go = asyncio.Event()

    async def __call__(self) -> str:
        self.times += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return f"value {self.times}"


async def test_who_asks_for_the_same_waits_for_the_same() -> None:
    flights: Flights[str, str] = Flights()
    compute = Counted()
    asking = [asyncio.create_task(flights.join("key", compute)) for _ in range(50)]
    other = asyncio.create_task(flights.join("another", compute))
    await asyncio.sleep(0.01)
    compute.go.set()
    assert {await task for task in asking} == {await other} == {"value 2"}
    assert compute.times == 2
    assert await flights.join("key", compute) == "value 3"


async def test_one_who_leaves_cancels_nothing_for_the_others() -> None:
    flights: Flights[str, str] = Flights()
    compute = Counted()
    first, second = (asyncio.create_task(flights.join("key", compute)) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.wait([first])
    compute.go.set()
    assert await second == "value 1"
    assert not compute.cancelled


async def test_the_last_who_leaves_cancels_it() -> None:
    flights: Flights[str, str] = Flights()
    compute = Counted()
    asking = [asyncio.create_task(flights.join("key", compute)) for _ in range(3)]
    await asyncio.sleep(0.01)
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
    assert (compute.times, compute.cancelled) == (1, 1)
    compute.go.set()
    assert await flights.join("key", compute) == "value 2"


async def test_an_error_is_everybodys_and_is_not_kept() -> None:
    cache: ResultCache[str] = ResultCache(len)
    times = 0

    async def fail() -> str:
        nonlocal times
        times += 1
        await asyncio.sleep(0.01)
        raise ValueError("no")

    results = await asyncio.gather(*(cache.get("key", fail) for _ in range(5)), return_exceptions=True)
    assert [type(result) for result in results] == [ValueError] * 5
    assert times == 1
    with pytest.raises(ValueError, match="no"):
        await cache.get("key", fail)
    assert times == 2


def given(value: str) -> Callable[[], Any]:
    async def compute() -> str:
        return value

    return compute


async def test_the_cache_keeps_what_was_used_last_within_its_bytes() -> None:
    cache: ResultCache[str] = ResultCache(len, limit=80)
    for key in range(8):
        assert await cache.get(key, given("x" * 10)) == ("x" * 10, False)
    assert await cache.get(0, given("new")) == ("x" * 10, True)
    await cache.get(8, given("y" * 10))  # the oldest, 1, has to go
    assert cache.peek(1) is None
    assert cache.peek(0) is not None
    assert cache.size == 80
    await cache.get("large", given("z" * 11))
    assert cache.peek("large") is None
    assert await cache.get(0, given("anew"), refresh=True) == ("anew", False)
    assert cache.peek(0) == "anew"
    assert cache.size == 74


@pytest.fixture
async def versions(warehouse: Database) -> AsyncIterator[DataVersions]:
    async with connection_pool(warehouse) as pool:
        yield DataVersions(pool)


async def test_versions_grow_with_what_a_view_reads(versions: DataVersions, owner: psycopg.Connection[Any]) -> None:
    before = await versions.now()
    assert {"deals", "users", "statuses", "deal_stage_history"} <= before.schema.behind["deals"]
    assert "title" in before.schema.types["deals"]
    assert before.as_of(["deals", "leads"]) is not None
    owner.execute("UPDATE app.sync_state SET data_version = data_version + 1 WHERE entity = 'user'")
    assert await versions.now() is before  # for a second
    after = await versions.now(fresh=True)
    assert after.of(["deals"]) != before.of(["deals"])  # names of employees are beside its codes
    assert after.of_tables(["deals"]) == before.of_tables(["deals"])
    assert after.of(["currencies"]) == before.of(["currencies"])
    assert after.schema is before.schema
    owner.execute("UPDATE app.views SET definition_hash = 'changed' WHERE name = 'leads'")
    assert (await versions.now(fresh=True)).of_tables(["deals"]) != before.of_tables(["deals"])


async def test_what_an_unfinished_or_failed_sync_committed_is_a_new_version(
    versions: DataVersions, owner: psycopg.Connection[Any]
) -> None:
    seen = [(await versions.now()).of_tables(["deals"])]
    row = owner.execute(
        "INSERT INTO app.sync_logs (entity, sync_type, status) VALUES ('deal', 'full', 'running') RETURNING id"
    ).fetchone()
    assert row is not None
    assert (await versions.now(fresh=True)).of_tables(["deals"]) == seen[0]  # nothing is committed yet
    for change in ("inserted = 10000", "updated = 5", "status = 'failed'"):
        owner.execute(f"UPDATE app.sync_logs SET {change} WHERE id = {row[0]}".encode())
        seen.append((await versions.now(fresh=True)).of_tables(["deals"]))
    assert len(set(seen[:3])) == 3
    assert seen[3] == seen[2]
    # The next one succeeds and finds nothing to change: what the failed one wrote is there to stay.
    owner.execute("INSERT INTO app.sync_logs (entity, sync_type, status) VALUES ('deal', 'full', 'succeeded')")
    assert (await versions.now(fresh=True)).of_tables(["deals"]) == seen[3]


async def test_as_of_is_the_oldest_and_unknown_where_one_was_never_synced(
    versions: DataVersions, owner: psycopg.Connection[Any]
) -> None:
    owner.execute("UPDATE app.sync_state SET last_sync_at = '2026-01-01 00:00+00' WHERE entity = 'lead'")
    owner.execute("DELETE FROM app.sync_state WHERE entity = 'company'")
    now = await versions.now()
    oldest = now.as_of(["deals", "leads"])
    assert oldest is not None
    assert oldest.year == 2026
    assert oldest.month == 1
    assert now.as_of(["deals", "companies"]) is None


ZONE = ZoneInfo("Europe/Moscow")
EVENING = datetime(2026, 2, 1, 23, 58, tzinfo=ZONE).timestamp()


@pytest.mark.parametrize(
    ("sql", "minutes"),
    [
        ("SELECT * FROM crm.deals", 60),  # days in a stage are among them
        ("SELECT id, d.* FROM crm.deals AS d", 60),
        ("SELECT count(*), sum(opportunity * 2) FROM crm.deals", 10**6),
        ("SELECT count(id) FROM crm.deals", 10**6),
        ("SELECT avg(days_in_stage) FROM crm.deals", 60),
        ("SELECT id FROM crm.deals WHERE closedate > current_date", 24 * 60),
        ("SELECT id FROM crm.deals WHERE date_create >= date_trunc('month', now())", 24 * 60),
        ("SELECT id FROM crm.deals WHERE date_create > now() - interval '7 days'", 5),
        ("SELECT id FROM crm.deals WHERE date_create > CURRENT_TIMESTAMP", 5),
        ("SELECT age(date_create) FROM crm.deals", 24 * 60),
    ],
)
def test_how_long_a_statement_stays_the_same(sql: str, minutes: int) -> None:
    start = datetime(2026, 2, 1, tzinfo=ZONE).timestamp()
    assert moment(sql, ZONE, at=start) == moment(sql, ZONE, at=start + 60 * (minutes - 1))
    if minutes < 10**6:
        assert moment(sql, ZONE, at=start) != moment(sql, ZONE, at=start + 60 * minutes)


VIEWERS, CHARTS = 50, 10


def test_fifty_viewers_of_ten_charts_cause_ten_executions(warehouse: Database, charts_settings: Settings) -> None:
    app = create_app(charts_settings, warehouse)
    with ExitStack() as stack:
        url = stack.enter_context(serving(app))
        http = stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False))
        runner = app.state.services.charts.statements.runner
        ids = [
            http.post(
                "/api/v1/charts",
                json={
                    "title": f"Проба {number}",
                    "sql": f"SELECT stage_name, count(id) AS n FROM deals WHERE id > {number} GROUP BY 1 ORDER BY 2",
                    "template": {"format": "bar", "traces": [{"type": "bar", "x": "stage_name", "y": "n"}]},
                },
            ).json()["id"]
            for number in range(CHARTS)
        ]
        assert runner.executions == 0

        def view(viewer: int) -> list[int]:
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as own:
                answers = [own.get(f"/api/v1/charts/{ids[(viewer + at) % CHARTS]}/data") for at in range(CHARTS)]
            assert {answer.status_code for answer in answers} == {200}
            return [answer.json()["row_count"] for answer in answers]

        with ThreadPoolExecutor(VIEWERS) as pool:
            seen = list(pool.map(view, range(VIEWERS)))
        assert len(seen) == VIEWERS
        assert runner.executions == CHARTS

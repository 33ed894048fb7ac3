"""The client and the simulated portal together: credentials, redirects, slow answers, odd values."""

from __future__ import annotations

import pytest

from bitrix import BY_NAME, OperatingBudget
from bitrix.errors import AnswerTimeoutError, AuthError, MethodNotFoundError
from bitrix.walk import walk
from demo_portal.faults import FaultKind
from demo_portal.limits import LimitSettings
from demo_portal.server import PortalServer
from tests.bitrix.conftest import Connect, FakeTime
from tests.bitrix.portals import portal_with

DEAL = BY_NAME["deal"]


async def test_a_wrong_secret(connect: Connect) -> None:
    with PortalServer(portal_with([1])) as server:
        wrong = server.webhook_url.rstrip("/")[:-1] + "_/"
        async with connect(wrong) as client:
            with pytest.raises(AuthError, match="Check the webhook URL") as caught:
                _ = [part async for part in walk(client, DEAL)]
            assert client.requests == 1
    assert wrong.split("/")[-2] not in str(caught.value)


async def test_an_unknown_method(connect: Connect) -> None:
    with PortalServer(portal_with([1])) as server:
        async with connect(server.webhook_url) as client:
            with pytest.raises(MethodNotFoundError):
                await client.call("crm.nothing.list")


async def test_a_portal_that_moves_during_a_walk(connect: Connect) -> None:
    portal = portal_with(range(1, 3001))
    portal.faults.add(FaultKind.REDIRECT, times=1, after=1)
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            rows = [row async for part in walk(client, DEAL) for row in part.rows]
            assert client.url.prefix == "/moved"
        assert server.requests == 1 + 2 + 1
    assert len(rows) == 3000


async def test_a_portal_that_hangs(connect: Connect) -> None:
    portal = portal_with([1])
    portal.faults.add(FaultKind.HANG, times=2, seconds=0.5)
    with PortalServer(portal) as server:
        async with connect(server.webhook_url, timeout=0.1) as client:
            with pytest.raises(AnswerTimeoutError):
                await client.call("profile")


async def test_odd_values_arrive_as_they_are(connect: Connect) -> None:
    portal = portal_with(range(1, 11))
    odd = portal.add_nasty("deal")
    want = {int(row["ID"]): row for row in portal.rows("deal")}
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            rows = {int(row["ID"]): row async for part in walk(client, DEAL) for row in part.rows}
    assert set(rows) == set(want)
    text = str([rows[number] for number in odd])
    assert "\\x00" in text
    assert "\\ud83d" in text  # a lone surrogate


async def test_near_the_operating_limit_a_walk_slows_down_and_is_never_refused(
    connect: Connect, time: FakeTime
) -> None:
    portal = portal_with(range(1, 9501))
    with PortalServer(portal, limits=LimitSettings(operating_limit=4.0, page_cost=0.02)) as server:
        time.now = portal.clock.time()

        async def sleep(seconds: float) -> None:
            time.slept.append(seconds)
            time.now += seconds
            portal.clock.advance(seconds)

        budget = OperatingBudget(limit=4.0, clock=portal.clock.time, sleep=sleep)
        async with connect(server.webhook_url, budget=budget, concurrency=1, batch_size=10) as client:
            found = [row async for part in walk(client, DEAL, in_flight=1) for row in part.rows]
        assert server.stats.refused_by_operating_time == 0
    assert len(found) == 9500
    assert 10 < sum(time.slept) < 600

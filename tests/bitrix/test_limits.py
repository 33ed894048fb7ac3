import asyncio

import pytest

from bitrix import LeakyBucket, OperatingBudget
from bitrix.errors import LongRestError
from tests.bitrix.conftest import FakeTime


def bucket(time: FakeTime) -> LeakyBucket:
    return LeakyBucket(capacity=50, leak=2, margin=5, clock=time, sleep=time.sleep)


async def test_a_burst_of_45_is_free_then_two_a_second(time: FakeTime) -> None:
    limit = bucket(time)
    assert [await limit.acquire() for _ in range(45)] == [0] * 45
    assert [await limit.acquire() for _ in range(4)] == [0.5] * 4
    time.now += 10
    assert [await limit.acquire() for _ in range(20)] == [0] * 20


async def test_a_portal_that_counts_the_same_never_overflows(time: FakeTime) -> None:
    limit = bucket(time)
    level, at, highest = 0.0, time.now, 0.0
    for _ in range(300):
        await limit.acquire()
        level = max(0.0, level - (time.now - at) * 2) + 1
        at, highest = time.now, max(highest, level)
    assert highest <= 46


async def test_waiters_are_served_in_order_and_count_before_they_are_sent() -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    limit = LeakyBucket(capacity=10, leak=2, margin=5, clock=lambda: 0.0, sleep=note)
    await asyncio.gather(*(limit.acquire() for _ in range(8)))
    assert waits == [0.5, 1.0, 1.5]


async def test_a_cancelled_waiter_gives_its_place_back() -> None:
    limit = LeakyBucket(capacity=2, leak=1, margin=1, clock=lambda: 0.0)
    await limit.acquire()
    waiting = asyncio.create_task(limit.acquire())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    again = asyncio.create_task(limit.acquire())
    await asyncio.sleep(0)
    assert limit._level == 2  # one sent, one waiting
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


async def test_a_penalty_fills_the_bucket(time: FakeTime) -> None:
    limit = bucket(time)
    await limit.penalize()
    assert await limit.acquire() == 3.0


def test_a_bucket_without_room_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="room"):
        LeakyBucket(capacity=5, margin=5)


def budget(time: FakeTime) -> OperatingBudget:
    return OperatingBudget(limit=480, window=600, clock=time, sleep=time.sleep)


async def test_below_four_fifths_nothing_waits(time: FakeTime) -> None:
    limit = budget(time)
    limit.observe("crm.deal.list", 383, time.now + 600, 10)
    assert await limit.ready(["crm.deal.list"]) == 0
    assert await limit.ready(["crm.deal.list"]) == 0


async def test_above_it_requests_are_spread_for_that_method_alone(time: FakeTime) -> None:
    limit = budget(time)
    limit.observe("crm.deal.list", 432, time.now + 600, 2)
    assert await limit.ready(["crm.deal.list"]) == 0
    assert await limit.ready(["crm.deal.list"]) == pytest.approx(2.5)  # what the portal forgives in that time
    limit.observe("crm.deal.list", 479, time.now + 600, 2)
    limit.observe("crm.deal.list", 479, time.now + 600, 2)
    await limit.ready(["crm.deal.list"])
    assert await limit.ready(["crm.deal.list"]) > 4.5
    assert await limit.ready(["crm.lead.list"]) == 0


async def test_it_forgets_when_the_window_has_passed(time: FakeTime) -> None:
    limit = budget(time)
    limit.observe("crm.deal.list", 470, time.now + 60, 10)
    time.now += 61
    assert await limit.ready(["crm.deal.list"]) == 0
    assert await limit.ready(["crm.deal.list"]) == 0


async def test_a_method_at_its_limit_rests_until_its_reset_and_others_go_on(time: FakeTime) -> None:
    limit = budget(time)
    limit.observe("crm.deal.list", 480, time.now + 240, 1)
    assert limit.rest("crm.deal.list") == time.now + 240
    assert await limit.ready(["crm.lead.list"]) == 0
    assert await limit.ready(["crm.deal.list"]) == 240
    assert await limit.ready(["crm.deal.list"]) == 0


async def test_without_a_known_reset_it_rests_a_minute(time: FakeTime) -> None:
    limit = budget(time)
    limit.rest("crm.deal.list")
    assert await limit.ready(["crm.deal.list"]) == 60
    limit.rest("crm.deal.list", time.now + 1e9)  # nonsense
    assert await limit.ready(["crm.deal.list"]) == 60


async def test_the_rest_is_bounded(time: FakeTime) -> None:
    limit = OperatingBudget(longest_rest=100, clock=time, sleep=time.sleep)
    limit.rest("crm.deal.list", time.now + 90)
    limit.longest_rest = 50
    with pytest.raises(LongRestError, match="rests for 90 s more"):
        await limit.ready(["crm.deal.list"])


@pytest.mark.parametrize(("reset_in", "longest"), [(None, 600), (300.0, 300)])
async def test_a_dear_request_does_not_wait_for_longer_than_the_portal_remembers(
    time: FakeTime, reset_in: float | None, longest: float
) -> None:
    limit = budget(time)
    limit.observe("crm.deal.list", 470, None if reset_in is None else time.now + reset_in, cost=450)
    assert await limit.ready(["crm.deal.list"]) == 0
    assert await limit.ready(["crm.deal.list"]) == longest

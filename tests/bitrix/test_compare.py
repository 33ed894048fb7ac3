"""What is gone is found with few requests, confirmed by name, and never guessed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitrix import BY_NAME
from bitrix.compare import Difference, compare, shown_ids
from bitrix.errors import OperatingLimitError, ScopeError
from bitrix.plan import Range
from demo_portal.faults import FaultKind
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from tests.bitrix.conftest import Connect, FakeTime
from tests.bitrix.portals import one_in, portal_with

DEAL = BY_NAME["deal"]


def any_number(rows: int) -> None:
    """All of the rows may be gone."""


class IdCopy:
    """A copy that is no more than its ids."""

    def __init__(self, ids: Iterable[int]) -> None:
        self.all = sorted(ids)

    async def cut(self, low: int, high: int, pieces: int) -> list[tuple[Range, int]]:
        inside = [number for number in self.all if low <= number <= high]
        size = max(1, -(-len(inside) // pieces))
        parts = [inside[at : at + size] for at in range(0, len(inside), size)] or [[]]
        lows = [low, *(part[-1] + 1 for part in parts[:-1])]
        highs = [*(start - 1 for start in lows[1:]), high]
        return [((a, b), len(part)) for a, b, part in zip(lows, highs, parts, strict=True)]

    async def ids(self, ranges: Sequence[Range]) -> set[int]:
        return {number for number in self.all if any(low <= number <= high for low, high in ranges)}


async def difference(
    connect: Connect, portal: Portal, copy: Iterable[int], most_gone: int | None = None, *, count: bool = True
) -> tuple[Difference, int]:
    """The difference, and what it cost in requests."""
    ids = list(copy)
    with PortalServer(portal, limits=False) as server:
        async with connect(server.webhook_url) as client:
            found = await compare(client, DEAL, IdCopy(ids), max(ids), most_gone=lambda rows: most_gone, count=count)
        return found, server.requests


async def test_one_request_shows_that_nothing_is_gone(connect: Connect) -> None:
    found, requests = await difference(connect, portal_with(range(1, 10_001)), range(1, 10_001))
    assert (found.gone, found.missing, found.copied, found.shown) == (set(), set(), 10_000, 10_000)
    assert requests == 1


@pytest.mark.parametrize(("number", "most_requests"), [(1, 4), (5, 6), (20, 9), (200, 14), (2000, 50)])
async def test_what_is_gone_is_found_in_few_requests(connect: Connect, number: int, most_requests: int) -> None:
    gone = set(random.Random(number).sample(range(1, 10_001), number))
    found, requests = await difference(
        connect, portal_with(id for id in range(1, 10_001) if id not in gone), range(1, 10_001)
    )
    assert (found.gone, found.missing) == (gone, set())
    assert (found.copied, found.shown) == (10_000, 10_000 - number)
    assert requests <= most_requests


async def test_rows_that_came_back_are_found_too(connect: Connect) -> None:
    ids = one_in(3, 3000)
    found, requests = await difference(connect, portal_with(ids), set(ids) - {ids[0], ids[700], ids[701]})
    assert (found.gone, found.missing) == (set(), {ids[0], ids[700], ids[701]})
    assert requests <= 4


async def test_rows_added_meanwhile_are_no_difference(connect: Connect) -> None:
    found, requests = await difference(connect, portal_with(range(1, 700)), range(1, 600))
    assert (found.gone, found.missing, found.shown, requests) == (set(), set(), 599, 1)


async def test_rows_deleted_meanwhile_are_found_now_or_the_next_time(connect: Connect, time: FakeTime) -> None:
    portal, copy = portal_with(range(1, 5001)), IdCopy(range(1, 5001))
    generator = random.Random(7)

    class Meanwhile(IdCopy):
        async def cut(self, low: int, high: int, pieces: int) -> list[tuple[Range, int]]:
            for row_id in generator.sample(portal.ids("deal"), 3):
                portal.delete("deal", row_id)
            return await super().cut(low, high, pieces)

    with PortalServer(portal, limits=False) as server:
        async with connect(server.webhook_url) as client:
            found = await compare(client, DEAL, Meanwhile(copy.all), 5000, most_gone=any_number)
            live = set(portal.ids("deal"))
            assert found.gone
            assert not found.gone & live
            rest = await compare(client, DEAL, IdCopy(set(copy.all) - found.gone), 5000, most_gone=any_number)
    assert found.gone | rest.gone == set(copy.all) - live


async def test_too_many_gone_are_counted_and_left_alone(connect: Connect) -> None:
    portal = portal_with(range(1, 5001))
    hidden = portal.hide("deal", 0.3)
    found, requests = await difference(connect, portal, range(1, 5001), most_gone=500)
    assert (found.too_many, found.gone, requests) == (len(hidden), set(), 1)
    found, _ = await difference(connect, portal, range(1, 5001), most_gone=500, count=False)
    assert (found.too_many, found.gone) == (len(hidden), set())
    found, _ = await difference(connect, portal, range(1, 5001), most_gone=None)
    assert found.gone == hidden


async def test_an_empty_portal_is_believed_only_when_that_is_allowed(connect: Connect) -> None:
    found, _ = await difference(connect, portal_with([]), range(1, 101), most_gone=99)
    assert (found.too_many, found.gone) == (100, set())
    found, _ = await difference(connect, portal_with([]), range(1, 101))
    assert found.gone == set(range(1, 101))


@pytest.mark.parametrize("offset", [7, -3, -1_000_000])
async def test_wrong_totals_mark_nothing_that_is_there(connect: Connect, offset: int) -> None:
    portal = portal_with(range(1, 3001))
    portal.delete("deal", 77)
    portal.faults.add(FaultKind.WRONG_TOTAL, times=None, offset=offset)
    found, requests = await difference(connect, portal, range(1, 3001), most_gone=300)
    assert found.gone <= {77}
    assert requests <= 20
    if not found.too_many:
        assert found.gone == {77}


async def test_a_portal_that_does_not_count_is_listed(connect: Connect) -> None:
    portal = portal_with(range(1, 3001))
    portal.delete("deal", 77)
    portal.faults.add(FaultKind.NO_TOTAL, times=None)
    found, requests = await difference(connect, portal, range(1, 3001), most_gone=10)
    assert (found.gone, found.counted, found.shown) == ({77}, False, 2999)
    assert requests <= 12


async def test_a_page_that_lacks_a_row_deletes_nothing(connect: Connect) -> None:
    portal = portal_with(range(1, 3001))
    portal.delete("deal", 77)
    portal.faults.add(FaultKind.SHORT_PAGE, times=60)
    found, _ = await difference(connect, portal, range(1, 3001), count=False)
    assert found.gone == {77}


async def test_counts_that_take_too_long_give_way_to_the_list(connect: Connect) -> None:
    portal = portal_with(range(1, 3001))
    portal.delete("deal", 77)
    portal.faults.add(FaultKind.HANG, method="batch", times=2, seconds=1)
    with PortalServer(portal, limits=False) as server:
        async with connect(server.webhook_url, timeout=0.3) as client:
            found = await compare(client, DEAL, IdCopy(range(1, 3001)), 3000, most_gone=any_number)
    assert (found.gone, found.counted) == ({77}, False)


async def test_a_portal_that_refuses_is_an_error_and_no_deletion(connect: Connect) -> None:
    portal = portal_with(range(1, 101))
    portal.scopes.discard("crm")
    with pytest.raises(ScopeError):
        await difference(connect, portal, range(1, 101))


async def test_a_resting_method_is_waited_for(connect: Connect, time: FakeTime) -> None:
    portal = portal_with(range(1, 3001))
    portal.delete("deal", 5)
    portal.faults.add(FaultKind.OPERATING, method="crm.deal.list", times=50)
    found, _ = await difference(connect, portal, range(1, 3001))
    assert found.gone == {5}
    assert sum(time.slept) >= 60


async def test_a_method_that_never_recovers_is_an_error(connect: Connect) -> None:
    portal = portal_with(range(1, 101))
    portal.faults.add(FaultKind.OPERATING, method="crm.deal.list", times=None)
    with pytest.raises(OperatingLimitError):
        await difference(connect, portal, range(1, 101))


async def test_only_named_ids_are_asked_for(connect: Connect) -> None:
    with PortalServer(portal_with(range(1, 201)), limits=False) as server:
        async with connect(server.webhook_url) as client:
            assert await shown_ids(client, DEAL, {3, 150, 201, 999}) == {3, 150}
            assert await shown_ids(client, DEAL, set()) == set()


@settings(max_examples=15, deadline=None)
@given(
    shown=st.sets(st.integers(1, 3000), max_size=400),
    copied=st.sets(st.integers(1, 3000), min_size=1, max_size=400),
    count=st.booleans(),
)
async def test_any_two_sets_of_ids(shown: set[int], copied: set[int], count: bool) -> None:
    """Where equal numbers hide a difference, rows came back as others went: a full sync has read those that came."""
    from bitrix import PortalClient, WebhookUrl

    high = max(copied)
    copied |= {number for number in shown if number <= high}  # as after a walk over them
    with PortalServer(portal_with(sorted(shown)), limits=False) as server:
        async with PortalClient(WebhookUrl.parse(server.webhook_url)) as client:
            found = await compare(client, DEAL, IdCopy(copied), high, most_gone=any_number, count=count)
    assert found.gone == copied - shown
    assert found.missing == set()

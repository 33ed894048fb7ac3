"""Incremental reading against the simulated portal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bitrix import BY_NAME, PortalClient
from bitrix.changes import by_ids, walk_above, walk_changes
from bitrix.errors import WrongRowsError
from demo_portal.faults import FaultKind
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from tests.bitrix.conftest import Connect
from tests.bitrix.portals import one_in, portal_with
from tests.bitrix.scripted import Answer, Request, ScriptedPortal, batch

DEAL = BY_NAME["deal"]
OLD = timedelta(days=30)


def aged(ids: range | list[int]) -> tuple[Portal, datetime]:
    """A portal whose deals are a month old, and the moment since which nothing has changed."""
    portal = portal_with(ids)
    portal.clock.advance(OLD.total_seconds())
    return portal, datetime.fromtimestamp(portal.now() - 60, UTC)


async def changed(client: PortalClient, since: datetime | None, above: int, entity: str = "deal") -> list[int]:
    parts = walk_changes(client, BY_NAME[entity], since=since, above_id=above)
    return [int(row["ID"]) async for part in parts for row in part.rows]


@pytest.mark.parametrize("count", [0, 3, 300])
async def test_few_changes_are_one_request(connect: Connect, count: int) -> None:
    portal, since = aged(range(1, 2001))
    edited = list(range(7, 7 + count * 3, 3))
    for number in edited:
        portal.update("deal", number, {"TITLE": "changed"})
    new = [portal.add("deal", {"TITLE": "new"}) for _ in range(count)]
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            found = await changed(client, since, 2000)
        assert server.requests == 1
        assert server.commands["crm.deal.list"] == 20
    assert len(found) == len(set(found))
    assert sorted(found) == sorted(edited + new)


async def test_many_changes_are_followed_to_their_end(connect: Connect) -> None:
    portal, since = aged(range(1, 4001))
    for number in range(1, 3001):
        portal.update("deal", number, {"TITLE": "changed"})
    new = [portal.add("deal", {"TITLE": "new"}) for _ in range(1700)]
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            found = await changed(client, since, 4000)
        assert server.requests <= 4
    assert len(found) == len(set(found))
    assert sorted(found) == [*range(1, 3001), *new]


async def test_imported_rows_with_old_times_are_found_by_their_ids(connect: Connect) -> None:
    portal, since = aged(range(1, 101))
    new = portal.add("deal", {"TITLE": "imported"})
    portal.update("deal", new, {"DATE_MODIFY": "2019-01-01T00:00:00+03:00"}, raw=True)
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            assert await changed(client, since, 100) == [new]


async def test_an_empty_copy_gets_all_rows(connect: Connect) -> None:
    portal, since = aged(one_in(2, 700))
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            assert await changed(client, since, 0) == portal.ids("deal")


async def test_append_only_entities_are_read_by_id_alone(connect: Connect) -> None:
    portal = portal_with(range(1, 1201))
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            found = await changed(client, None, 150, "deal_stage_history")
            rows = walk_changes(client, BY_NAME["deal_stage_history"], since=None, above_id=1200)
            assert [len(part.rows) async for part in rows] == [0]
            assert rows.started_at.tzinfo is not None
        assert server.requests == 3
    assert found == list(range(151, 1201))


@pytest.mark.parametrize("kind", [FaultKind.OPERATING, FaultKind.ERROR, FaultKind.TRUNCATED, FaultKind.RATE])
@pytest.mark.parametrize("after", [0, 4, 12])
async def test_faults_lose_no_change(connect: Connect, kind: FaultKind, after: int) -> None:
    portal, since = aged(range(1, 1001))
    for number in range(1, 801):
        portal.update("deal", number, {"TITLE": "changed"})
    new = [portal.add("deal", {"TITLE": "new"}) for _ in range(600)]
    portal.faults.add(kind, times=3, after=after)
    with PortalServer(portal, limits=False) as server:
        async with connect(server.webhook_url) as client:
            found = await changed(client, since, 1000)
    assert sorted(found) == [*range(1, 801), *new]


async def test_a_time_filter_that_is_ignored_is_noticed(connect: Connect) -> None:
    """A portal drops filters that it does not know, and answers with everything."""
    rows = [{"ID": str(number), "DATE_MODIFY": "2024-01-01T00:00:00+03:00"} for number in range(1, 11)]

    def script(request: Request) -> Answer:
        commands = request.params["cmd"]
        return batch({key: rows if "DATE_MODIFY" in command else [] for key, command in commands.items()})

    async with ScriptedPortal(script) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(WrongRowsError, match="asked for rows modified since"):
            await changed(client, datetime(2024, 2, 1, tzinfo=UTC), 100)
        # A zone that was misread is no ignored filter: the window is only wider.
        assert len(await changed(client, datetime(2024, 1, 1, 9, tzinfo=UTC), 100)) == 10


async def test_rows_that_do_not_tell_their_time_cannot_be_verified(connect: Connect) -> None:
    def script(request: Request) -> Answer:
        rows: list[dict[str, Any]] = [{"ID": "5"}]
        return batch(dict.fromkeys(request.params["cmd"], rows))

    async with ScriptedPortal(script) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(WrongRowsError, match="cannot be verified"):
            await changed(client, datetime(2024, 2, 1, tzinfo=UTC), 100)


async def test_a_moment_without_a_zone_is_a_mistake(connect: Connect) -> None:
    async with connect("http://127.0.0.1:9/rest/1/abc/") as client:
        for since in (None, datetime(2024, 1, 1)):
            with pytest.raises(ValueError, match="time zone"):
                walk_changes(client, DEAL, since=since, above_id=5)


async def test_rows_by_id_fifty_in_a_command(connect: Connect) -> None:
    portal = portal_with(one_in(2, 3000))
    wanted = [*range(1, 5500), 10**9]
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            found = [int(row["ID"]) async for part in by_ids(client, DEAL, [*wanted, 3, 3]) for row in part.rows]
            assert [part async for part in by_ids(client, DEAL, [])] == []
        assert server.requests == 3
    assert found == [number for number in portal.ids("deal") if number < 5500]


async def test_rows_with_other_ids_are_refused(connect: Connect) -> None:
    def script(request: Request) -> Answer:
        return batch({key: [{"ID": "6"}] for key in request.params["cmd"]})

    async with ScriptedPortal(script) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(WrongRowsError, match="other ids"):
            _ = [part async for part in by_ids(client, DEAL, [5, 7])]


async def test_a_portal_that_is_slow_is_asked_for_less_at_once(connect: Connect) -> None:
    portal = portal_with(range(1, 1201))
    with PortalServer(portal, limits=False) as server:
        server.limits.page_latency = 0.03
        async with connect(server.webhook_url, timeout=0.4) as client:
            found = [row async for part in walk_above(client, DEAL, 0, first_pages=40) for row in part.rows]
    assert [int(row["ID"]) for row in found] == list(range(1, 1201))


async def test_behind_a_page_that_is_nearly_full_is_looked_again(connect: Connect) -> None:
    portal = portal_with(range(1, 161))
    portal.faults.add(FaultKind.SHORT_PAGE, times=1)
    with PortalServer(portal, limits=False) as server:
        async with connect(server.webhook_url) as client:
            found = [row async for part in walk_above(client, DEAL, 0) for row in part.rows]
    assert [int(row["ID"]) for row in found] == list(range(1, 161))


@pytest.mark.parametrize("batch_size", [1, 2, 3])
async def test_small_batches_read_the_same(connect: Connect, batch_size: int) -> None:
    portal, since = aged(range(1, 301))
    for number in range(1, 121):
        portal.update("deal", number, {"TITLE": "changed"})
    new = [portal.add("deal", {"TITLE": "new"}) for _ in range(60)]
    with PortalServer(portal, limits=False) as server:
        async with connect(server.webhook_url, batch_size=batch_size) as client:
            assert sorted(await changed(client, since, 300)) == [*range(1, 121), *new]

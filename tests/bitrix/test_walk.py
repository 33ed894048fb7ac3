"""Whole walks against the simulated portal: every row once, at the least cost, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitrix import BY_NAME, BitrixError, LeakyBucket, PortalClient, Response, WebhookUrl
from bitrix.chain import ChainEnd, read_chain
from bitrix.errors import AccessDeniedError, OperatingLimitError, TemporaryError, WrongRowsError
from bitrix.plan import Range, Stretch
from bitrix.walk import walk
from demo_portal.faults import FaultKind
from demo_portal.limits import LimitSettings
from demo_portal.server import PortalServer
from tests.bitrix.conftest import Connect, FakeTime
from tests.bitrix.portals import one_in, portal_with
from tests.bitrix.scripted import Answer, Request, ScriptedPortal, batch

DEAL = BY_NAME["deal"]
HISTORY = BY_NAME["deal_stage_history"]


async def read(
    client: PortalClient, *, skip: Iterable[Range] = (), in_flight: int = 8
) -> tuple[list[int], list[Range]]:
    found: list[int] = []
    done: list[Range] = []
    async for part in walk(client, DEAL, skip=skip, in_flight=in_flight):
        found += [int(row["ID"]) for row in part.rows]
        done += part.done
    return found, sorted(done)


def covers(done: list[Range], low: int, high: int) -> bool:
    """Whether ranges follow each other without gap or overlap from ``low`` to ``high``."""
    ends = [low - 1, *(last for _, last in done)]
    return [first for first, _ in done] == [end + 1 for end in ends[:-1]] and ends[-1] == high


@pytest.mark.parametrize(
    ("ids", "most_requests"),
    [
        ([], 1),
        ([7], 2),
        (range(1, 51), 2),
        (range(3, 2503), 2),
        (range(1, 10_001), 5),  # four batches of 2,500 rows and one to begin with
        (one_in(2, 10_000), 8),
        (one_in(3, 10_000), 8),
        ([*one_in(10, 600), *range(6001, 10_001)], 6),
        ([*range(1, 3000), *range(50_000_000, 50_003_000)], 7),
    ],
    ids=["none", "one", "page", "batch", "dense", "half", "third", "holes first", "far apart"],
)
async def test_every_row_comes_once_at_about_the_least_cost(
    connect: Connect, ids: Iterable[int], most_requests: int
) -> None:
    ids = list(ids)
    with PortalServer(portal_with(ids)) as server:
        async with connect(server.webhook_url) as client:
            found, done = await read(client)
        assert sorted(found) == ids
        assert server.requests == client.requests <= most_requests
        pages = -(-len(ids) // 50)
        assert server.commands["crm.deal.list"] <= 1.15 * pages + 110  # at most one batch of counts more
    if ids:
        assert covers(done, ids[0], ids[-1])


async def test_the_walk_tells_its_bounds_and_the_portals_clock(connect: Connect) -> None:
    with PortalServer(portal_with(range(5, 105))) as server:
        async with connect(server.webhook_url) as client:
            rows = walk(client, DEAL)
            with pytest.raises(RuntimeError, match="has not begun"):
                _ = rows.started_at
            assert server.requests == 0
            before = server.portal.now()
            async with rows:
                assert before - 1 <= rows.started_at.timestamp() <= server.portal.now()
                assert rows.started_at.tzinfo is not None
                assert (rows.low, rows.high, rows.expected) == (5, 104, 100)
                assert server.requests == 1
                assert sum([len(part.rows) async for part in rows]) == 100


@settings(max_examples=10, deadline=None)
@given(data=st.data())
async def test_a_walk_goes_on_where_another_stopped(data: st.DataObject) -> None:
    ids = data.draw(st.sampled_from([list(range(1, 1500)), one_in(3, 600), one_in(40, 200)]))
    points = data.draw(st.lists(st.integers(1, ids[-1] + 100), max_size=6, unique=True).map(sorted))
    skip = list(zip(points[::2], points[1::2], strict=False))
    left = [number for number in ids if not any(low <= number <= high for low, high in skip)]
    with PortalServer(portal_with(ids), limits=False) as server:
        async with PortalClient(WebhookUrl.parse(server.webhook_url)) as client:
            found, done = await read(client, skip=skip)
    assert sorted(found) == left
    inside = [(max(low, ids[0]), min(high, ids[-1])) for low, high in skip if low <= ids[-1] and high >= ids[0]]
    assert covers(sorted([*done, *inside]), ids[0], ids[-1])


@pytest.mark.parametrize("ids", [range(1, 6001), one_in(3, 6000)], ids=["dense", "sparse"])
async def test_no_row_is_lost_while_the_portal_changes(connect: Connect, ids: Iterable[int]) -> None:
    ids = list(ids)
    portal = portal_with(ids)
    generator = random.Random(2)
    deleted: set[int] = set()
    found: list[int] = []
    with PortalServer(portal) as server:
        async with connect(server.webhook_url, batch_size=10) as client, walk(client, DEAL, in_flight=2) as rows:
            async for part in rows:
                found += [int(row["ID"]) for row in part.rows]
                for number in generator.sample(portal.ids("deal"), 20):
                    if number <= ids[-1]:
                        portal.delete("deal", number)
                        deleted.add(number)
                portal.update("deal", portal.ids("deal")[0], {"TITLE": "changed"})
                portal.add("deal", {"TITLE": "new"})
    assert len(found) == len(set(found))
    assert set(found) >= set(ids) - deleted
    assert max(found) <= ids[-1]  # new ones are left to the next incremental
    assert len(deleted) > 100


async def test_stage_history_is_nested_and_walked_the_same(connect: Connect) -> None:
    portal = portal_with(one_in(4, 1500))
    for number in portal.ids("deal")[::2]:
        portal.update("deal", number, {"STAGE_ID": "WON"})
    want = sorted(int(row["ID"]) for row in portal.rows("deal_stage_history"))
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            found = [int(row["ID"]) async for part in walk(client, HISTORY) for row in part.rows]
    assert sorted(found) == want


async def test_sparse_stage_history_is_chained_through_its_items(connect: Connect) -> None:
    portal = portal_with([])
    for _ in range(800):
        portal.history["deal"].last_id += 9
        portal.add("deal", {"TITLE": "x"})
    want = sorted(int(row["ID"]) for row in portal.rows("deal_stage_history"))
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            found = [int(row["ID"]) async for part in walk(client, HISTORY) for row in part.rows]
        assert sorted(found) == want
        assert server.requests == 2


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.RATE,
        FaultKind.SERVER_ERROR_HTML,
        FaultKind.BAD_GATEWAY_HTML,
        FaultKind.HTML_200,
        FaultKind.EMPTY,
        FaultKind.TRUNCATED,
        FaultKind.TRUNCATED_JSON,
        FaultKind.BOM,
        FaultKind.PHP_WARNING,
        FaultKind.RESET,
        FaultKind.OPERATING,
        FaultKind.ERROR,
    ],
)
@pytest.mark.parametrize("ids", [range(1, 5001), one_in(4, 5000)], ids=["dense", "sparse"])
async def test_faults_on_the_way_cost_time_but_no_row(connect: Connect, kind: FaultKind, ids: Iterable[int]) -> None:
    ids = list(ids)
    portal = portal_with(ids)
    portal.faults.add(kind, times=1)
    portal.faults.add(kind, times=2, after=3)
    with PortalServer(portal, limits=False) as server:
        async with connect(server.webhook_url) as client:
            found, done = await read(client)
    assert sorted(found) == ids
    assert covers(done, ids[0], ids[-1])


@pytest.mark.parametrize("offset", [-100_000, -300, 300, 100_000])
@pytest.mark.parametrize("ids", [range(1, 3001), one_in(4, 3000)], ids=["dense", "sparse"])
async def test_wrong_totals_cost_requests_but_no_row(connect: Connect, offset: int, ids: Iterable[int]) -> None:
    ids = list(ids)
    portal = portal_with(ids)
    portal.faults.add(FaultKind.WRONG_TOTAL, times=None, offset=offset)
    with PortalServer(portal, limits=False) as server:
        async with connect(server.webhook_url) as client:
            found, done = await read(client)
        assert server.requests < 40
    assert sorted(found) == ids
    assert covers(done, ids[0], ids[-1])


async def test_only_the_commands_that_failed_are_asked_again(connect: Connect) -> None:
    portal = portal_with(range(1, 5001))
    portal.faults.add(FaultKind.OPERATING, times=10, after=40)
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            found, _ = await read(client)
        assert sorted(found) == list(range(1, 5001))
        assert server.commands["crm.deal.list"] == 2 + 100 + 10


async def test_a_method_at_its_operating_limit_pauses_and_resumes(connect: Connect, time: FakeTime) -> None:
    portal = portal_with(range(1, 8001))
    limits = LimitSettings(operating_limit=1.0, page_cost=0.02)
    with PortalServer(portal, limits=limits) as server:
        time.now = portal.clock.time()
        real_sleep = time.sleep

        async def sleep(seconds: float) -> None:
            await real_sleep(seconds)
            portal.clock.advance(seconds)

        async with connect(server.webhook_url) as client:
            client.sleep = client.budget._sleep = sleep
            client.budget.limit = 1e9  # so that it does not slow down before
            found, _ = await read(client)
            assert (await client.call("crm.lead.list", {"start": -1})).result == []
    assert sorted(found) == list(range(1, 8001))
    assert sum(time.slept) > 300


async def test_a_limit_that_never_lifts_ends_the_walk(connect: Connect) -> None:
    portal = portal_with(range(1, 501))
    portal.faults.add(FaultKind.OPERATING, times=None, after=2)
    with PortalServer(portal) as server:
        async with connect(server.webhook_url) as client:
            with pytest.raises(OperatingLimitError):
                await read(client)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": FaultKind.ERROR, "code": "ACCESS_DENIED", "status": 403, "after": 30}, AccessDeniedError),
        ({"kind": FaultKind.ERROR, "code": "INTERNAL_SERVER_ERROR", "times": None, "after": 30}, TemporaryError),
        ({"kind": FaultKind.BAD_GATEWAY_HTML, "times": None, "after": 2}, TemporaryError),
    ],
)
async def test_what_does_not_pass_ends_the_walk(
    connect: Connect, fault: dict[str, object], expected: type[BitrixError]
) -> None:
    portal = portal_with(range(1, 5001))
    portal.faults.add(**fault)  # type: ignore[arg-type]
    with PortalServer(portal, limits=False) as server:
        async with connect(server.webhook_url) as client:
            with pytest.raises(expected):
                await read(client)
    assert len(asyncio.all_tasks()) == 1


class SlowGateway(httpx.AsyncHTTPTransport):
    """Gives up on batches of more than a dozen commands."""

    refused = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if len(json.loads(request.content).get("cmd", ())) > 12:
            self.refused += 1
            raise httpx.ReadTimeout("", request=request)
        return await super().handle_async_request(request)


async def test_batches_that_are_too_much_are_halved(connect: Connect) -> None:
    gateway = SlowGateway()
    with PortalServer(portal_with(range(1, 3001)), limits=False) as server:
        async with connect(server.webhook_url, transport=gateway) as client:
            found, done = await read(client)
    assert sorted(found) == list(range(1, 3001))
    assert covers(done, 1, 3000)
    assert 0 < gateway.refused < 20


async def test_leaving_early_ends_the_requests(connect: Connect) -> None:
    with PortalServer(portal_with(range(1, 5001)), limits=False) as server:
        async with connect(server.webhook_url) as client:
            async with walk(client, DEAL) as rows:
                async for _ in rows:
                    break
            assert len(asyncio.all_tasks()) == 1


async def test_a_slow_consumer_stops_the_fetching(connect: Connect) -> None:
    with PortalServer(portal_with(range(1, 5001)), limits=False) as server:
        async with connect(server.webhook_url, batch_size=10) as client, walk(client, DEAL, in_flight=3) as rows:
            async for _ in rows:
                await asyncio.sleep(0.1)
                assert client.requests <= 1 + 1 + 3
                break


@pytest.mark.parametrize(
    ("leak", "rows", "ahead"),
    [(2.0, 2500, 0), (100.0, 1250, 1)],
    ids=["a cloud portal: whole batches, one after the other", "one of one's own: halves, one ahead"],
)
async def test_no_more_than_a_batch_is_under_way_to_a_quick_portal(
    connect: Connect, leak: float, rows: int, ahead: int
) -> None:
    """What was sent and is not yet written is what a process that is killed has to ask for again."""
    bucket = LeakyBucket(capacity=1000, leak=leak)
    with PortalServer(portal_with(range(1, 10_001)), limits=False) as server:
        async with connect(server.webhook_url, bucket=bucket) as client, walk(client, DEAL) as parts:
            read = []
            async for part in parts:
                await asyncio.sleep(0.1)  # whatever was sent has come by now
                assert server.requests <= 1 + len(read) + 1 + ahead
                read.append(len(part.rows))
    assert read == [rows] * (10_000 // rows)


async def test_pages_that_the_consumer_leaves_alone_are_read_before_the_next_slice(connect: Connect) -> None:
    with PortalServer(portal_with(range(1, 5001)), limits=False) as server:
        async with connect(server.webhook_url) as client:
            parts = [part async for part in walk(client, DEAL)]
    assert sorted(int(row["ID"]) for part in parts for row in part.rows) == list(range(1, 5001))
    assert covers(sorted(item for part in parts for item in part.done), 1, 5000)


async def test_a_page_that_cannot_be_decoded_is_asked_for_again(connect: Connect) -> None:
    """A batch's envelope is read without its pages: what is wrong within one shows when it is read."""
    portal = portal_with(range(1, 101))

    class Broken(httpx.AsyncHTTPTransport):
        left = 1

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            answer = await super().handle_async_request(request)
            body = await answer.aread()
            if b'"51"' in body and b'"99"' in body and self.left:
                self.left -= 1
                body = body.replace(b'"ID":"77"', b'"ID":"7\x01"')  # no JSON: a control character
            return httpx.Response(answer.status_code, content=body)

    broken = Broken()
    with PortalServer(portal, limits=False) as server:
        async with connect(server.webhook_url, transport=broken) as client:
            found, done = await read(client)
    assert broken.left == 0
    assert sorted(found) == list(range(1, 101))
    assert covers(done, 1, 100)


def page(low: int, high: int) -> Response:
    return Response([{"ID": str(number)} for number in range(low, high + 1)])


def read_whole(stretch: Stretch, answers: list[Response]) -> tuple[list[int], ChainEnd]:
    pages, found = read_chain(DEAL, stretch, answers), []
    while True:
        try:
            found += [int(row["ID"]) for row in next(pages)]
        except StopIteration as stop:
            return found, stop.value


def test_a_restarted_chain_is_dropped() -> None:
    """Behind a short page the reference means nothing: the portal answers from the beginning again."""
    answers = [page(1, 50), page(51, 60), page(1, 50), page(1, 50)]
    found, end = read_whole(Stretch(1, 1000, 60), answers)
    assert found == list(range(1, 61))
    assert (end.done, end.left) == ((1, 1000), None)


def test_a_short_page_before_the_counted_rows_is_asked_behind() -> None:
    _, end = read_whole(Stretch(1, 1000, 120), [page(1, 49), page(1, 50), page(1, 50)])
    assert (end.done, end.left) == ((1, 49), Stretch(50, 1000, 0))
    _, again = read_whole(Stretch(50, 1000, 0), [page(50, 99)])
    assert again.left == Stretch(100, 1000, 100)


@pytest.mark.parametrize(
    "answers",
    [
        [page(1, 50)],  # the lower bound was ignored
        [page(990, 1010)],  # the upper bound was ignored
        [page(201, 250), page(201, 250)],  # the same page again
        [Response([{"ID": "205"}, {"ID": "204"}])],  # the order was ignored
        [Response([{"TITLE": "no id"}])],
        [page(201, 260)],  # longer than a page
    ],
)
def test_rows_that_were_not_asked_for_are_refused(answers: list[Response]) -> None:
    with pytest.raises(WrongRowsError):
        read_whole(Stretch(201, 1000, 100), answers)


def test_a_row_that_comes_twice_in_a_row_is_no_fault() -> None:
    rows = [{"ID": "205"}, {"ID": "205"}, {"ID": "207"}]
    _, end = read_whole(Stretch(201, 240, 3), [Response(rows)])
    assert end.done == (201, 240)


async def test_a_portal_that_ignores_filters_is_refused(connect: Connect) -> None:
    def script(request: Request) -> Answer:
        rows = [{"ID": str(number)} for number in range(1, 51)]
        keys = request.params["cmd"]
        result = {key: rows[::-1] if "DESC" in keys[key] else rows for key in keys}
        return batch(result, result_total=dict.fromkeys(keys, 5000))

    def bounds(request: Request) -> Answer:
        rows = {"c0": [{"ID": "1"}], "c1": [{"ID": "5000"}]}
        return batch(rows, result_total={"c0": 5000})

    async with ScriptedPortal(bounds, script) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(WrongRowsError, match="outside the range"):
            await read(client)

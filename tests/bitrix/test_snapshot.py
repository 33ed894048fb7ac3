"""Small lists whole, the portal's clock, and field lists."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bitrix import BY_NAME, ENTITIES, Walk
from bitrix.describe import describe, with_titles
from bitrix.errors import MalformedAnswerError, ScopeError, WrongRowsError
from bitrix.fields import Field
from bitrix.snapshot import portal_clock, snapshot
from demo_portal.portal import Portal
from demo_portal.server import PortalServer
from tests.bitrix.conftest import Connect
from tests.bitrix.scripted import Answer, Request, ScriptedPortal, batch, failure, success

SMALL = [entity.name for entity in ENTITIES if entity.walk is Walk.SNAPSHOT]
CRM = [BY_NAME[name] for name in ("deal", "contact", "lead", "company")]


@pytest.fixture
def server() -> Iterator[PortalServer]:
    with PortalServer(Portal.generate(seed=1, deals=50)) as running:
        yield running


@pytest.mark.parametrize("name", SMALL)
async def test_a_small_list_comes_whole(connect: Connect, server: PortalServer, name: str) -> None:
    entity = BY_NAME[name]
    async with connect(server.webhook_url) as client:
        rows = await snapshot(client, entity)
    want = [str(row[entity.key]) for row in server.portal.rows(name)]
    assert want
    assert sorted(str(row[entity.key]) for row in rows) == sorted(want)


@pytest.mark.parametrize("count", [49, 50, 51, 120, 730])
async def test_many_users_and_departments(connect: Connect, server: PortalServer, count: int) -> None:
    portal = server.portal
    user, department = portal.users[0], portal.departments[0]
    portal.users[:] = [{**user, "ID": str(3 * number)} for number in range(1, count + 1)]
    portal.departments[:] = [{**department, "ID": str(number)} for number in range(1, count + 1)]
    async with connect(server.webhook_url) as client:
        users = await snapshot(client, BY_NAME["user"])
        assert client.requests <= 1 + -(-count // 500)
        departments = await snapshot(client, BY_NAME["department"])
    assert [int(row["ID"]) for row in users] == [3 * number for number in range(1, count + 1)]
    assert sorted(int(row["ID"]) for row in departments) == list(range(1, count + 1))


async def test_an_offset_that_does_not_move_is_noticed(connect: Connect) -> None:
    page = [{"ID": str(number)} for number in range(50)]
    async with ScriptedPortal(success(page, next=50)) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(WrongRowsError, match="earlier page again"):
            await snapshot(client, BY_NAME["department"])


async def test_an_empty_list_and_a_broken_one(connect: Connect) -> None:
    async with ScriptedPortal(success([])) as portal, connect(portal.webhook_url) as client:
        assert await snapshot(client, BY_NAME["pipeline"]) == []
    for broken in ("text", {"categories": "text"}, ["text"]):
        async with ScriptedPortal(success(broken)) as portal, connect(portal.webhook_url) as client:
            with pytest.raises(MalformedAnswerError, match=r"crm\.category\.list"):
                await snapshot(client, BY_NAME["pipeline"])


async def test_a_missing_scope_says_what_to_add(connect: Connect, server: PortalServer) -> None:
    server.portal.scopes.discard("department")
    async with connect(server.webhook_url) as client:
        with pytest.raises(ScopeError, match="Company structure"):
            await snapshot(client, BY_NAME["department"])


async def test_the_portals_clock(connect: Connect, server: PortalServer) -> None:
    async with connect(server.webhook_url) as client:
        now = await portal_clock(client)
    assert abs(now.timestamp() - server.portal.now()) < 5


async def test_all_entities_are_described_in_one_request(connect: Connect, server: PortalServer) -> None:
    async with connect(server.webhook_url) as client:
        described = await describe(client, ENTITIES)
        assert client.requests == 1
    for entity in CRM:
        codes = [item.code for item in described[entity.name]]
        assert len(codes) == len(set(codes))
        assert set(codes) == set(server.portal.fields[entity.name]) - entity.never_listed
    options = [item for item in described["deal"] if item.type == "enumeration"]
    assert options
    assert all(option.sort is not None for item in options for option in item.options)
    assert described["status"] == list(BY_NAME["status"].fields)
    users = {item.code: item for item in described["user"]}
    assert users["ID"].type == "integer"
    assert {item.type for code, item in users.items() if code not in {f.code for f in BY_NAME["user"].fields}} <= {
        "unknown"
    }


async def test_titles_of_the_portal_go_over_ours() -> None:
    known = [Field("ID", "integer", title="Employee"), Field("NAME", "string", title="First name")]
    assert with_titles(known, {"NAME": " Имя ", "ID": "", "UF_USR_1": "Хобби", "X": None}) == [
        Field("ID", "integer", title="Employee"),
        Field("NAME", "string", title="Имя"),
        Field("UF_USR_1", "unknown", title="Хобби"),
    ]


async def test_details_that_may_not_be_read_are_left_out(connect: Connect) -> None:
    def script(request: Request) -> Answer:
        refused = {"error": "ACCESS_DENIED", "error_description": "Access denied!"}
        descriptor = {"type": "integer", "isMultiple": False, "title": "ID"}
        result: dict[str, object] = {}
        errors: dict[str, object] = {}
        for key, command in request.params["cmd"].items():
            if command == "crm.deal.fields":
                result[key] = {"ID": descriptor, "CONTACT_IDS": descriptor}
            else:
                errors[key] = refused
        return batch(result, errors)

    async with ScriptedPortal(script) as portal, connect(portal.webhook_url) as client:
        described = await describe(client, [BY_NAME["deal"], BY_NAME["user"]])
    assert [item.code for item in described["deal"]] == ["ID"]
    assert described["user"] == list(BY_NAME["user"].fields)


async def test_fields_that_may_not_be_read_are_an_error(connect: Connect) -> None:
    refused = {"error": "insufficient_scope", "error_description": ""}
    answer = batch(errors={"c0": refused, "c1": refused})
    async with ScriptedPortal(answer) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(ScopeError):
            await describe(client, [BY_NAME["deal"]])
    async with ScriptedPortal(batch({"c0": [], "c1": []})) as portal, connect(portal.webhook_url) as client:
        with pytest.raises(MalformedAnswerError, match="describes no fields"):
            await describe(client, [BY_NAME["deal"]])
    async with ScriptedPortal(failure(401, "INVALID_CREDENTIALS")) as portal, connect(portal.webhook_url) as client:
        assert await describe(client, [BY_NAME["status"]])  # nothing to ask

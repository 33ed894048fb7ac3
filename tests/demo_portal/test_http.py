"""Addresses, bodies, statuses and error envelopes over real HTTP."""

from __future__ import annotations

import httpx
import pytest

from tests.demo_portal.conftest import Caller


def _base(shared: Caller) -> str:
    return shared.server.base_url


def test_the_time_block_has_the_servers_offset(shared: Caller) -> None:
    time = shared("server.time")["time"]
    assert time["date_start"].endswith("+03:00")
    assert {"start", "finish", "duration", "processing", "date_finish", "operating", "operating_reset_at"} <= set(time)


@pytest.mark.parametrize("suffix", ["profile", "profile.json", "profile/"])
def test_the_suffix_is_optional(shared: Caller, suffix: str) -> None:
    assert shared.http.get(suffix).json()["result"]["ADMIN"] is True


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/rest/1/wrong-secret/profile", 401, "INVALID_CREDENTIALS"),
        ("/rest/99/{secret}/profile", 401, "INVALID_CREDENTIALS"),
        ("/rest/1/profile", 404, "ERROR_METHOD_NOT_FOUND"),
        ("/rest/1/{secret}/crm.nothing.list", 404, "ERROR_METHOD_NOT_FOUND"),
        ("/rest/profile", 401, "NO_AUTH_FOUND"),
        ("/rest/profile?auth=stale", 401, "invalid_token"),
        ("/rest/1/{secret}/event.bind", 403, "WRONG_AUTH_TYPE"),
        ("/rest/1/{secret}/event.get", 403, "WRONG_AUTH_TYPE"),
        ("/rest/1/{secret}/app.info", 400, "ACCESS_DENIED"),
        ("/rest/1/{secret}/crm.category.list", 400, "100"),
    ],
)
def test_errors_have_their_status_and_no_time(shared: Caller, path: str, status: int, code: str) -> None:
    answer = httpx.get(_base(shared) + path.format(secret=shared.portal.secret))
    assert answer.status_code == status
    assert answer.json()["error"] == code
    assert "time" not in answer.json()


def test_other_addresses_answer_html(shared: Caller) -> None:
    answer = httpx.get(_base(shared) + "/crm/deal/list/")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


def test_a_missing_scope_is_named_by_its_code(call: Caller) -> None:
    call.portal.scopes = {"crm"}
    assert call("user.get")["error"] == "insufficient_scope"
    assert call.result("scope") == ["crm"]
    assert call.result("method.get", name="user.get") == {"isExisting": True, "isAvailable": False}
    assert call.result("method.get", name="nothing") == {"isExisting": False, "isAvailable": False}
    assert call.batch(a="user.get")["result_error"]["a"]["error"] == "insufficient_scope"


def test_query_form_and_json_are_the_same_to_a_method(shared: Caller) -> None:
    params = {"filter[<ID]": "90", "order[ID]": "ASC", "select[]": "ID", "start": "-1"}
    query = shared.http.get("crm.deal.list", params=params).json()["result"]
    form = shared.http.post("crm.deal.list", data=params).json()["result"]
    body = shared.result("crm.deal.list", filter={"<ID": 90}, order={"ID": "ASC"}, select=["ID"], start=-1)
    assert query == form == body


def test_a_broken_body_is_an_invalid_request(shared: Caller) -> None:
    answer = shared.http.post("profile", content=b"{oops", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST")


def test_requests_and_commands_are_counted(call: Caller) -> None:
    call.batch(a="profile", b="crm.deal.list", c="crm.deal.list")
    call("crm.deal.list")
    assert call.server.requests == 2
    assert call.server.commands["crm.deal.list"] == 3
    call.server.reset_stats()
    assert call.server.requests == 0
    assert not call.server.commands


def test_an_application_calls_with_its_token(call: Caller) -> None:
    call.portal.register_application("access", "app-token")
    base = _base(call)
    bind = {"auth": "access", "event": "ONCRMDEALADD", "handler": "http://127.0.0.1:9/x"}
    assert httpx.post(f"{base}/rest/event.bind", data=bind).json()["result"] is True
    assert httpx.post(f"{base}/rest/event.bind", data=bind).json()["error"] == "ERROR_CORE"
    assert httpx.post(f"{base}/rest/event.bind.json", data={**bind, "event": "ONX"}).status_code == 400
    bound = httpx.post(f"{base}/rest/event.get", json={"auth": "access"}).json()["result"]
    assert bound == [{"event": "ONCRMDEALADD", "handler": bind["handler"], "auth_type": "0", "offline": 0}]
    assert httpx.post(f"{base}/rest/event.unbind", data=bind).json()["result"] == {"count": 1}


def test_currencies_have_no_total(shared: Caller) -> None:
    assert shared("crm.currency.list")["total"] == 0
    assert len(shared.result("crm.currency.list")) == 4


def test_records_are_written_through_the_api(call: Caller) -> None:
    new_id = call.result("crm.deal.add", fields={"TITLE": "API", "OPPORTUNITY": 1500.5, "CLOSEDATE": "2025-07-01"})
    row = call.result("crm.deal.get", id=new_id)
    assert (row["TITLE"], row["OPPORTUNITY"]) == ("API", "1500.50")
    assert row["CLOSEDATE"] == "2025-07-01T03:00:00+03:00", "a day is printed as midnight UTC"
    assert call.result("crm.deal.update", id=new_id, fields={"STAGE_ID": "WON", "ID": 7}) is True
    assert call.result("crm.deal.get", id=new_id)["CLOSED"] == "Y"
    assert call.result("crm.deal.delete", id=new_id) is True
    for method in ("get", "delete", "update"):
        assert call(f"crm.deal.{method}", id=new_id, fields={}) == {"error": "", "error_description": "Not found"}
    assert call("crm.deal.get")["error_description"] == "ID is not defined or invalid."
    assert call("crm.deal.add")["error_description"] == "Parameter 'fields' must be array."


def test_get_names_a_key_that_the_field_list_does_not(shared: Caller) -> None:
    row = shared.result("crm.contact.get", id=shared.portal.ids("contact")[0])
    assert "FACE_ID" in row
    assert "FACE_ID" not in shared.result("crm.contact.fields")

"""Faults over real HTTP: each is seen by the client as the real one would be."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.demo_portal.conftest import Caller


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("rate", 503, "QUERY_LIMIT_EXCEEDED"),
        ("overload", 503, "OVERLOAD_LIMIT"),
        ("operating", 429, "OPERATION_TIME_LIMIT"),
    ],
)
def test_refusals(call: Caller, kind: str, status: int, code: str) -> None:
    call.portal.faults.add(kind, times=2)
    answers = [call.http.get("profile") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].json()["error"] == code


@pytest.mark.parametrize(
    ("kind", "status"),
    [("server_error_html", 500), ("bad_gateway_html", 502), ("forbidden_html", 403), ("html_200", 200)],
)
def test_html_pages(call: Caller, kind: str, status: int) -> None:
    call.portal.faults.add(kind)
    answer = call.http.get("profile")
    assert answer.status_code == status
    assert answer.text.startswith("<!DOCTYPE html>")
    assert call.http.get("profile").status_code == 200


def test_a_fault_may_be_for_one_method_and_spare_the_first_calls(call: Caller) -> None:
    call.portal.faults.add("operating", method="crm.deal.list", times=None, after=1)
    answer = call.batch(a="crm.deal.list", b="crm.deal.list", c="crm.lead.list", d="crm.deal.list")
    assert set(answer["result"]) == {"a", "c"}
    call.portal.faults.clear()
    assert "d" in call.batch(d="crm.deal.list")["result"]


def test_any_error_envelope(call: Caller) -> None:
    call.portal.faults.add("error", code="expired_token", description="The access token has expired", status=401)
    answer = call.http.get("profile")
    assert (answer.status_code, answer.json()["error"]) == (401, "expired_token")


def test_a_truncated_body_breaks_the_connection(call: Caller) -> None:
    call.portal.faults.add("truncated")
    with pytest.raises(httpx.RemoteProtocolError):
        call.http.get("crm.deal.list")
    assert call.http.get("profile").status_code == 200


def test_truncated_json_is_a_complete_answer(call: Caller) -> None:
    call.portal.faults.add("truncated_json")
    with pytest.raises(json.JSONDecodeError):
        call.http.get("crm.deal.list").json()


def test_a_reset_connection(call: Caller) -> None:
    call.portal.faults.add("reset", times=2)
    for _ in range(2):
        with pytest.raises(httpx.ReadError, match="reset"):
            call.http.get("profile")
    assert call.http.get("profile").status_code == 200


def test_a_hanging_answer(call: Caller) -> None:
    call.portal.faults.add("hang", seconds=0.5)
    with pytest.raises(httpx.ReadTimeout):
        call.http.get("profile", timeout=0.1)


@pytest.mark.parametrize(
    ("kind", "head"), [("bom", b"\xef\xbb\xbf{"), ("php_warning", b"<br />\n<b>Warning"), ("empty", b"")]
)
def test_noise_before_the_json(call: Caller, kind: str, head: bytes) -> None:
    call.portal.faults.add(kind)
    content = call.http.get("profile").content
    assert content.startswith(head)
    if content:
        assert json.loads(content[content.index(b"{") :])["result"]["ID"] == "1"


def test_a_redirect_leads_to_the_same_method(call: Caller) -> None:
    call.portal.faults.add("redirect")
    answer = call.http.post("crm.deal.list", json={"filter": {"<ID": 5}})
    assert answer.status_code == 302
    moved = call.http.post(httpx.URL(call.server.base_url + answer.headers["location"]), json={"filter": {"<ID": 5}})
    assert moved.json()["total"] == len([row_id for row_id in call.portal.ids("deal") if row_id < 5])


def test_a_wrong_total_and_a_short_page(call: Caller) -> None:
    call.portal.faults.add("wrong_total", offset=11)
    call.portal.faults.add("short_page")
    total = len(call.portal.ids("deal"))
    assert call("crm.deal.list")["total"] == total + 11
    assert len(call("crm.deal.list")["result"]) == 49
    assert call("crm.deal.list")["total"] == total


def test_unknown_faults_are_refused(call: Caller) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        call.portal.faults.add("nonsense")

"""The control interface over HTTP."""

from __future__ import annotations

import httpx

from tests.demo_portal.conftest import Caller


def test_records_and_fields(call: Caller) -> None:
    deal = call.control("POST", "add", entity="deal", fields={"TITLE": "Control"})
    call.control("POST", "update", entity="deal", id=deal, fields={"TITLE": "Changed"})
    assert call.result("crm.deal.get", id=deal)["TITLE"] == "Changed"
    call.control("POST", "delete", entity="deal", id=deal)
    assert call.portal.row("deal", deal) is None
    added = call.control("POST", "fields/add", entity="deal", code="UF_CRM_Z", type="double", title="Z")
    assert added["type"] == "double"
    call.control("POST", "fields/rename", entity="deal", code="UF_CRM_Z", title="ZZ")
    assert call.portal.fields["deal"]["UF_CRM_Z"].title == "ZZ"
    call.control("POST", "fields/retype", entity="deal", code="UF_CRM_Z", type="string", multiple=True)
    assert call.result("crm.deal.fields")["UF_CRM_Z"]["isMultiple"] is True
    call.control("POST", "fields/remove", entity="deal", code="UF_CRM_Z")
    assert "UF_CRM_Z" not in call.portal.fields["deal"]


def test_mutate_hide_and_restore(call: Caller) -> None:
    changes = call.control("POST", "mutate", n=20, seed=3, deletions=False)
    assert sum(len(ids) for kinds in changes.values() for ids in kinds.values()) == 20
    ids = call.portal.ids("deal")
    assert len(call.control("POST", "hide", entity="deal", share=0.25)) == round(len(ids) * 0.25)
    call.control("POST", "restore")
    assert call.control("POST", "hide", entity="deal", ids=ids[:2]) == ids[:2]


def test_counters_faults_limits_and_scopes(call: Caller) -> None:
    call("crm.deal.list")
    stats = call.control("GET", "stats")
    assert stats["requests"] == 1, "control requests do not count"
    assert stats["operating"] == {"crm.deal.list": 0.02}
    assert stats["rows"]["deal"] == len(call.portal.ids("deal"))
    call.control("POST", "stats/reset")
    assert call.control("GET", "stats")["requests"] == 0
    call.control("POST", "faults", kind="rate", times=1)
    assert call.http.get("profile").status_code == 503
    call.control("POST", "faults", kind="rate", times=9)
    call.control("POST", "faults/clear")
    assert call.http.get("profile").status_code == 200
    assert call.control("POST", "limits", bucket_size=3)["bucket_size"] == 3
    assert call.control("POST", "scopes", scopes=["crm"]) == ["crm"]
    call.control("POST", "events", url="http://127.0.0.1:1/", application_token="t")
    assert len(call.portal.events.subscriptions) == 1
    call.control("POST", "events")
    assert not call.portal.events.subscriptions


def test_mistakes_are_explained(call: Caller) -> None:
    def refused(action: str, **body: object) -> str:
        answer = httpx.post(f"{call.server.base_url}/_portal/{action}", json=body)
        assert answer.status_code in (400, 404)
        return str(answer.json()["error"])

    assert "no control action POST nothing" in refused("nothing")
    assert "missing or unknown: kind" in refused("faults")
    assert "unknown limits speed" in refused("limits", speed=1)
    assert "nonsense" in refused("faults", kind="nonsense")
    assert "no deal with id 999999" in refused("delete", entity="deal", id=999999)
    assert "has a field TITLE already" in refused("fields/add", entity="deal", code="TITLE", type="string")

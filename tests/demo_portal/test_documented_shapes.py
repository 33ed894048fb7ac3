"""Answers have the shapes of the documented examples: keys and JSON types, recursively.

``documented/shapes.json`` holds the shapes of the examples in the Bitrix24 REST documentation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from demo_portal.portal import CRM
from tests.demo_portal.conftest import Caller
from tests.demo_portal.shapes import differences, shape_of

DOCUMENTED: dict[str, Any] = json.loads((Path(__file__).parent / "documented" / "shapes.json").read_text())

EMPTY = {"null", "string"}
ALLOWED = {
    # An example shows one or two rows; the documentation of the data types says that null, "" and text all occur.
    **dict.fromkeys(
        (
            *("COMPANY_ID", "CONTACT_ID", "LEAD_ID", "POST", "COMMENTS", "HONORIFIC", "SECOND_NAME", "LAST_NAME"),
            *("ADDITIONAL_INFO", "SOURCE_DESCRIPTION", "PROBABILITY", "ADDRESS", "ADDRESS_CITY", "ADDRESS_COUNTRY"),
            *("UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN", "UTM_CONTENT", "UTM_TERM", "COMPANY_TITLE", "CATEGORY_ID"),
            *("BANKING_DETAILS", "BIRTHDATE", "SEMANTICS", "NAME", "ADDRESS_LOC_ADDR_ID"),
        ),
        EMPTY,
    ),
    "TIMESTAMP_X": {"string", "map"},  # both are documented, in different examples
    "LAST_ACTIVITY_DATE": {"string", "map"},
    "XML_ID": {"string"},
    "SETTINGS": {"list"},  # empty settings, as documented for employees
}

SOMETIMES = {
    # Keys that the portal gives or leaves out row by row.
    *("PHONE", "EMAIL", "IM", "WEB", "next", "LIST", "SECOND_NAME", "TIME_ZONE", "PERSONAL_WWW", "PERSONAL_MOBILE"),
    *("PERSONAL_CITY", "WORK_PHONE", "UF_PHONE_INNER", "UF_HEAD", "operating", "operating_reset_at", "error"),
    *("EDIT_FORM_LABEL", "LIST_COLUMN_LABEL", "LIST_FILTER_LABEL", "ERROR_MESSAGE", "HELP_MESSAGE", "items"),
    *("isDeprecated", "settings", "statusType", "listLabel", "formLabel", "filterLabel", "PARENT", "FACE_ID"),
    "ADDRESS_COUNTRY_CODE",
}

DEAL_LIST = ("ID", "TITLE", "TYPE_ID", "CATEGORY_ID", "STAGE_ID", "OPPORTUNITY", "IS_MANUAL_OPPORTUNITY",
             "ASSIGNED_BY_ID", "DATE_CREATE")  # fmt: skip
CONTACT_LIST = ("ID", "NAME", "LAST_NAME", "EXPORT", "ASSIGNED_BY_ID", "DATE_CREATE", "EMAIL")

REQUESTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("crm.deal.list", {"select": DEAL_LIST}),
    ("crm.lead.list", {}),
    ("crm.contact.list", {"select": CONTACT_LIST}),
    ("crm.company.list", {"select": ("ID", "TITLE", "ASSIGNED_BY_ID", "PHONE")}),
    ("crm.status.list", {"filter": {"ENTITY_ID": "DEAL_STAGE"}}),
    ("crm.status.entity.types", {}),
    ("crm.category.list", {"entityTypeId": 2}),
    ("crm.currency.list", {}),
    ("crm.stagehistory.list", {"entityTypeId": 2}),
    ("user.get", {}),
    ("department.get", {}),
    ("crm.deal.userfield.list", {"filter": {"LANG": "ru"}}),
)


def _compare(ours: Any, documented: dict[str, Any]) -> list[str]:
    found = differences(shape_of(ours), documented, ALLOWED)
    return [text for text in found if text.partition(":")[0].rpartition(".")[2] not in SOMETIMES]


@pytest.mark.parametrize(("method", "params"), REQUESTS, ids=[method for method, _ in REQUESTS])
def test_lists(shared: Caller, method: str, params: dict[str, Any]) -> None:
    assert _compare(shared(method, **params), DOCUMENTED[method]) == []


@pytest.mark.parametrize("entity", CRM)
def test_get(shared: Caller, entity: str) -> None:
    rows = shared.portal.rows(entity)
    for row in (rows[0], rows[len(rows) // 2], rows[-1]):
        assert _compare(shared(f"crm.{entity}.get", id=row["ID"]), DOCUMENTED[f"crm.{entity}.get"]) == []


@pytest.mark.parametrize("entity", CRM)
def test_field_lists(shared: Caller, entity: str) -> None:
    fields = shared.result(f"crm.{entity}.fields")
    documented = DOCUMENTED[f"crm.{entity}.fields"]
    codes = {
        code: field["type"] + "*" * field["isMultiple"] + "!" * field["isReadOnly"]
        for code, field in fields.items()
        if not field["isDynamic"]
    }
    assert list(codes.items()) == list(documented["codes"].items()), "the same fields in the same order"
    for field in fields.values():
        assert _compare(field, documented["descriptor"]) == []


def test_user_field_titles(shared: Caller) -> None:
    documented = DOCUMENTED["user.fields"]["keys"]["result"]["keys"]
    ours = shared.result("user.fields")
    assert set(ours) <= set(documented)
    assert all(isinstance(title, str) for title in ours.values())


def test_batches(shared: Caller) -> None:
    good = shared("batch", cmd={"get_user": "user.current", "get_department": "department.get"})
    assert set(good["result"]) == set(DOCUMENTED["batch"]["keys"]["result"]["keys"])
    assert set(good["result"]["result_time"]["get_user"]) >= {"start", "finish", "duration", "processing"}
    bad = shared("batch", cmd={"get_user": "no.method", "get_department": "no.method.either"})
    assert _compare(bad["result"], DOCUMENTED["batch.2"]["keys"]["result"]) == []


def test_errors(shared: Caller) -> None:
    documented = DOCUMENTED["errors"]
    assert shared("crm.lead.get", id=999_999_999) == documented["crm.lead.get"]
    assert shared("crm.contact.get") == documented["crm.contact.get"]
    assert shared("crm.deal.list", filter="x") == documented["crm.deal.list"]
    assert shared("crm.deal.add") == documented["crm.deal.get"]


def test_event_bodies(call: Caller) -> None:
    call.portal.on_event("http://127.0.0.1:1/", "token")
    subscription = call.portal.events.subscriptions[0]
    body = call.portal.events.body(subscription, "ONCRMDEALADD", {"ID": 7}, 1_735_374_081).decode()
    nested: dict[str, Any] = {}
    for name, value in parse_qsl(body):
        node = nested
        *parents, last = name.replace("]", "").split("[")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    for_applications = {"access_token", "expires_in", "scope", "status", "refresh_token"}
    for event in ("ONCRMDEALADD", "ONCRMDEALUPDATE", "ONCRMDEALDELETE", "ONCRMCONTACTADD", "ONCRMCOMPANYUPDATE"):
        found = differences(shape_of(nested), DOCUMENTED[f"event.{event}"], ALLOWED)
        missing = [text for text in found if text.partition(":")[0].rpartition(".")[2] not in for_applications]
        assert missing == []

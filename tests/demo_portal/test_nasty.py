"""Nasty rows go over the wire unchanged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from demo_portal.nasty import ABSENT, GHOST, LONGEST_CODE, SINGLE
from demo_portal.portal import CRM
from demo_portal.schema import MULTIFIELDS
from tests.demo_portal.conftest import Caller


def _all(call: Caller, entity: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        last = rows[-1]["ID"] if rows else 0
        params = {"filter": {">ID": last}, "order": {"ID": "ASC"}, "start": -1}
        page = call.result(f"crm.{entity}.list", select=["*", "UF_*", *MULTIFIELDS], **params)
        rows += page
        if len(page) < 50:
            return rows


@pytest.mark.parametrize("entity", CRM)
def test_nasty_rows_are_listed_as_they_are(call: Caller, entity: str) -> None:
    added = call.portal.add_nasty(entity)
    listed = _all(call, entity)
    assert listed == json.loads(json.dumps(call.portal.rows(entity)))
    assert {int(row["ID"]) for row in listed} >= set(added)
    text = json.dumps(listed)
    for oddity in ("\\u0000", "\\ud800", "1.0E+25", "9999-12-31", "0000-00-00", "|RUB", "auth=", "T80_6"):
        assert oddity in text


@pytest.mark.parametrize("entity", CRM)
def test_nasty_fields_are_described(call: Caller, entity: str) -> None:
    call.portal.add_nasty(entity)
    fields = call.result(f"crm.{entity}.fields")
    for type_name in SINGLE:
        for multiple in (False, True):
            found = [code for code, f in fields.items() if (f["type"], f["isMultiple"]) == (type_name, multiple)]
            assert [code for code in found if code.startswith("UF_CRM_NASTY")], (type_name, multiple)
    assert len(LONGEST_CODE) == 50
    assert {LONGEST_CODE, "ORDER", ABSENT, "PARENT_ID_1220"} <= set(fields)
    assert GHOST not in fields
    keys = {key for row in call.portal.rows(entity) for key in row}
    assert GHOST in keys
    assert ABSENT not in keys
    titles = [field["listLabel"] for field in fields.values() if field.get("listLabel")]
    assert titles.count("Близнец") == 2


def test_half_a_surrogate_pair_is_an_escape_on_the_wire(call: Caller) -> None:
    deal = call.portal.add("deal", {"TITLE": "half \ud800 pair"})
    content = call.http.post("crm.deal.get", json={"id": deal}).content
    assert b'"half \\ud800 pair"' in content


def test_nasty_rows_can_be_changed_and_added_twice(call: Caller) -> None:
    first = call.portal.add_nasty("deal")
    second = call.portal.add_nasty("deal")
    assert not set(first) & set(second)
    for deal in first:
        call.portal.update("deal", deal, {"TITLE": "touched"})
    assert call.portal.random_changes(60, seed=1)
    assert len(_all(call, "deal")) == len(call.portal.ids("deal"))

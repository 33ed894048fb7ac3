"""Filters of the list methods."""

from __future__ import annotations

from typing import Any

import pytest

from demo_portal.clock import parse_instant
from tests.demo_portal.conftest import Caller


def _found(shared: Caller, entity: str, **conditions: Any) -> set[int]:
    """Ids that a filter finds, read to the end by id."""
    found: set[int] = set()
    last = 0
    while True:
        conditions[">ID"] = last
        ids = shared.ids(f"crm.{entity}.list", filter=conditions, order={"ID": "ASC"}, select=["ID"], start=-1)
        found |= set(ids)
        if len(ids) < 50:
            return found
        last = ids[-1]


def _amount(row: dict[str, Any]) -> float:
    return float(row["OPPORTUNITY"])


@pytest.mark.parametrize(
    ("conditions", "matches"),
    [
        ({"STAGE_ID": "WON"}, lambda row: row["STAGE_ID"] == "WON"),
        ({"=STAGE_ID": ["WON", "LOSE"]}, lambda row: row["STAGE_ID"] in ("WON", "LOSE")),
        ({"@STAGE_ID": ["WON", "LOSE"]}, lambda row: row["STAGE_ID"] in ("WON", "LOSE")),
        ({"!@STAGE_ID": ["WON", "LOSE"]}, lambda row: row["STAGE_ID"] not in ("WON", "LOSE")),
        ({"!STAGE_ID": "WON"}, lambda row: row["STAGE_ID"] != "WON"),
        ({"!=CATEGORY_ID": 0}, lambda row: row["CATEGORY_ID"] != "0"),
        ({"%TITLE": "поставка"}, lambda row: "поставка" in row["TITLE"].lower()),
        ({"=%TITLE": "КП:%"}, lambda row: row["TITLE"].startswith("КП:")),
        ({"%=TITLE": "%Сервис%"}, lambda row: "сервис" in row["TITLE"].lower()),
        ({"%STAGE_ID": "WO"}, lambda row: False),  # LIKE on a dictionary field acts as =
        ({">OPPORTUNITY": 1_000_000}, lambda row: _amount(row) > 1_000_000),
        ({">=OPPORTUNITY": "100000", "<OPPORTUNITY": 200_000}, lambda row: 100_000 <= _amount(row) < 200_000),
        ({"COMPANY_ID": ""}, lambda row: row["COMPANY_ID"] in (None, "0")),
        ({"UF_CRM_1688021190": 1}, lambda row: row["UF_CRM_1688021190"] == "1"),
        ({"UF_CRM_CITY": "КАЗАНЬ"}, lambda row: row["UF_CRM_CITY"] == "Казань"),
        ({"UF_CRM_1688021055": ""}, lambda row: row["UF_CRM_1688021055"] == ""),
        ({">=CLOSEDATE": "2025-06-01"}, lambda row: row["CLOSEDATE"] >= "2025-06-01"),
        ({"CLOSEDATE": "2025-04-15"}, lambda row: row["CLOSEDATE"].startswith("2025-04-15")),
        ({"<=CLOSEDATE": "15.04.2024"}, lambda row: row["CLOSEDATE"] <= "2024-04-16"),
        ({">DATE_CREATE": "not a date"}, lambda row: False),
    ],
)
def test_deal_filters(shared: Caller, conditions: dict[str, Any], matches: Any) -> None:
    expected = {int(row["ID"]) for row in shared.portal.rows("deal") if matches(row)}
    assert _found(shared, "deal", **conditions) == expected


@pytest.mark.parametrize("operator", ["~", "?", "><", "!%", "!%=", "LIKE "])
def test_unknown_operators_return_every_row(shared: Caller, operator: str) -> None:
    assert shared("crm.deal.list", filter={f"{operator}TITLE": "x"})["total"] == len(shared.portal.ids("deal"))


def test_unknown_fields_return_every_row(shared: Caller) -> None:
    assert shared("crm.deal.list", filter={"NO_SUCH_FIELD": 1})["total"] == len(shared.portal.ids("deal"))


def test_leads_know_a_negated_like(shared: Caller) -> None:
    expected = {int(row["ID"]) for row in shared.portal.rows("lead") if "звонок" not in row["TITLE"].lower()}
    assert _found(shared, "lead", **{"!%TITLE": "звонок"}) == expected


def test_contact_details_match_exactly(shared: Caller) -> None:
    row = next(row for row in shared.portal.rows("contact") if "EMAIL" in row)
    value = row["EMAIL"][0]["VALUE"]
    assert int(row["ID"]) in _found(shared, "contact", EMAIL=value)
    assert _found(shared, "contact", EMAIL=value[:-3]) == set()


def test_multiple_fields_match_any_of_their_values(shared: Caller) -> None:
    field = shared.portal.fields["deal"]["UF_CRM_1687188401"]
    option = field.options[2].id
    expected = {int(row["ID"]) for row in shared.portal.rows("deal") if option in (row[field.code] or [])}
    assert expected
    assert _found(shared, "deal", **{field.code: option}) == expected


@pytest.mark.parametrize("bound", ["2025-06-01T00:00:00+03:00", "2025-05-31T21:00:00+00:00", "2025-06-01 00:00:00"])
def test_modification_windows_honour_offsets_and_default_to_the_server(shared: Caller, bound: str) -> None:
    since = parse_instant("2025-06-01T00:00:00+03:00") or 0
    rows = shared.portal.rows("deal")
    expected = {int(row["ID"]) for row in rows if (parse_instant(row["DATE_MODIFY"]) or 0) >= since}
    assert expected
    assert _found(shared, "deal", **{">=DATE_MODIFY": bound}) == expected


def test_id_ranges_and_lists_combine(shared: Caller) -> None:
    ids = shared.portal.ids("deal")
    chosen = ids[10:40]
    found = shared.ids(
        "crm.deal.list", filter={"@ID": chosen, ">=ID": chosen[5], "<ID": chosen[20]}, order={"ID": "DESC"}
    )
    assert found == chosen[5:20][::-1]


@pytest.mark.parametrize("filter_", ["STAGE_ID", 5])
def test_a_filter_must_be_an_array(shared: Caller, filter_: Any) -> None:
    assert shared("crm.deal.list", filter=filter_) == {
        "error": "",
        "error_description": "Parameter 'filter' must be array.",
    }

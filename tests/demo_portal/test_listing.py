"""Pages, order and selection."""

from __future__ import annotations

import pytest

from tests.demo_portal.conftest import Caller


def test_pages_of_fifty_with_next_and_total(shared: Caller) -> None:
    ids = shared.portal.ids("deal")
    first = shared("crm.deal.list", order={"ID": "ASC"}, select=["ID"])
    assert [int(row["ID"]) for row in first["result"]] == ids[:50]
    assert (first["next"], first["total"]) == (50, len(ids))
    last = shared("crm.deal.list", order={"ID": "ASC"}, start=len(ids) - 1)
    assert "next" not in last
    assert last["result"][-1]["ID"] == str(ids[-1])


@pytest.mark.parametrize(("start", "offset"), [(75, 50), (99, 50), ("150", 150), (0, 0)])
def test_offsets_are_floored_to_a_page(shared: Caller, start: int | str, offset: int) -> None:
    found = shared.ids("crm.deal.list", order={"ID": "ASC"}, start=start)
    assert found == shared.portal.ids("deal")[offset : offset + 50]


def test_without_a_count_there_is_no_total_and_no_next(shared: Caller) -> None:
    answer = shared("crm.deal.list", order={"ID": "ASC"}, start=-1)
    assert answer["total"] == 0
    assert "next" not in answer
    assert len(answer["result"]) == 50


def test_without_an_order_rows_do_not_come_by_id(shared: Caller) -> None:
    ids = shared.portal.ids("deal")
    first, second = shared.ids("crm.deal.list"), shared.ids("crm.deal.list", start=50)
    assert first != ids[:50]
    assert first != sorted(first)
    assert set(first) & set(second), "pages without an order overlap"


def test_a_closed_range_comes_whole_without_an_order(shared: Caller) -> None:
    ids = shared.portal.ids("deal")[100:130]
    found = shared.ids("crm.deal.list", filter={">=ID": ids[0], "<=ID": ids[-1]}, start=-1)
    assert sorted(found) == ids


@pytest.mark.parametrize("way", ["ASC", "DESC", "desc"])
def test_order_by_amount(shared: Caller, way: str) -> None:
    rows = shared.result("crm.deal.list", order={"OPPORTUNITY": way, "ID": "ASC"}, select=["OPPORTUNITY"])
    amounts = [float(row["OPPORTUNITY"]) for row in rows]
    assert amounts == sorted(amounts, reverse=way != "ASC")


def test_standard_and_user_fields_are_the_default_selection(shared: Caller) -> None:
    row = shared.result("crm.contact.list", order={"ID": "ASC"})[0]
    assert "UF_CRM_1692300177" in row
    assert "NAME" in row
    assert not {"PHONE", "EMAIL", "COMPANY_IDS"} & set(row)


def test_masks_select_apart(shared: Caller) -> None:
    standard = shared.result("crm.deal.list", select=["*"])[0]
    custom = shared.result("crm.deal.list", select=["UF_*"])[0]
    assert not [code for code in standard if code.startswith("UF_")]
    assert [code for code in custom if not code.startswith("UF_")] == ["ID"]


def test_contact_details_come_by_name_only_and_only_where_there_are_any(shared: Caller) -> None:
    rows = shared.result("crm.contact.list", order={"ID": "ASC"}, select=["ID", "PHONE", "EMAIL"])
    assert any("EMAIL" not in row for row in rows)
    detail = next(row["PHONE"] for row in rows if "PHONE" in row)[0]
    assert set(detail) == {"ID", "VALUE_TYPE", "VALUE", "TYPE_ID"}
    assert detail["TYPE_ID"] == "PHONE"


def test_parameters_may_be_upper_case(shared: Caller) -> None:
    found = shared.ids("crm.deal.list", ORDER={"ID": "DESC"}, SELECT=["ID"], FILTER={"<ID": 60}, START=-1)
    assert found == [row_id for row_id in shared.portal.ids("deal") if row_id < 60][:-51:-1]


def test_an_offset_beyond_the_end_is_empty(shared: Caller) -> None:
    assert shared.result("crm.deal.list", order={"ID": "ASC"}, start=1_000_000) == []


def test_stage_history_is_wrapped_and_filtered(shared: Caller) -> None:
    deal = shared.portal.ids("deal")[7]
    answer = shared("crm.stagehistory.list", entityTypeId=2, filter={"OWNER_ID": deal}, order={"ID": "ASC"})
    items = answer["result"]["items"]
    assert items == [row for row in shared.portal.rows("deal_stage_history") if row["OWNER_ID"] == deal]
    assert answer["total"] == len(items)
    assert shared("crm.stagehistory.list", entityTypeId=3)["error"] == "ENTITY_TYPE_NOT_SUPPORTED"
    assert shared("crm.stagehistory.list")["error"] == "100"


def test_users_can_be_paged_and_filtered(shared: Caller) -> None:
    dismissed = shared.result("user.get", FILTER={"ACTIVE": False})
    assert [row["ID"] for row in dismissed] == ["7", "12"]
    assert shared("user.get", start=-1)["total"] == 0
    assert shared("user.get", filter={">ID": 4})["total"] == len([r for r in shared.portal.users if int(r["ID"]) > 4])

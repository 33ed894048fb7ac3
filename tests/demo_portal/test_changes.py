"""Mutations: what follows from them in rows, history and answers."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from demo_portal.clock import SERVER_ZONE, parse_instant
from demo_portal.portal import CRM, Portal
from tests.demo_portal.conftest import NOW, Caller


def _history(portal: Portal, deal: int) -> list[tuple[int, str]]:
    return [(row["TYPE_ID"], row["STAGE_ID"]) for row in portal.rows("deal_stage_history") if row["OWNER_ID"] == deal]


def test_values_are_printed_by_type(portal: Portal) -> None:
    deal = portal.add(
        "deal",
        {
            "TITLE": "Typed",
            "OPPORTUNITY": 19999.99,
            "CLOSEDATE": date(2025, 7, 1),
            "UF_CRM_1690112301": datetime(2025, 7, 2, 9, 30, tzinfo=SERVER_ZONE),
            "UF_CRM_1688021190": True,
            "OPENED": False,
            "UF_CRM_1690112377": 7,
            "UF_CRM_1690112499": ["a", 2],
            "UF_CRM_1687188401": [],
            "NO_SUCH_FIELD": "ignored",
        },
    )
    row = portal.row("deal", deal) or {}
    assert row["OPPORTUNITY"] == "19999.99"
    assert row["CLOSEDATE"] == "2025-07-01T03:00:00+03:00"
    assert row["UF_CRM_1690112301"] == "2025-07-02T09:30:00+03:00"
    assert (row["UF_CRM_1688021190"], row["OPENED"], row["UF_CRM_1690112377"]) == ("1", "N", "7")
    assert row["UF_CRM_1690112499"] == ["a", "2"]
    assert row["UF_CRM_1687188401"] is False
    assert "NO_SUCH_FIELD" not in row


def test_a_deals_life_leaves_its_trail(portal: Portal) -> None:
    deal = portal.add("deal", {"TITLE": "Trail"})
    portal.update("deal", deal, {"STAGE_ID": "PREPARATION"})
    portal.update("deal", deal, {"TITLE": "No move"})
    portal.update("deal", deal, {"CATEGORY_ID": "1"})
    portal.update("deal", deal, {"STAGE_ID": "C1:LOSE"})
    assert _history(portal, deal) == [(1, "NEW"), (2, "PREPARATION"), (5, "C1:NEW"), (3, "C1:LOSE")]
    row = portal.row("deal", deal) or {}
    assert (row["STAGE_SEMANTIC_ID"], row["CLOSED"], row["IS_NEW"]) == ("F", "Y", "N")


def test_an_update_touches_the_modification_time(portal: Portal) -> None:
    deal = portal.ids("deal")[3]
    before = (portal.row("deal", deal) or {})["DATE_MODIFY"]
    portal.update("deal", deal, {"TITLE": "Silent"}, touch=False)
    assert (portal.row("deal", deal) or {})["DATE_MODIFY"] == before
    portal.clock.advance(90)
    portal.update("deal", deal, {"TITLE": "Loud"}, user_id=5)
    row = portal.row("deal", deal) or {}
    assert (parse_instant(row["DATE_MODIFY"]) or 0) >= NOW.timestamp() + 90
    assert row["MODIFY_BY_ID"] == "5"


def test_contact_details_change_by_id(portal: Portal) -> None:
    contact = portal.add("contact", {"NAME": "A", "PHONE": [{"VALUE": "1", "VALUE_TYPE": "WORK"}, {"VALUE": "2"}]})
    row = portal.row("contact", contact) or {}
    assert row["HAS_PHONE"] == "Y"
    first, second = row["PHONE"]
    portal.update(
        "contact", contact, {"PHONE": [{"ID": first["ID"], "VALUE": "11"}, {"ID": second["ID"], "DELETE": "Y"}]}
    )
    assert (portal.row("contact", contact) or {})["PHONE"] == [{**first, "VALUE": "11"}]
    portal.update("contact", contact, {"PHONE": [{"ID": first["ID"], "VALUE": ""}]})
    row = portal.row("contact", contact) or {}
    assert "PHONE" not in row
    assert row["HAS_PHONE"] == "N"


def test_deleted_ids_are_never_used_again(portal: Portal) -> None:
    last = portal.ids("deal")[-1]
    portal.delete("deal", last)
    assert portal.row("deal", last) is None
    assert portal.add("deal", {"TITLE": "Next"}) == last + 1
    with pytest.raises(KeyError, match=f"no deal with id {last}"):
        portal.delete("deal", last)


def test_hidden_rows_vanish_silently_and_come_back(call: Caller) -> None:
    portal = call.portal
    before = portal.rows("deal")
    hidden = portal.hide("deal", lambda row: row["CATEGORY_ID"] == "1")
    assert hidden
    assert call("crm.deal.list")["total"] == len(before) - len(hidden)
    assert call("crm.deal.get", id=min(hidden))["error_description"] == "Not found"
    assert len(portal.hide("deal", 0.5)) == round((len(before) - len(hidden)) * 0.5)
    portal.restore()
    assert portal.rows("deal") == before


def test_fields_come_change_and_go(call: Caller) -> None:
    portal = call.portal
    portal.add_field("deal", "UF_CRM_COLOR", "enumeration", title="Цвет", options=["Красный", "Синий"])
    field = call.result("crm.deal.fields")["UF_CRM_COLOR"]
    assert (field["title"], field["listLabel"]) == ("UF_CRM_COLOR", "Цвет")
    assert [item["VALUE"] for item in field["items"]] == ["Красный", "Синий"]
    assert {row["UF_CRM_COLOR"] for row in portal.rows("deal")} == {""}
    green = portal.add_option("deal", "UF_CRM_COLOR", "Зелёный")
    portal.rename_option("deal", "UF_CRM_COLOR", green, "Салатовый")
    portal.delete_option("deal", "UF_CRM_COLOR", int(field["items"][0]["ID"]))
    portal.rename_field("deal", "UF_CRM_COLOR", "Оттенок")
    listed = next(row for row in call.result("crm.deal.userfield.list") if row["FIELD_NAME"] == "UF_CRM_COLOR")
    assert [item["VALUE"] for item in listed["LIST"]] == ["Синий", "Салатовый"]
    assert "LIST_COLUMN_LABEL" not in listed, "labels come only when a language is asked for"
    in_russian = call.result("crm.deal.userfield.list", filter={"LANG": "ru", "FIELD_NAME": "UF_CRM_COLOR"})
    assert [row["LIST_COLUMN_LABEL"] for row in in_russian] == ["Оттенок"]
    portal.remove_field("deal", "UF_CRM_COLOR")
    assert "UF_CRM_COLOR" not in call.result("crm.deal.fields")
    assert "UF_CRM_COLOR" not in portal.rows("deal")[0]
    portal.add_field("deal", "UF_CRM_COLOR", "string", multiple=True)
    assert {row["UF_CRM_COLOR"] for row in portal.rows("deal")} == {False}


def test_random_changes_are_what_they_say(portal: Portal) -> None:
    before = {entity: {int(row["ID"]): row for row in portal.rows(entity)} for entity in CRM}
    portal.clock.advance(3600)
    changes = portal.random_changes(100, seed=5)
    assert sum(len(ids) for kinds in changes.values() for ids in kinds.values()) == 100
    for entity in CRM:
        after = {int(row["ID"]): row for row in portal.rows(entity)}
        assert set(after) - set(before[entity]) == changes[entity]["added"]
        assert set(before[entity]) - set(after) == changes[entity]["deleted"]
        changed = {row_id for row_id in set(after) & set(before[entity]) if after[row_id] != before[entity][row_id]}
        assert changed == changes[entity]["updated"]


def test_random_changes_without_deletions(portal: Portal) -> None:
    changes = portal.random_changes(80, seed=5, deletions=False)
    assert not any(kinds["deleted"] for kinds in changes.values())
    assert sum(len(ids) for kinds in changes.values() for ids in kinds.values()) == 80

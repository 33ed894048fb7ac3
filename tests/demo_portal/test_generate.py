"""The generated business: consistent, believable, and the same for the same seed."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest

from demo_portal.clock import parse_instant
from demo_portal.portal import CRM, Portal
from tests.demo_portal.conftest import NOW

REFERENCES = ("status", "pipeline", "currency", "user", "department", "deal_stage_history", "lead_stage_history")


def test_the_same_seed_gives_the_same_portal() -> None:
    one, two, other = (Portal.generate(seed=seed, deals=150, now=NOW) for seed in (4, 4, 5))
    for entity in (*CRM, *REFERENCES):
        assert one.rows(entity) == two.rows(entity)
    assert one.rows("deal") != other.rows("deal")
    assert one.secret == two.secret != other.secret


@pytest.mark.parametrize("deals", [0, 1, 3])
def test_tiny_portals(deals: int) -> None:
    assert len(Portal.generate(deals=deals, now=NOW).rows("deal")) == deals


@pytest.mark.parametrize(("entity", "stage", "semantic"), [
    ("deal", "STAGE_ID", "STAGE_SEMANTIC_ID"), ("lead", "STATUS_ID", "STATUS_SEMANTIC_ID")
])  # fmt: skip
def test_history_agrees_with_the_records(business: Portal, entity: str, stage: str, semantic: str) -> None:
    trails: dict[int, list[dict[str, Any]]] = defaultdict(list)
    history = business.rows(f"{entity}_stage_history")
    for entry in history:
        trails[entry["OWNER_ID"]].append(entry)
    times = [parse_instant(entry["CREATED_TIME"]) or 0 for entry in history]
    assert times == sorted(times), "the history grows by id"
    for row in business.rows(entity):
        trail = trails.pop(int(row["ID"]))
        assert [entry["TYPE_ID"] for entry in trail[:1]] == [1]
        assert all(entry[semantic] == "P" for entry in trail[:-1])
        last = trail[-1]
        assert (last[stage], last[semantic]) == (row[stage], row[semantic])
        assert last["TYPE_ID"] == (1 if len(trail) == 1 else 2 if row[semantic] == "P" else 3)
        assert (trail[0]["CREATED_TIME"], last["CREATED_TIME"]) == (row["DATE_CREATE"], row["MOVED_TIME"])
        assert row["DATE_CREATE"] <= row["MOVED_TIME"] <= row["DATE_MODIFY"]
        assert (parse_instant(row["DATE_MODIFY"]) or 0) <= NOW.timestamp()
    assert not trails


def test_stages_belong_to_their_pipelines(business: Portal) -> None:
    stages = defaultdict(set)
    for status in business.rows("status"):
        stages[status["ENTITY_ID"]].add(status["STATUS_ID"])
    for row in business.rows("deal"):
        category = row["CATEGORY_ID"]
        assert row["STAGE_ID"] in stages["DEAL_STAGE" if category == "0" else f"DEAL_STAGE_{category}"]
        assert row["CLOSED"] == ("N" if row["STAGE_SEMANTIC_ID"] == "P" else "Y")


def test_links_lead_somewhere(business: Portal) -> None:
    companies, contacts = set(business.ids("company")), set(business.ids("contact"))
    leads = {int(row["ID"]): row for row in business.rows("lead")}
    converted = set()
    for row in business.rows("deal"):
        assert int(row["CONTACT_ID"]) in contacts
        assert row["COMPANY_ID"] == "0" or int(row["COMPANY_ID"]) in companies
        if row["LEAD_ID"]:
            converted.add(int(row["LEAD_ID"]))
            lead = leads[int(row["LEAD_ID"])]
            assert lead["STATUS_ID"] == "CONVERTED"
            assert lead["DATE_CREATE"] < row["DATE_CREATE"] == lead["DATE_CLOSED"]
            assert lead["CONTACT_ID"] == row["CONTACT_ID"]
    assert converted == {lead_id for lead_id, lead in leads.items() if lead["STATUS_ID"] == "CONVERTED"}
    assert 0.2 < len(converted) / len(leads) < 0.5


def test_ids_are_dense_with_gaps(business: Portal) -> None:
    for entity in CRM:
        ids = business.ids(entity)
        assert ids == sorted(set(ids))
        assert 0.94 < len(ids) / ids[-1] < 0.995


def test_the_business_has_seasons_growth_and_different_managers(business: Portal) -> None:
    deals = business.rows("deal")
    months = Counter(row["DATE_CREATE"][:7] for row in deals)
    assert months["2024-12"] > 1.3 * months["2024-07"]
    assert sum(months[f"2025-{month:02}"] for month in range(1, 6)) > 1.1 * sum(
        months[f"2024-{month:02}"] for month in range(1, 6)
    )
    won, closed = Counter[str](), Counter[str]()
    for row in deals:
        if row["CLOSED"] == "Y":
            closed[row["ASSIGNED_BY_ID"]] += 1
            won[row["ASSIGNED_BY_ID"]] += row["STAGE_SEMANTIC_ID"] == "S"
    rates = {manager: won[manager] / count for manager, count in closed.items() if count > 50}
    assert max(rates.values()) > 1.6 * min(rates.values())
    assert 0.03 < 1 - len([row for row in deals if row["CLOSED"] == "Y"]) / len(deals) < 0.2
    assert {row["CATEGORY_ID"] for row in deals} == {"0", "1", "3"}
    assert {row["CURRENCY_ID"] for row in deals} >= {"RUB", "USD", "EUR"}


def test_the_documented_traps_are_in_the_data(business: Portal) -> None:
    deals = business.rows("deal")
    users = {row["ID"] for row in business.rows("user")}
    sources = {row["STATUS_ID"] for row in business.rows("status") if row["ENTITY_ID"] == "SOURCE"}
    assert {row["ASSIGNED_BY_ID"] for row in deals} - users == {"9001"}
    assert {row["SOURCE_ID"] for row in deals} - sources == {"14|WZ_WHATSAPP_C3"}
    assert [row for row in deals if row["IS_RECURRING"] == "Y"]
    assert len([row for row in business.rows("company") if row["IS_MY_COMPANY"] == "Y"]) == 1
    assert [row["ID"] for row in business.rows("user") if not row["ACTIVE"]] == ["7", "12"]


def test_people_are_fictitious(business: Portal) -> None:
    for entity in ("contact", "company", "lead"):
        for row in business.rows(entity):
            assert all(detail["VALUE"].startswith("+7 900 000-") for detail in row.get("PHONE", ()))
            assert all(detail["VALUE"].endswith("example.com") for detail in row.get("EMAIL", ()))

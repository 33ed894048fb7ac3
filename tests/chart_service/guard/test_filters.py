"""Filters: forms and their limits, values of every type, which views they touch, what they say of the rest."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from chart_service.guard import Refused, RowRule, check
from chart_service.guard.filters import Filters, apply
from tests.chart_service.guard.view_types import view_types

DEALS = "SELECT count(*) FROM crm.deals"


def narrowed(owner: psycopg.Connection[Any], sql: str, filters: Any, *rules: RowRule) -> Any:
    return apply(check(sql), Filters.model_validate(filters), rules, view_types(owner))


def count(owner: psycopg.Connection[Any], filters: Any, *rules: RowRule, sql: str = DEALS) -> int:
    [row] = owner.execute(narrowed(owner, sql, filters, *rules).sql.encode()).fetchall()
    return int(row[0])


def expected(owner: psycopg.Connection[Any], condition: str, *values: Any) -> int:
    [row] = owner.execute(f"{DEALS} WHERE {condition}".encode(), values or None).fetchall()
    return int(row[0])


def where(column: str, op: str, *values: Any) -> dict[str, Any]:
    return {"columns": [{"column": column, "op": op, "values": list(values)}]}


@pytest.mark.parametrize(
    ("column", "op", "values", "condition"),
    [
        ("id", "in", [1, "2", 3.0], "id IN (1, 2, 3)"),
        ("id", "in", [], "false"),
        ("id", "not_in", [], "true"),
        ("id", "between", [10, 20], "id BETWEEN 10 AND 20"),
        ("opportunity", "between", ["1234.5", 5000], "opportunity BETWEEN 1234.5 AND 5000"),
        ("uf_crm_margin", "in", [-49, "-48.0"], "uf_crm_margin IN (-49, -48)"),
        ("uf_crm_margin", "between", [-1e9, None], "uf_crm_margin IS NOT NULL"),
        ("stage_id", "in", ["NEW", "WON"], "stage_id IN ('NEW', 'WON')"),
        ("source_id", "not_in", ["CALL"], "source_id <> 'CALL' OR source_id IS NULL"),
        ("source_id", "not_in", ["CALL", None], "source_id <> 'CALL'"),
        ("source_id", "in", [None], "source_id IS NULL"),
        ("source_id", "is_null", [], "source_id IS NULL"),
        ("source_id", "not_null", [], "source_id IS NOT NULL"),
        ("closed", "in", [True], "closed"),
        ("closed", "in", ["N", "false"], "NOT closed"),
        ("closedate", "in", ["2025-01-23"], "closedate = '2025-01-23'"),
        ("closedate", "between", ["2025-02-01", "2025-02-28"], "closedate BETWEEN '2025-02-01' AND '2025-02-28'"),
        ("date_create", "in", ["2025-01-11"], "date_create >= '2025-01-11Z' AND date_create < '2025-01-12Z'"),
        ("date_create", "between", ["2025-01-11", "2025-02-11"], "date_create BETWEEN '2025-01-11Z' AND '2025-02-12Z'"),
        ("date_create", "between", ["2025-01-11T12:00:00Z", None], "date_create >= '2025-01-11 12:00Z'"),
        ("title", "contains", ["ремонт", "50%"], "title ILIKE '%ремонт%' OR title LIKE '50~%%' ESCAPE '~'"),
        ("title", "contains", ["a_b"], "position('a_b' in title) > 0"),
        ("uf_crm_tags", "in", ["vip", "old"], "uf_crm_tags && ARRAY['vip', 'old']"),
        ("uf_crm_tags", "not_in", ["vip"], "NOT uf_crm_tags && ARRAY['vip'] OR uf_crm_tags IS NULL"),
        ("uf_crm_tags", "contains", ["VI"], "'vip' = ANY (uf_crm_tags)"),
        ("uf_crm_meta", "contains", ["ads"], "uf_crm_meta ->> 'channel' = 'ads'"),
        ("deals.category_id", "in", [0], "category_id = 0"),
    ],
)  # fmt: skip
def test_each_operation_on_each_type(
    owner: psycopg.Connection[Any], column: str, op: str, values: list[Any], condition: str
) -> None:
    assert count(owner, where(column, op, *values)) == expected(owner, condition)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_text_is_a_value_and_nothing_more(owner: psycopg.Connection[Any], value: str) -> None:
    assert count(owner, where("title", "in", value)) == 0
    assert count(owner, where("title", "not_in", value)) == expected(owner, "true")
    parameter = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    assert count(owner, where("title", "contains", value)) == expected(owner, "title ILIKE %s", f"%{parameter}%")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *[("id", value) for value in ("x", 1.5, True, "1; DROP", 2**63, "1e400", "NaN", "Infinity", "")],
        *[("opportunity", value) for value in ("x", True, "1e50", "-Infinity")],
        *[("closedate", value) for value in ("yesterday", 5, "2025-13-01", True)],
        *[("closed", value) for value in ("maybe", 2)],
        *[("uf_crm_meta", value) for value in ("x", 1)],
        *[("stage_id", value) for value in (True,)],
    ],
)
def test_values_that_do_not_fit_are_refused(owner: psycopg.Connection[Any], column: str, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        narrowed(owner, DEALS, where(column, "in", value))
    assert refused.value.rule == "filter_value"
    assert column in refused.value.message.en


def test_columns_that_no_view_has_are_refused(owner: psycopg.Connection[Any]) -> None:
    for column in ("nothing", "deals.nothing", "nowhere.id", "contacts.stage_id"):
        with pytest.raises(Refused, match="filter_column"):
            narrowed(owner, DEALS, where(column, "not_null"))
    with pytest.raises(Refused, match="filter_column"):
        narrowed(owner, DEALS, {"period": {"from": "2025-01-01", "to": None, "column": "deals.nothing"}})


@pytest.mark.parametrize(
    "filters",
    [
        {"columns": [{"column": "id", "op": "in", "values": [1]}] * 51},
        where("id", "in", *range(1001)),
        {"columns": [{"column": "id", "op": "in", "values": list(range(900))}] * 3},
        where("title", "in", "x" * 1001),
        where("title", "in", "a\0b"),
        where("title", "in", "\ud800"),
        where("title", "in", ["nested"]),
        where("title", "equals", "x"),
        where("title", "between", "x"),
        where("title", "is_null", "x"),
        where("title", "contains"),
        where('ti"tle', "is_null"),
        where("crm.deals.title", "is_null"),
        where("", "is_null"),
        {"period": {"from": "2025-02-01", "to": "2025-02-01"}},
        {"period": {"from": "0001-01-01", "to": None}},
        {"period": {"from": "whenever", "to": None}},
        {"period": {"since": "2025-02-01"}},
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"other": 1},
    ],
)
def test_forms_that_are_not_filters(filters: Any) -> None:
    with pytest.raises(ValidationError):
        Filters.model_validate(filters)


def test_a_day_begins_at_local_midnight(owner: psycopg.Connection[Any]) -> None:
    period = {"from": "2025-03-30", "to": "2025-04-01", "column": None}
    for zone, offsets in (("Europe/Berlin", ("+01:00", "+02:00")), ("Asia/Kolkata", ("+05:30", "+05:30"))):
        sql = narrowed(owner, DEALS, {"period": period, "timezone": zone}).sql
        assert f"2025-03-30T00:00:00{offsets[0]}" in sql
        assert f"2025-04-01T00:00:00{offsets[1]}" in sql


def test_views_that_a_filter_leaves_alone_are_named(owner: psycopg.Connection[Any]) -> None:
    both = (
        "SELECT 1 FROM crm.deals d JOIN crm.leads l ON l.id = d.lead_id"
        " JOIN crm.statuses s ON s.status_id = d.source_id"
    )
    assert narrowed(owner, both, where("category_id", "in", 1)).unfiltered == ("leads",)
    assert narrowed(owner, both, where("deals.stage_id", "in", "NEW")).unfiltered == ()
    assert narrowed(owner, both, where("contacts.id", "in", 1)).unfiltered == ("deals", "leads")
    assert narrowed(owner, both, where("assigned_by_id", "in", 1)).unfiltered == ()
    assert narrowed(owner, "TABLE crm.pipelines", where("assigned_by_id", "in", 1)).unfiltered == ()


def test_people_that_are_only_looked_up_are_not_filtered(owner: psycopg.Connection[Any]) -> None:
    """A deal of manager 1 stays when its client's card belongs to manager 2."""
    joined = "SELECT count(*) FROM crm.deals d JOIN crm.contacts c ON c.id = d.contact_id"
    assert count(owner, where("assigned_by_id", "in", 1), sql=joined) == expected(
        owner, "assigned_by_id = 1 AND contact_id IS NOT NULL"
    )
    alone = "SELECT count(*) FROM crm.contacts"
    assert 0 < count(owner, where("assigned_by_id", "in", 1), sql=alone) < 40
    assert count(owner, where("contacts.assigned_by_id", "in", 1), sql=joined) < expected(
        owner, "contact_id IS NOT NULL"
    )


def test_long_names_of_columns_keep_working(owner: psycopg.Connection[Any]) -> None:
    sql = "SELECT count(crm.deals.id) FROM crm.deals WHERE crm.deals.is_won AND deals.id > 5"
    assert count(owner, where("assigned_by_id", "in", 1), sql=sql) == expected(
        owner, "is_won AND id > 5 AND assigned_by_id = 1"
    )
    shadowed = "SELECT (SELECT max(deals.id) FROM crm.leads AS deals WHERE deals.id = crm.deals.id) FROM crm.deals"
    with pytest.raises(Refused, match="column"):
        narrowed(owner, shadowed, where("assigned_by_id", "in", 1))


def test_nothing_to_filter_changes_nothing(owner: psycopg.Connection[Any]) -> None:
    assert narrowed(owner, DEALS, {}).sql == check(DEALS).sql
    assert narrowed(owner, DEALS, {"period": None, "columns": []}).unfiltered == ()


def test_as_many_values_as_are_allowed_take_little_time(owner: psycopg.Connection[Any]) -> None:
    many = {"columns": [{"column": "title", "op": "not_in", "values": [f"x{i}" for i in range(40)]}] * 50}
    assert count(owner, many) == expected(owner, "true")


def test_a_rule_hides_what_it_cannot_decide(owner: psycopg.Connection[Any]) -> None:
    mine = RowRule("assigned_by_id = 1")
    assert count(owner, {}, mine) == expected(owner, "assigned_by_id = 1")
    assert count(owner, {}, mine, sql="SELECT count(*) FROM crm.pipelines") == 3
    hidden = narrowed(owner, "SELECT count(*) FROM crm.users", {}, mine)
    assert [note.en for note in hidden.notes] == ["The table users is hidden by access rules."]
    assert owner.execute(hidden.sql.encode()).fetchall() == [(0,)]
    assert count(owner, {}, RowRule("1 = 0"), sql="SELECT count(*) FROM crm.pipelines") == 0
    assert count(owner, {}, RowRule("nothing = 1")) == 0
    assert count(owner, {}, RowRule("nothing = 1", "deals")) == 0
    assert count(owner, {}, RowRule("nothing = 1", "leads")) == expected(owner, "true")


def test_rules_are_anded_whatever_they_hold(owner: psycopg.Connection[Any]) -> None:
    rules = [RowRule("id = 1 OR id = 2 -- or anything"), RowRule("id = 2 OR id = 3")]
    assert count(owner, where("id", "in", 1, 2, 3), *rules) == 1


def test_a_condition_never_meets_a_row_that_a_rule_hides(owner: psycopg.Connection[Any]) -> None:
    """Else an error message would tell what stands in it."""
    sql = "SELECT count(*) FROM crm.deals WHERE CASE WHEN id = 100 THEN 1 / (id - 100) END > 0"
    with owner.transaction(force_rollback=True), pytest.raises(psycopg.errors.DivisionByZero):
        count(owner, {}, sql=sql)
    assert count(owner, {}, RowRule("id < 50"), sql=sql) == 0


def test_rules_for_what_is_not_there_are_refused() -> None:
    for dataset in ("7", "secrets", "app.secrets", "", "crm.nothing"):
        with pytest.raises(Refused, match="clause_view"):
            apply(check(DEALS), Filters(), [RowRule("true", dataset)], {"deals": {}})

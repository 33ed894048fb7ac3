"""A filtered statement gives what the same statement gives on tables that hold the filtered rows only.

The tables are made by conditions written here by hand; the statements are made at random: WITH names that hide views,
unions, self-joins, correlated sub-queries, laterals, one inside another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chart_service.guard import RowRule, check
from chart_service.guard.filters import Filters, apply
from tests.chart_service.guard.view_types import view_types
from warehouse.database import Database

Narrowing = tuple[dict[str, Any], tuple[RowRule, ...], dict[str, str]]

NARROWINGS: tuple[Narrowing, ...] = (
    (
        {"period": {"from": "2025-02-01", "to": "2025-07-01", "column": None}},
        (),
        dict.fromkeys(("deals", "leads"), "date_create >= '2025-02-01Z' AND date_create < '2025-07-01Z'"),
    ),
    (
        {"period": {"from": "2025-02-01", "to": None, "column": "deals.closedate"}, "timezone": "Asia/Almaty"},
        (),
        {"deals": "closedate >= '2025-02-01'", "leads": "date_create >= '2025-01-31 19:00+00'"},
    ),
    (
        {"columns": [{"column": "assigned_by_id", "op": "in", "values": [1, "2", None]}]},
        (RowRule("source_id = 'CALL' OR source_id IS NULL"),),
        dict.fromkeys(
            ("deals", "leads"),
            "(assigned_by_id IN (1, 2) OR assigned_by_id IS NULL) AND (source_id = 'CALL' OR source_id IS NULL)",
        ),
    ),
    (
        {
            "columns": [
                {"column": "source_id", "op": "not_in", "values": ["WEB"]},
                {"column": "deals.title", "op": "contains", "values": ["50%", "РЕМОНТ"]},
            ]
        },
        (),
        {
            "deals": "source_id IS DISTINCT FROM 'WEB' AND (position('50%' in title) > 0 OR title LIKE 'Ремонт%')",
            "leads": "source_id IS DISTINCT FROM 'WEB'",
        },
    ),
    (
        {},
        (RowRule("opportunity > 30000"), RowRule("id % 2 = 0", "deals")),
        {"deals": "opportunity > 30000 AND id % 2 = 0", "leads": "opportunity > 30000"},
    ),
    (
        {"columns": [{"column": "opportunity", "op": "between", "values": [None, 40000]}]},
        (RowRule("is_won", "crm.leads"),),
        {"deals": "opportunity <= 40000", "leads": "opportunity <= 40000 AND is_won"},
    ),
)

COLUMNS = "id, title, assigned_by_id, source_id, opportunity, date_create"
"""Columns that deals and leads have in common."""

NAMES = ("deals", "leads", "d", "x", "w")
NUMBERS = st.integers(0, 120)


@pytest.fixture(scope="module")
def filtered(small_crm: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database with a schema of filtered tables for each narrowing: ``f0``, ``f1``, …"""
    with small_crm.connect("test", autocommit=True) as owner:
        for number, (_, _, conditions) in enumerate(NARROWINGS):
            owner.execute(f"CREATE SCHEMA f{number}".encode())
            for view, condition in conditions.items():
                owner.execute(f"CREATE TABLE f{number}.{view} AS SELECT * FROM crm.{view} WHERE {condition}".encode())
        yield owner
        for number in range(len(NARROWINGS)):
            owner.execute(f"DROP SCHEMA f{number} CASCADE".encode())


@st.composite
def statements(draw: st.DrawFn) -> str:
    """A statement over deals and leads. ``names`` are the WITH names that can be seen."""
    names: list[str] = []
    parts = []
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True)):
        parts.append(f"{name} AS ({selection(draw, names, 2)})")
        names.append(name)
    clause = f"WITH {', '.join(parts)} " if parts else ""
    return clause + final(draw, names)


def selection(draw: st.DrawFn, names: list[str], depth: int) -> str:
    """A SELECT of ``COLUMNS``."""
    kind = draw(st.sampled_from(["plain", "where", "union", "exists", "in", "with"] if depth else ["plain", "where"]))
    one = source(draw, names, depth)
    if kind == "plain":
        return f"SELECT {COLUMNS} FROM {one} s"
    if kind == "where":
        return f"SELECT {COLUMNS} FROM {one} s WHERE s.id > {draw(NUMBERS)}"
    if kind == "with":
        name = draw(st.sampled_from(NAMES))
        inner = selection(draw, names, depth - 1)
        return f"WITH {name} AS ({inner}) SELECT {COLUMNS} FROM {name}"
    other = selection(draw, names, depth - 1)
    if kind == "union":
        operator = draw(st.sampled_from(["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]))
        return f"(SELECT {COLUMNS} FROM {one} s) {operator} ({other})"
    if kind == "in":
        return f"SELECT {COLUMNS} FROM {one} s WHERE id IN (SELECT id FROM ({other}) o)"
    return f"SELECT {COLUMNS} FROM {one} s WHERE EXISTS (SELECT 1 FROM ({other}) o WHERE o.id = s.id)"


def source(draw: st.DrawFn, names: list[str], depth: int) -> str:
    """Something to select from: a view in one of its spellings, a WITH name, or a sub-query."""
    choices = ["crm.deals", "crm.leads", "CRM_DEALS", "deals", "leads", *names]
    if depth and draw(st.booleans()):
        return f"({selection(draw, names, depth - 1)})"
    return draw(st.sampled_from(choices))


def final(draw: st.DrawFn, names: list[str]) -> str:
    one, other = source(draw, names, 1), source(draw, names, 1)
    return draw(
        st.sampled_from(
            [
                f"SELECT assigned_by_id, count(*), sum(opportunity) FROM {one} q GROUP BY 1 HAVING count(*) > 1",
                f"SELECT a.id, b.title FROM {one} a JOIN {other} b ON a.id = b.id",
                f"SELECT a.source_id, count(b.id) FROM {one} a LEFT JOIN {other} b USING (id) GROUP BY 1",
                f"SELECT a.id, t.title FROM {one} a CROSS JOIN LATERAL (SELECT o.title FROM {other} o"
                " WHERE o.assigned_by_id = a.assigned_by_id ORDER BY o.opportunity DESC NULLS LAST, o.id LIMIT 2) t",
                f"SELECT a.id, (SELECT count(*) FROM {other} b WHERE b.source_id = a.source_id) FROM {one} a",
                f"SELECT a.id FROM {one} a WHERE a.opportunity > (SELECT avg(b.opportunity) FROM {other} b)",
                f"SELECT row_number() OVER (ORDER BY q.id, q.title), q.id FROM {one} q",
                "SELECT crm.deals.id, deals.title FROM crm.deals JOIN crm.leads ON crm.leads.id = crm.deals.lead_id",
                "SELECT count(d), to_jsonb(min(d.id)) FROM crm.deals d",
                f"SELECT to_jsonb(l) ->> 'title' FROM crm.leads l WHERE l.id IN (SELECT id FROM {one} q)",
                f"SELECT 'a', count(*) FROM {one} q UNION ALL SELECT 'b', count(*) FROM {other} q",
                "TABLE crm.leads",
                f"SELECT DISTINCT ON (source_id) source_id, id FROM {one} q ORDER BY source_id, id",
                "SELECT a.id, b.id FROM crm.deals a JOIN crm.deals b ON b.company_id = a.company_id AND b.id > a.id",
            ]
        )
    )


def rows(connection: psycopg.Connection[Any], sql: str) -> list[str]:
    return sorted(map(repr, connection.execute(sql.encode()).fetchall()))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(statement=statements(), number=st.integers(0, len(NARROWINGS) - 1))
def test_filtering_views_is_filtering_tables(filtered: psycopg.Connection[Any], statement: str, number: int) -> None:
    filters, rules, conditions = NARROWINGS[number]
    checked = check(statement)
    if "crm.deals." in checked.sql and " AS (" in checked.sql:
        return  # a long name beside a WITH name like it is refused: see test_filters.py
    narrowed = apply(checked, Filters.model_validate(filters), rules, view_types(filtered))
    expected = checked.sql
    for view in conditions:
        expected = expected.replace(f"crm.{view}", f"f{number}.{view}")
    assert rows(filtered, narrowed.sql) == rows(filtered, expected)

"""A history has few columns of its own: what is asked of it is asked of the deal or lead that it is of."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from chart_service.guard import RowRule, check
from chart_service.guard.filters import Filters, apply

MOVES = "SELECT count(*) FROM crm.deal_stage_history"
BOTH = "SELECT count(*) FROM crm.deal_stage_history h JOIN crm.deals d ON d.id = h.owner_id"


def count(owner: psycopg.Connection[Any], sql: str, filters: Any = None, *rules: RowRule) -> tuple[int, list[str]]:
    types: dict[str, dict[str, str]] = {}
    for view, column, pg_type in owner.execute(
        """SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c
           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
           WHERE c.relnamespace = 'crm'::regnamespace"""
    ):
        types.setdefault(view, {})[column] = pg_type
    narrowed = apply(check(sql), Filters.model_validate(filters or {}), rules, types)
    [row] = owner.execute(narrowed.sql.encode()).fetchall()
    return row[0], list(narrowed.unfiltered)


def moves_of(owner: psycopg.Connection[Any], condition: str) -> int:
    [row] = owner.execute(
        "SELECT count(*) FROM crm.deal_stage_history h JOIN crm.deals d ON d.id = h.owner_id WHERE " + condition  # type: ignore[arg-type]
    ).fetchall()
    return int(row[0])


@pytest.mark.parametrize("sql", [MOVES, BOTH])
def test_histories_follow_their_records(owner: psycopg.Connection[Any], sql: str) -> None:
    [[manager]] = owner.execute("SELECT min(assigned_by_id) FROM crm.deals").fetchall()
    expected = moves_of(owner, f"d.assigned_by_id = {manager}")
    everything = moves_of(owner, "true")
    assert 0 < expected < everything
    for column in ("assigned_by_id", "deals.assigned_by_id"):
        filters = {"columns": [{"column": column, "op": "in", "values": [manager]}]}
        assert count(owner, sql, filters) == (expected, [])
    rule = RowRule(f"assigned_by_id = {manager}")
    assert count(owner, sql, None, rule) == (expected, [])
    both = moves_of(owner, f"d.assigned_by_id = {manager} AND h.category_id = 0 AND d.opportunity > 1000")
    rules = (rule, RowRule("category_id = 0", "deal_stage_history"), RowRule("opportunity > 1000"))
    assert count(owner, MOVES, None, *rules)[0] == both


def test_what_neither_has_shows_nothing(owner: psycopg.Connection[Any]) -> None:
    assert count(owner, MOVES, None, RowRule("last_name = 'x'"))[0] == 0
    # A rule for the deals alone says nothing of a chart that reads the history alone.
    assert count(owner, MOVES, None, RowRule("false", "deals"))[0] == moves_of(owner, "true")

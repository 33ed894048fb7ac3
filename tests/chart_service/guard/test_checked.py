"""What ``check`` answers: where a mistake is, names of results, the statement within a limit."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from chart_service.guard import Refused, check


@pytest.mark.parametrize(
    ("sql", "rule", "at"),
    [
        ("SELECT pg_sleep(1) FROM crm.deals", "function", (1, 8)),
        ("SELECT 'ё',\n  pg_sleep(1) FROM crm.deals", "function", (2, 3)),
        ("SELECT 1\nFROM crm.deals\nJOIN crm.secrets USING (id)", "relation", (3, 6)),
        ("SELECT 1 FROM crm.deals;\nDROP TABLE x", "several_statements", (1, 24)),
        ("SELECT 1\nFORM crm.deals", "syntax", (2, 6)),
        ("SELECT a\u00a0 FROM crm.deals", "bad_character", (1, 9)),
        ("SELECT x::regclass FROM crm.deals", "type", (1, 11)),
        ("DELETE FROM crm.deals", "not_a_query", (1, 1)),
    ],
)
def test_the_spot_is_told(sql: str, rule: str, at: tuple[int, int]) -> None:
    with pytest.raises(Refused) as refused:
        check(sql)
    assert (refused.value.rule, refused.value.at) == (rule, at)


def test_a_message_repeats_no_payload() -> None:
    with pytest.raises(Refused) as refused:
        check(f"SELECT {'x' * 5000}(1) FROM crm.deals")
    assert len(refused.value.message.en) < 200


def test_a_close_name_is_told() -> None:
    with pytest.raises(Refused) as refused:
        check("SELECT 1 FROM crm.deal")
    assert "deals?" in refused.value.message.en
    assert "deals?" in refused.value.message.ru


def test_results_with_the_same_name_can_be_told_apart(owner: psycopg.Connection[Any]) -> None:
    checked = check(
        'SELECT d.id, c.id, c.id AS id_2, 1 AS "q""" FROM crm.deals d JOIN crm.companies c ON c.id = d.company_id'
    )
    assert checked.columns == ("id", "id", "id_2", 'q"')
    names = [column.name for column in owner.execute(checked.limited(5).encode()).description or ()]
    assert names == ["id", "id_3", "id_2", 'q"'] or len(set(names)) == 4


def test_the_limit_lets_one_more_through(owner: psycopg.Connection[Any]) -> None:
    assert len(owner.execute(check("SELECT id FROM crm.deals").limited(10).encode()).fetchall()) == 11
    assert len(owner.execute(check("SELECT id FROM crm.deals LIMIT 3;").limited(10).encode()).fetchall()) == 3


def test_spellings_of_views_become_one() -> None:
    for name in (
        "crm.deals",
        "CRM.Deals",
        "deals",
        "crm_deals",
        "CRM_DEALS",
        "public.crm_deals",
        '"crm"."deals"',
        '"crm.deals"',
    ):
        assert check(f"SELECT count(*) FROM {name} AS d").sql == "SELECT count(*) FROM crm.deals AS d"


def test_a_with_name_hides_a_view_where_it_can_be_seen() -> None:
    inside = "SELECT (WITH deals AS (SELECT id FROM crm.leads) SELECT count(*) FROM deals) FROM deals"
    assert check(inside).sql == (
        "SELECT (WITH deals AS (SELECT id FROM crm.leads) SELECT count(*) FROM deals) FROM crm.deals"
    )
    with pytest.raises(Refused, match="relation"):
        check("SELECT (WITH secret AS (SELECT id FROM crm.leads) SELECT count(*) FROM secret) FROM secret")

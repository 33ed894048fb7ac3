"""Columns that do not exist are told with what is close, and only where the text makes it certain."""

from __future__ import annotations

import psycopg
import pytest

from chart_service.guard import Refused, check
from tests.chart_service.guard.examples import HONEST
from tests.chart_service.guard.view_types import view_types

SCHEMA = {
    "deals": ["id", "title", "stage_id", "stage_name", "opportunity", "company_id"],
    "companies": ["id", "title", "industry"],
}


@pytest.mark.parametrize(
    ("sql", "close"),
    [
        ("SELECT stage FROM crm.deals", "stage_id"),
        ("SELECT d.tilte FROM crm.deals d", "title"),
        ("SELECT crm.deals.oportunity FROM crm.deals", "opportunity"),
        ("SELECT id FROM crm.deals WHERE amount > 5 OR opportunty > 5", ""),
        ("SELECT d.id FROM crm.deals d JOIN crm.companies c ON c.ident = d.company_id", "id"),
        ("SELECT count(*) FROM crm.deals GROUP BY stage_nam", "stage_name"),
        ("SELECT id FROM crm.deals ORDER BY oppotunity", "opportunity"),
        ("WITH w AS (SELECT id AS deal FROM crm.deals) SELECT dael FROM w", "deal"),
        ("SELECT q.total FROM (SELECT sum(opportunity) AS totals FROM crm.deals) q", "totals"),
        ("SELECT 1 FROM crm.deals d WHERE EXISTS (SELECT 1 FROM crm.companies WHERE id = d.compani_id)", "company_id"),
        ("SELECT (SELECT max(c.titel) FROM crm.companies c) FROM crm.deals", "title"),
        ("SELECT id FROM crm.deals UNION SELECT ide FROM crm.companies", "id"),
        ("SELECT x.b FROM (SELECT id, title FROM crm.deals) AS x (a, c)", ""),
        ("SELECT sum(opportunity) OVER (ORDER BY dat) FROM crm.deals", ""),
        ("SELECT d.pg_column_size FROM crm.companies d", ""),
    ],
)  # fmt: skip
def test_unknown_columns_are_told(sql: str, close: str) -> None:
    with pytest.raises(Refused) as refused:
        check(sql, SCHEMA)
    assert refused.value.rule in ("unknown_column", "field_call")
    assert close in refused.value.message.en
    assert refused.value.at is not None


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT deals FROM crm.deals",
        "SELECT stage_id AS s FROM crm.deals ORDER BY s",
        "SELECT stage_id AS s, count(*) FROM crm.deals GROUP BY s",
        "SELECT value FROM crm.deals, jsonb_array_elements(to_jsonb(title)) AS value",
        "SELECT j.title FROM (crm.deals JOIN crm.companies USING (id)) AS j",
        "SELECT title FROM (SELECT * FROM crm.deals) q",
        "SELECT t.extra FROM crm.deals d, jsonb_to_record(to_jsonb(d)) AS t(extra text)",
        "WITH RECURSIVE t(n, m) AS (SELECT 1, 2 UNION ALL SELECT n + 1, m FROM t WHERE n < 5)"
        " SELECT m FROM t, crm.deals WHERE id = n",
        "SELECT c.title FROM crm.companies c,"
        " LATERAL (SELECT d.opportunity FROM crm.deals d WHERE d.company_id = c.id LIMIT 1) x",
        "SELECT column1 FROM (VALUES (1), (2)) v JOIN crm.deals ON id = column1",
    ],
)  # fmt: skip
def test_known_columns_pass(sql: str) -> None:
    check(sql, SCHEMA)


def test_views_that_are_not_there_yet_are_told() -> None:
    with pytest.raises(Refused) as refused:
        check("SELECT 1 FROM crm.leads", SCHEMA)
    assert refused.value.rule == "relation"


def test_stars_are_written_out() -> None:
    assert check("SELECT * FROM crm.companies", SCHEMA).columns == ("id", "title", "industry")
    assert check(
        "SELECT c.*, d.id AS deal FROM crm.companies c JOIN crm.deals d ON d.company_id = c.id", SCHEMA
    ).columns == (
        *("id", "title", "industry"),
        "deal",
    )


def test_honest_examples_pass_with_the_schema_known(owner: psycopg.Connection) -> None:  # type: ignore[type-arg]
    schema = view_types(owner)
    wrong = []
    for _, sql in HONEST:
        try:
            check(sql, schema)
        except Refused as refused:
            wrong.append((sql, refused.message.en))
    assert not wrong

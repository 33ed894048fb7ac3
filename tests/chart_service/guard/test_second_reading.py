"""sqlglot reads what is about to run, and what it reads must be the same query."""

from __future__ import annotations

import pytest

from chart_service.guard.refusal import Refused
from chart_service.guard.second_reading import agree

DEALS = frozenset({"deals"})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM crm.deals",
        "WITH d AS (SELECT * FROM crm.deals) SELECT * FROM d",
        "(SELECT id FROM crm.deals) UNION ALL (SELECT 1)",
    ],
)
def test_the_same_query_passes(sql: str) -> None:
    agree(sql, DEALS)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "DELETE FROM crm.deals",
        "WITH d AS (DELETE FROM crm.deals RETURNING id) SELECT * FROM d",
        "SELECT * INTO x FROM crm.deals",
        "SELECT * FROM crm.deals FOR UPDATE",
        "SELECT * FROM crm.deals, crm.leads",
        "SELECT * FROM crm.deals, app.secrets",
        "SELECT * FROM other.crm.deals",
        "SELECT 1",
        "VACUUM",
        "SELECT (",
        "",
    ],
)
def test_anything_else_is_refused(sql: str) -> None:
    with pytest.raises(Refused) as refused:
        agree(sql, DEALS)
    assert refused.value.rule == "disagreement"

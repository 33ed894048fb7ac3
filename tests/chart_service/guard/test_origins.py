"""Which column of a view a column of a result is."""

from __future__ import annotations

import pytest

from chart_service.guard import check
from chart_service.guard.filters import ColumnFilter, Filters, apply
from chart_service.guard.origins import origins

SCHEMA = {
    "deals": ("id", "stage_name", "closed_at", "assigned_by_name", "opportunity", "currency_id", "lead_id"),
    "leads": ("id", "source_name"),
    "currencies": ("currency", "amount"),
}
TYPES = {"deals": dict.fromkeys(SCHEMA["deals"], "text"), "leads": dict.fromkeys(SCHEMA["leads"], "text")}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ('SELECT stage_name AS "стадия", count(*) AS n FROM crm.deals GROUP BY 1', {"стадия": "deals.stage_name"}),
        ("SELECT date_trunc('month', d.closed_at)::date AS month FROM crm.deals AS d", {"month": "deals.closed_at"}),
        (
            "SELECT c.currency, amount FROM crm.deals AS d JOIN crm.currencies AS c ON c.currency = d.currency_id",
            {"currency": "currencies.currency", "amount": "currencies.amount"},
        ),
        (
            "WITH x AS (SELECT assigned_by_name AS who, count(*) AS n FROM crm.deals GROUP BY 1) SELECT who, n FROM x",
            {"who": "deals.assigned_by_name"},
        ),
        ("SELECT q.stage_name FROM (SELECT * FROM crm.deals) AS q", {"stage_name": "deals.stage_name"}),
        ("SELECT q.a FROM (SELECT stage_name AS a FROM crm.deals) AS q", {"a": "deals.stage_name"}),
    ],
)
def test_a_column_of_a_view_is_found(sql: str, expected: dict[str, str]) -> None:
    assert origins(check(sql, SCHEMA).tree, SCHEMA) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT lower(stage_name) AS a, stage_name || '!' AS b, count(*) AS c FROM crm.deals GROUP BY 1, 2",
        "SELECT stage_name AS a FROM crm.deals UNION SELECT source_name FROM crm.leads",
        "SELECT q.a FROM (SELECT id AS b, stage_name AS c FROM crm.deals) AS q (a, d)",
        "WITH x AS (SELECT stage_name AS a FROM crm.deals UNION ALL SELECT 'x') SELECT a FROM x",
    ],
)
def test_what_is_computed_or_mixed_has_no_origin(sql: str) -> None:
    assert origins(check(sql, SCHEMA).tree, SCHEMA) == {}


def test_filters_do_not_hide_the_origin() -> None:
    checked = check("SELECT d.stage_name AS a FROM crm.deals AS d", SCHEMA)
    filters = Filters(columns=(ColumnFilter(column="stage_name", op="in", values=("NEW",)),))
    assert origins(apply(checked, filters, (), TYPES).tree, SCHEMA) == {"a": "deals.stage_name"}

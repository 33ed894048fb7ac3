"""Stars within a statement, with the schema known."""

from __future__ import annotations

import pytest

from chart_service.guard import check

SCHEMA = {"deals": ["id", "title"]}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM crm.deals",
        "SELECT q.id FROM (SELECT * FROM crm.deals) q",
        "SELECT q.id FROM (SELECT d.*, 1 AS one FROM crm.deals d) q ORDER BY q.one",
        "WITH x AS (SELECT * FROM crm.deals) SELECT title FROM x ORDER BY title",
    ],
)
def test_stars_pass(sql: str) -> None:
    again = check(check(sql, SCHEMA).sql, SCHEMA)
    assert again.relations == {"deals"}

"""Row rules are one condition on columns of a row, whatever a text tries to be."""

from __future__ import annotations

import pytest

from chart_service.guard import Refused, check_clause

SCHEMA = {"deals": ["id", "stage_id", "assigned_by_id"], "contacts": ["id", "assigned_by_id"]}


@pytest.mark.parametrize(
    ("clause", "columns"),
    [
        ("assigned_by_id = 5", {"assigned_by_id"}),
        ("assigned_by_id IN (1, 2) AND stage_id LIKE 'C1:%'", {"assigned_by_id", "stage_id"}),
        ("1 = 0", set()),
        ("lower(stage_id) = 'x' -- comment", {"stage_id"}),
        ("(id = 1) OR (id = 2)", {"id"}),
        ("date_create >= now() - interval '1 year'", {"date_create"}),
        ("CASE WHEN id > 5 THEN true ELSE id = 1 END", {"id"}),
        ("id = ANY (ARRAY[1, 2])", {"id"}),
    ],
)
def test_conditions_pass(clause: str, columns: set[str]) -> None:
    assert check_clause(clause).columns == columns
    assert "--" not in check_clause(clause).sql


@pytest.mark.parametrize(
    "clause",
    [
        *("", " ", "-- nothing", "*", "a, b", "a = 1 AS b", "a = 1 b", "DISTINCT a"),
        *("1=1) OR (1=1", "1=1; DELETE FROM crm.deals", "a = 1 FROM crm.deals", "a = 1 WHERE true", "a = 1 LIMIT 5"),
        *("a = 1 UNION SELECT 1", "a = 1 GROUP BY a", "a = 1 ORDER BY 1", "a = 1 INTO x", "a = 1 FOR UPDATE"),
        *("a = 1 HAVING true", "a = 1 WINDOW w AS ()", "a = 1 /*", "'", "a = $1", "a = %s", 'U&"a" = 1', "a = 1\0"),
        *("EXISTS (SELECT 1)", "id IN (SELECT id FROM crm.deals)", "(SELECT true)", "id = ANY (SELECT 1)"),
        *("count(*) > 1", "sum(a) OVER () > 1", "row_number() OVER () = 1", "unnest(a) = 1"),
        "generate_series(1, 2) = 1",
        *("pg_sleep(5) IS NULL", "current_user = 'x'", "a::regclass = 'x'"),
        "query_to_xml('x', true, true, '') IS NULL",
        *("deals.a = 1", "app.secrets.a = 1", "(a).b = 1", "ctid = '(0,1)'", "a." + "b." * 5 + "c = 1", "x.* IS NULL"),
        *("repeat('x', 1000000) = a", "a = 1 " + "OR a = 1 " * 700, "(" * 100 + "true" + ")" * 100, "x" * 6_000),
        *("json_arrayagg(a) IS NULL", "GROUPING(a) = 1", "ARRAY(SELECT 1) = a"),
    ],
)  # fmt: skip
def test_all_else_is_refused(clause: str) -> None:
    with pytest.raises(Refused) as refused:
        check_clause(clause)
    assert refused.value.message.ru


def test_a_column_may_be_written_with_the_table_that_the_rule_is_for() -> None:
    assert check_clause("deals.id = 1 AND crm.deals.stage_id = 'x'", view="deals").sql == "id = 1 AND stage_id = 'x'"
    with pytest.raises(Refused, match="clause_view"):
        check_clause("contacts.id = 1", view="deals")


def test_columns_are_looked_up_where_the_schema_is_known() -> None:
    check_clause("stage_id = 'x'", SCHEMA)
    for clause, view in (("stage_id = 'x'", "contacts"), ("nothing = 1", None), ("nothing = 1", "deals")):
        with pytest.raises(Refused, match="unknown_column"):
            check_clause(clause, SCHEMA, view)


def test_the_spot_is_told_in_the_clause_itself() -> None:
    with pytest.raises(Refused) as refused:
        check_clause("id = 1\n  AND pg_sleep(1) IS NULL")
    assert refused.value.at == (2, 7)

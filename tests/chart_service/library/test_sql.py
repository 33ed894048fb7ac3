"""Statements over HTTP: checked, run, drawn, limited, and refused in words."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest

from chart_service.app import create_app
from tests.chart_service.query.conftest import Activity
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database

BY_STAGE = "SELECT stage_name, count(*) AS n, sum(opportunity) AS total FROM deals GROUP BY 1 ORDER BY 2 DESC"


def test_checking_tells_what_would_run(shared_api: httpx.Client) -> None:
    body = shared_api.post("/api/v1/sql/check", json={"sql": f"{BY_STAGE}; -- done"}).json()
    assert body["ok"]
    assert body["relations"] == ["deals"]
    assert body["columns"] == ["stage_name", "n", "total"]
    assert "done" not in body["sql"]


def test_checking_tells_what_is_wrong_and_where(shared_api: httpx.Client) -> None:
    body = shared_api.post(
        "/api/v1/sql/check", json={"sql": "SELECT id,\n pg_sleep(9) FROM deals"}, headers={"Accept-Language": "en"}
    ).json()
    assert (body["ok"], body["rule"], body["at"]) == (False, "function", [2, 2])
    assert "pg_sleep" in body["message"]


def test_running_suggests_a_chart(shared_api: httpx.Client) -> None:
    body = shared_api.post("/api/v1/sql/run", json={"sql": BY_STAGE, "lang": "en"}).json()
    assert body["template"]["format"]
    assert body["chart"]["row_count"] > 3
    assert body["chart"]["formats"]
    assert body["chart"]["data_version"]


def test_drawing_in_another_format_runs_nothing_again(shared_api: httpx.Client) -> None:
    sql = "SELECT stage_name, count(*) AS n FROM deals GROUP BY 1"
    first = shared_api.post("/api/v1/sql/run", json={"sql": sql}).json()
    body = shared_api.post(
        "/api/v1/charts/draw", json={"sql": sql, "template": first["template"], "format": "pie"}
    ).json()
    assert body["template"]["format"] == "pie"
    assert body["chart"]["cached"]


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("SELECT nothing FROM deals", ("refused", "unknown_column"), "nothing"),
        ("SELECT * FROM app.secrets", ("refused",), "app"),
        ("DELETE FROM deals", ("refused",), "DELETE"),
        ("SELECT 1", ("refused",), ""),
        ("SELECT title::int FROM deals", ("bad_value",), "integer"),
        ("SELECT id / 0 AS x FROM deals", ("division_by_zero",), ""),
        ("SELECT title FROM deals\x00", ("refused",), "U+0000"),
        ("", ("invalid_request",), "sql"),
        ("SELECT id FROM deals GROUP BY", ("refused",), ""),
    ],
)
def test_refusals_are_clear(shared_api: httpx.Client, sql: str, code: tuple[str, ...], words: str) -> None:
    answer = shared_api.post("/api/v1/sql/run", json={"sql": sql, "lang": "en"})
    body = answer.json()
    assert answer.status_code == 422, body
    assert body["code"] in code
    assert words in body["detail"]


def test_languages_of_errors(shared_api: httpx.Client) -> None:
    said = [
        shared_api.post("/api/v1/sql/run", json={"sql": "SELECT id / 0 AS x FROM deals", "lang": lang}).json()["detail"]
        for lang in ("ru", "en")
    ]
    assert "ноль" in said[0]
    assert "zero" in said[1]


@pytest.mark.parametrize(
    "filters",
    [
        {"columns": [{"column": "id", "op": "in", "values": [1]}] * 1000},
        {"columns": [{"column": "id", "op": "in", "values": list(range(100_000))}]},
        {"columns": [{"column": "no_such_column", "op": "in", "values": [1]}]},
        {"columns": [{"column": "id", "op": "like", "values": [1]}]},
        {"columns": [{"column": "id; DROP", "op": "in", "values": [1]}]},
        {"columns": [{"column": "title", "op": "in", "values": ["\x00"]}]},
        {"columns": [{"column": "id", "op": "between", "values": ["x", "y"]}]},
        {"period": {"from": "not a day", "to": None}},
        {"period": {"from": "2026-02-01", "to": "2026-01-01"}},
        {"nonsense": True},
        "text",
    ],
)
def test_filters_that_cannot_be(shared_api: httpx.Client, filters: Any) -> None:
    answer = shared_api.post("/api/v1/sql/run", json={"sql": BY_STAGE, "filters": filters})
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]


def test_templates_that_do_not_fit(shared_api: httpx.Client) -> None:
    template = {"format": "bar", "traces": [{"type": "bar", "x": "no_such_column", "y": "n"}]}
    answer = shared_api.post("/api/v1/sql/run", json={"sql": BY_STAGE, "template": template, "lang": "en"})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_template")
    assert "no_such_column" in answer.json()["detail"]


def test_a_body_of_ten_megabytes(shared_api: httpx.Client) -> None:
    answer = shared_api.post("/api/v1/sql/run", json={"sql": "SELECT id FROM deals -- " + "x" * 10_000_000})
    assert answer.status_code == 413
    assert answer.json()["code"]


def test_filter_options_have_labels_and_numbers(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    body = charts_api.get("/api/v1/filters/options", params={"column": "deals.assigned_by_id", "lang": "en"}).json()
    expected = owner.execute(
        """SELECT assigned_by_id, coalesce(max(assigned_by_name), assigned_by_id::text), count(*)
           FROM crm.deals GROUP BY 1 ORDER BY 3 DESC, max(assigned_by_name)"""
    ).fetchall()
    assert [(item["value"], item["label"], item["rows"]) for item in body["items"]] == expected
    assert body["kind"] == "number"
    name = expected[0][1]
    found = charts_api.get("/api/v1/filters/options", params={"column": "deals.assigned_by_id", "q": name[:5]}).json()
    assert expected[0][0] in [item["value"] for item in found["items"]]
    assert len(found["items"]) < len(expected)


def test_filter_options_of_several_values_each(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    row = owner.execute(
        """SELECT attname::text FROM pg_attribute WHERE attrelid = 'crm.deals'::regclass
           AND atttypid = 'bigint[]'::regtype AND attname LIKE 'uf%' LIMIT 1"""
    ).fetchone()
    assert row is not None
    body = charts_api.get("/api/v1/filters/options", params={"column": f"deals.{row[0]}"}).json()
    assert body["items"]
    assert all(isinstance(item["value"], int) for item in body["items"])


@pytest.mark.parametrize(
    ("column", "status"),
    [
        ("deals.nothing", 404),
        ("secrets.value", 404),
        ("app.secrets.value", 404),
        ("deals", 404),
        ("", 404),
        ('deals."id"', 404),
        ("deals.id\x00", 404),
    ],
)
def test_filter_options_of_what_is_not_there(shared_api: httpx.Client, column: str, status: int) -> None:
    assert shared_api.get("/api/v1/filters/options", params={"column": column}).status_code == status


@pytest.mark.parametrize("q", ["%", "_", "'", "\\", "' OR '1'='1", "\x00", "😀"])
def test_a_search_is_a_text(shared_api: httpx.Client, q: str) -> None:
    answer = shared_api.get("/api/v1/filters/options", params={"column": "deals.assigned_by_id", "q": q})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["items"]) == 0 or not q.strip("\x00")


async def test_a_client_that_leaves_stops_its_statement(
    warehouse: Database, owner: psycopg.Connection[Any], activity: Activity
) -> None:
    app = create_app(settings_with(warehouse), warehouse)
    with serving(app) as url, httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
        await asyncio.to_thread(http.post, "/api/v1/sql/run", json={"sql": BY_STAGE})
        runner = app.state.services.charts.statements.runner
        runner.limits = replace(runner.limits, lock_seconds=19)
        host, port = http.base_url.host, http.base_url.port or 80
        body = b'{"sql": "SELECT count(id) AS n FROM deals"}'
        with owner.transaction():
            owner.execute("LOCK TABLE bitrix.deals IN ACCESS EXCLUSIVE MODE")  # the statement waits for it
            with socket.create_connection((host, port)) as client:
                head = f"POST /api/v1/sql/run HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
                client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                assert await activity.becomes(1, 10)
            assert await activity.becomes(0, 10)


def test_tables_that_are_being_changed(charts_api: httpx.Client, owner: psycopg.Connection[Any]) -> None:
    charts_api.post("/api/v1/sql/run", json={"sql": BY_STAGE})
    with owner.transaction():
        owner.execute("LOCK TABLE bitrix.deals IN ACCESS EXCLUSIVE MODE")
        answer = charts_api.post("/api/v1/sql/run", json={"sql": "SELECT count(id) AS n FROM deals"})
    assert (answer.status_code, answer.json()["code"]) == (503, "changing")
    assert answer.headers["retry-after"]


def test_the_api_is_up_without_its_data(
    empty_of_data: Callable[[], httpx.Client],
) -> None:
    answer = empty_of_data().post("/api/v1/sql/run", json={"sql": BY_STAGE, "lang": "en"})
    assert answer.status_code == 422
    assert "deals" in answer.json()["detail"]

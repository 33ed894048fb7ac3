"""Steering and watching the sync over HTTP."""

from __future__ import annotations

import re
import time
from dataclasses import asdict

import httpx
import pytest

from bitrix.entities import ENTITIES
from tests.webhook_api.conftest import serving, settings_with
from warehouse.database import Database
from warehouse.journal import log_schema, start_log, sync_lock
from warehouse.schema_changes import SchemaChange
from webhook_api.app import create_app


def test_every_entity_has_a_configuration(api: httpx.Client) -> None:
    body = api.get("/api/v1/sync/config").raise_for_status().json()
    assert body["default_interval_minutes"] == 30
    assert [row["entity_type"] for row in body["entities"]] == [entity.name for entity in ENTITIES]
    first = {"enabled": True, "sync_interval_minutes": 30, "webhook_enabled": True, "last_sync_at": None}
    assert body["entities"][0] == {"entity_type": "deal", **first}


def test_a_change_is_stored_also_while_dagster_is_away(api: httpx.Client) -> None:
    response = api.put("/api/v1/sync/config", json={"entity_type": "deal", "sync_interval_minutes": 7})
    assert response.status_code == 200
    assert response.json()["sync_interval_minutes"] == 7
    assert "Dagster" in response.json()["schedule"]
    api.put("/api/v1/sync/config", json={"entity_type": "deal", "enabled": False}).raise_for_status()
    [deal] = [row for row in api.get("/api/v1/sync/config").json()["entities"] if row["entity_type"] == "deal"]
    assert (deal["enabled"], deal["sync_interval_minutes"], deal["webhook_enabled"]) == (False, 7, True)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"entity_type": "nope", "enabled": True}, 400, "Invalid entity type"),
        ({"entity_type": "deal"}, 400, "No fields to update"),
        ({"entity_type": "deal", "enabled": None}, 400, "No fields to update"),
        ({"entity_type": "deal", "sync_interval_minutes": 0}, 422, "sync_interval_minutes"),
        ({"entity_type": "deal", "sync_interval_minutes": 10081}, 422, "sync_interval_minutes"),
        ({"entity_type": "deal", "sync_interval_minutes": "7"}, 422, "sync_interval_minutes"),
        ({"entity_type": "deal", "intervall": 7}, 422, "intervall"),
        ({"enabled": True}, 422, "entity_type"),
        ([], 422, "body"),
    ],
)
def test_wrong_changes_are_refused_by_name(api: httpx.Client, body: object, status: int, text: str) -> None:
    response = api.put("/api/v1/sync/config", json=body)
    assert response.status_code == status
    assert text in response.json()["detail"]
    assert set(response.json()) == {"detail", "code", "request_id", "errors"}
    assert response.headers["x-request-id"] == response.json()["request_id"]


def test_a_sync_that_dagster_cannot_start_is_refused(api: httpx.Client) -> None:
    response = api.post("/api/v1/sync/start/deal")
    assert response.status_code == 503
    assert response.json()["code"] == "dagster_unavailable"
    assert api.post("/api/v1/sync/start/nope").json()["detail"].startswith("Invalid entity type")
    wrong = api.post("/api/v1/sync/start/deal", json={"sync_type": "events"})
    assert wrong.status_code == 422
    assert "sync_type" in wrong.json()["detail"]


def test_status_running_and_history(api: httpx.Client, database: Database) -> None:
    assert api.get("/api/v1/sync/status").json()["overall_status"] == "never"
    with database.connect() as conn, sync_lock(conn, "deal") as granted:
        assert granted
        log, _ = start_log(conn, "deal", "full", run_id="run-1", trigger="api")
        conn.execute(
            """UPDATE app.sync_logs SET fetched = 100, expected = 400, started_at = now() - interval '10 s'
               WHERE id = %s""",
            (log,),
        )
        change = SchemaChange("field vanished", "UF_CRM_X", "UF_CRM_X is no longer in the portal.")
        log_schema(conn, log, "full", [change])
        conn.commit()
        status = api.get("/api/v1/sync/status").json()
        assert status["overall_status"] == "running"
        assert status["entities"][0]["run_url"] == "http://127.0.0.1:9/runs/run-1"
        [running] = api.get("/api/v1/sync/running").json()["running"]
        assert (running["rows"], running["rows_expected"]) == (100, 400)
        assert 8 < running["rows_per_second"] < 11
        assert running["expected_end"] > running["started_at"]
    # The lock is free again although the log says running: its process was killed.
    nothing = {"running": [], "count": 0, "queued": [], "queue_known": False}
    assert api.get("/api/v1/sync/running").json() == nothing
    assert api.get("/api/v1/sync/status").json()["overall_status"] == "failed"
    history = api.get("/api/v1/sync/history", params={"entity_type": "deal", "sync_type": "full"}).json()
    assert (history["total"], history["items"][0]["entity_type"]) == (1, "deal")
    assert history["items"][0]["schema_changes"] == [asdict(change)]
    assert api.get("/api/v1/sync/history", params={"status": "completed"}).json()["items"] == []
    assert api.get("/api/v1/sync/history", params={"entity_type": "nope"}).status_code == 400
    assert api.get("/api/v1/sync/history", params={"page_size": 1000}).status_code == 422


def test_health_names_what_fails(api: httpx.Client) -> None:
    response = api.get("/health")
    body = response.json()
    assert response.status_code == 503
    assert (body["status"], body["database"], body["auth"]) == ("unhealthy", "ok", "off")
    assert body["scheduler"] == {"running": False}
    assert body["failing"] == ["scheduler", "portal"]


def test_the_documentation_page_describes_every_call(api: httpx.Client) -> None:
    paths = api.get("/openapi.json").raise_for_status().json()["paths"]
    assert {"/health", "/api/v1/sync/config", "/api/v1/sync/start/{entity}", "/api/v1/webhooks/bitrix"} <= set(paths)
    for path, calls in paths.items():
        for call in calls.values():
            assert call.get("summary"), path
            assert call.get("tags"), path
    assert api.get("/docs").status_code == 200


def test_every_answer_carries_security_headers(api: httpx.Client) -> None:
    response = api.get("/nothing")
    assert response.status_code == 404
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in response.headers
    assert set(response.json()) == {"detail", "code", "request_id", "errors"}


def test_a_body_that_is_too_large_is_refused(api: httpx.Client) -> None:
    announced = api.put("/api/v1/sync/config", content=b"x" * 200_000)
    chunked = api.put("/api/v1/sync/config", content=(b"x" * 1000 for _ in range(200)))
    assert [answer.status_code for answer in (announced, chunked)] == [413, 413]
    assert [answer.json()["code"] for answer in (announced, chunked)] == ["content_too_large"] * 2


def test_history_by_time(api: httpx.Client, database: Database) -> None:
    with database.connect() as conn:
        for day in (1, 2, 3):
            conn.execute(
                """INSERT INTO app.sync_logs (entity, sync_type, status, started_at, finished_at)
                   VALUES ('deal', 'full', 'succeeded', make_timestamptz(2026, 1, %s, 12, 0, 0, 'UTC'), now())""",
                (day,),
            )

    def starts(**query: str) -> list[str]:
        body = api.get("/api/v1/sync/history", params=query).raise_for_status().json()
        assert body["total"] >= len(body["items"])
        return [item["started_at"][:10] for item in body["items"]]

    assert starts(since="2026-01-02T12:00:00") == ["2026-01-03", "2026-01-02"]
    assert starts(until="2026-01-02T12:00:00Z") == ["2026-01-01"]
    assert starts(since="2026-01-02T14:00:00+03:00", until="2026-01-03") == ["2026-01-02"]
    assert starts(since="0001-01-01T00:00:00+14:00", until="9999-12-31T23:59:59-14:00", page_size="1") == ["2026-01-03"]
    assert api.get("/api/v1/sync/history", params={"since": "0.5"}).status_code == 422
    beyond = api.get("/api/v1/sync/history", params={"page": "7"}).json()
    assert (beyond["items"], beyond["total"]) == ([], 3)


def test_whole_numbers_are_whole_however_they_are_written(api: httpx.Client) -> None:
    response = api.put("/api/v1/sync/config", json={"entity_type": "deal", "sync_interval_minutes": 45.0})
    assert response.json()["sync_interval_minutes"] == 45
    for wrong in (45.5, "45", True):
        body = {"entity_type": "deal", "sync_interval_minutes": wrong}
        assert api.put("/api/v1/sync/config", json=body).status_code == 422


def test_a_wrong_method_is_told_the_right_ones(api: httpx.Client) -> None:
    assert api.delete("/api/v1/sync/config").headers["allow"] == "GET, PUT"
    assert api.get("/api/v1/sync/start/deal").headers["allow"] == "POST"


def test_the_documentation_page_may_load_what_it_needs(api: httpx.Client) -> None:
    page = api.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "connect-src 'self'" in policy
    for address in re.findall(r'(?:src|href)="(https://[^"]+)"', page.text):
        origin = "/".join(address.split("/")[:3])
        assert origin in policy, address
    assert api.get("/health").headers["content-security-policy"].startswith("default-src 'none'")


def test_a_restart_of_the_database_is_outlived(api: httpx.Client, database: Database) -> None:
    """The server cuts its connections; the requests after that find new ones, without a single failure."""
    for _ in range(3):
        with database.connect("test", autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'b24 api'"
            )
        for path in ("/api/v1/sync/config", "/api/v1/sync/history"):
            assert api.get(path).status_code == 200


def test_without_a_database_calls_are_refused_soon(database: Database) -> None:
    away = Database("postgresql://nobody:secret-password@127.0.0.1:9/nowhere")
    with (
        serving(create_app(settings_with(database), away)) as url,
        httpx.Client(base_url=url, timeout=30, trust_env=False) as http,
    ):
        began = time.monotonic()
        answers = [
            http.get("/api/v1/sync/config"),
            http.put("/api/v1/sync/config", json={"entity_type": "deal", "enabled": True}),
        ]
        health = http.get("/health")
        assert time.monotonic() - began < 12
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert answer.headers["retry-after"]
        assert "secret-password" not in answer.text
    assert "database" in health.json()["failing"]
    assert "secret-password" not in health.text


def test_a_database_that_does_not_answer_is_not_waited_for(
    api: httpx.Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webhook_api.pool.QUERY_SECONDS", 0.5)
    with database.connect("test") as connection:
        connection.execute("LOCK TABLE app.sync_logs")
        answer = api.get("/api/v1/sync/history")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        connection.rollback()
    assert api.get("/api/v1/sync/history").status_code == 200


def test_figures_for_prometheus(api: httpx.Client, database: Database) -> None:
    empty = api.get("/metrics")
    assert empty.status_code == 200
    assert empty.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "# TYPE b24_syncs_total counter\n# HELP" in empty.text  # no sync yet, so no sample
    with database.connect() as conn, sync_lock(conn, "deal"):
        log, _ = start_log(conn, "deal", "full", run_id="run-1", trigger="api")
        conn.execute(
            "UPDATE app.sync_logs SET fetched = 300, inserted = 299, deleted = 2, requests = 7, waited_seconds = 1.5"
        )
        conn.execute("UPDATE app.sync_logs SET status = 'succeeded', held_back = 4 WHERE id = %s", (log,))
        conn.execute("INSERT INTO app.sync_state (entity, last_sync_at, rows_total) VALUES ('deal', now(), 297)")
        conn.execute("INSERT INTO app.webhook_received (event, accepted) VALUES ('ONCRMDEALADD', 3)")
        conn.execute("INSERT INTO app.portal_rate (portal, requests, refusals) VALUES ('p', 12, 1)")
        conn.execute("INSERT INTO app.sync_issues (entity, row_id, field, reason) VALUES ('de\"al', '1', 'F', 'r')")
        conn.commit()
    lines = api.get("/metrics").text.splitlines()
    for line in (
        'b24_syncs_total{entity="deal",sync_type="full",status="succeeded"} 1',
        'b24_sync_rows_total{entity="deal",outcome="inserted"} 299',
        'b24_portal_requests_total{entity="deal"} 7',
        'b24_portal_wait_seconds_total{entity="deal"} 1.5',
        'b24_mirror_rows{entity="deal"} 297',
        'b24_sync_interval_seconds{entity="deal"} 1800',
        'b24_events_received_total{event="ONCRMDEALADD",outcome="accepted"} 3',
        'b24_deletions_held_back{entity="deal"} 4',
        'b24_nulled_cells{entity="de\\"al"} 1',
        'b24_part_answers{part="scheduler"} 0',  # nothing of Dagster is there
        "b24_portal_bucket_requests_total 12",
        "b24_portal_refusals_total 1",
    ):
        assert line in lines

"""Steering and watching the sync over HTTP."""

from __future__ import annotations

import httpx
import pytest

from bitrix.entities import ENTITIES
from warehouse.database import Database
from warehouse.journal import start_log, sync_lock


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
        log = start_log(conn, "deal", "full", run_id="run-1", trigger="api")
        conn.execute(
            """UPDATE app.sync_logs SET fetched = 100, expected = 400, started_at = now() - interval '10 s'
               WHERE id = %s""",
            (log,),
        )
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
    assert api.put("/api/v1/sync/config", content=b"x" * 200_000).status_code == 413

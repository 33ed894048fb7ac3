"""Starting syncs through a real Dagster webserver. No daemon runs, so whatever is queued stays in the queue."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.services import ROOT, dagster_environment
from tests.conftest import PostgresServer
from tests.webhook_api.conftest import serving
from warehouse.database import Database
from warehouse.settings import load_settings
from webhook_api.app import create_app
from webhook_api.dagster_api import DagsterApi, DagsterUnreachable

READY_SECONDS = 90.0


@pytest.fixture(scope="module")
def shared_database(postgres: PostgresServer, migrated_template: str) -> Iterator[Database]:
    """A migrated database for all tests of this module."""
    name = f"b24_test_{os.getpid()}_start"
    yield postgres.create(name, migrated_template)
    postgres.drop(name)


@pytest.fixture(scope="module")
def dagster(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterApi]:
    """A Dagster webserver with the project's code location."""
    home = tmp_path_factory.mktemp("dagster")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "dagster_webserver", "--host", "127.0.0.1", "--port", str(port)]
    location = ["--module-name", "orchestration.definitions", "--working-directory", str(ROOT)]
    env = os.environ | dagster_environment(home, shared_database)
    with (home / "log").open("wb") as output:
        process = subprocess.Popen([*argv, *location], env=env, cwd=home, stdout=output, stderr=output)
    try:
        with DagsterApi(f"http://127.0.0.1:{port}") as api:
            _wait_for_location(api, process, home / "log")
            yield api
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def _wait_for_location(api: DagsterApi, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if api.repository() is not None:
                return
        except DagsterUnreachable:
            pass
        time.sleep(0.2)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def steering(dagster: DagsterApi, shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API in front of that Dagster."""
    settings = load_settings(
        database_url=shared_database.url,
        dagster_url=dagster.url,
        dagster_public_url="https://dagster.example",
        b24_home=tmp_path_factory.mktemp("home"),
    )
    with (
        serving(create_app(settings, shared_database)) as url,
        httpx.Client(base_url=url, timeout=60, trust_env=False) as http,
    ):
        yield http


def tags_of(dagster: DagsterApi, run_id: str) -> dict[str, str]:
    query = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { jobName tags { key value } } } }"
    run = dagster.query(query, {"id": run_id})["runOrError"]
    return {"job": run["jobName"]} | {tag["key"]: tag["value"] for tag in run["tags"]}


def test_a_sync_is_queued_once(steering: httpx.Client, dagster: DagsterApi) -> None:
    first = steering.post("/api/v1/sync/start/deal", json={"sync_type": "incremental"}).raise_for_status().json()
    assert (first["status"], first["entity"], first["sync_type"]) == ("started", "deal", "incremental")
    assert first["run_url"] == f"https://dagster.example/runs/{first['run_id']}"
    tags = tags_of(dagster, first["run_id"])
    wanted = {"job": "sync_deal", "entity": "deal", "sync_type": "incremental", "trigger": "api"}
    assert wanted.items() <= tags.items()
    # The second one asks for a full sync and is told that the run on its way is none.
    second = steering.post("/api/v1/sync/start/deal").raise_for_status().json()
    assert second == first | {"status": "already_running"}


def test_what_waits_is_shown(steering: httpx.Client) -> None:
    run_id = steering.post("/api/v1/sync/start/lead").raise_for_status().json()["run_id"]
    status = steering.get("/api/v1/sync/status").raise_for_status().json()
    assert status["queue_known"] is True
    assert status["overall_status"] == "queued"
    [lead] = [row for row in status["entities"] if row["entity_type"] == "lead"]
    assert lead["status"] == "queued"
    assert lead["run_url"] == f"https://dagster.example/runs/{run_id}"
    running = steering.get("/api/v1/sync/running").raise_for_status().json()
    assert running["count"] == 0
    [queued] = [row for row in running["queued"] if row["entity_type"] == "lead"]
    assert (queued["sync_type"], queued["trigger"], queued["run_id"]) == ("full", "api", run_id)


def test_two_requests_at_once_start_one_run(steering: httpx.Client) -> None:
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: steering.post("/api/v1/sync/start/currency").json(), range(6)))
    assert sorted(answer["status"] for answer in answers) == ["already_running"] * 5 + ["started"]
    assert len({answer["run_id"] for answer in answers}) == 1


def test_a_run_for_a_few_events_does_not_stand_for_a_full_sync(steering: httpx.Client, dagster: DagsterApi) -> None:
    repository = dagster.repository()
    assert repository is not None
    tags = {"entity": "contact", "sync_type": "events", "trigger": "event"}
    dagster.launch(repository, "sync_contact", {}, tags)
    assert steering.post("/api/v1/sync/start/contact").raise_for_status().json()["status"] == "started"


def test_a_run_that_failed_before_its_sync_began_is_no_success(
    steering: httpx.Client, dagster: DagsterApi, shared_database: Database
) -> None:
    repository = dagster.repository()
    assert repository is not None
    run_id = dagster.launch(repository, "sync_pipeline", {}, {"entity": "pipeline"})
    with shared_database.connect() as connection:
        connection.execute("UPDATE dagster.runs SET status = 'FAILURE' WHERE run_id = %s", (run_id,))
        # Dagster reads the state of a run from its serialized body.
        connection.execute(
            """UPDATE dagster.runs SET run_body = replace(run_body, '"QUEUED"', '"FAILURE"') WHERE run_id = %s""",
            (run_id,),
        )
    [row] = [row for row in steering.get("/api/v1/sync/status").json()["entities"] if row["entity_type"] == "pipeline"]
    assert row["status"] == "failed"
    assert "before the sync began" in row["error_message"]
    assert row["run_url"].endswith(run_id)


def test_the_schedule_follows_at_once(steering: httpx.Client, dagster: DagsterApi) -> None:
    def schedule() -> dict[str, Any]:
        repository = dagster.repository()
        assert repository is not None
        query = """query ($selector: RepositorySelector!) { schedulesOrError(repositorySelector: $selector) {
            ... on Schedules { results { name cronSchedule scheduleState { status } } } } }"""
        selector = {"repositoryLocationName": repository.location, "repositoryName": repository.name}
        results = dagster.query(query, {"selector": selector})["schedulesOrError"]["results"]
        return next(item for item in results if item["name"] == "sync_user_schedule")

    change: dict[str, Any] = {"entity_type": "user", "sync_interval_minutes": 20, "enabled": False}
    assert steering.put("/api/v1/sync/config", json=change).raise_for_status().json()["schedule"] == "applied"
    assert (schedule()["cronSchedule"], schedule()["scheduleState"]["status"]) == ("*/20 * * * *", "STOPPED")
    change = {"entity_type": "user", "enabled": True}
    assert steering.put("/api/v1/sync/config", json=change).raise_for_status().json()["schedule"] == "applied"
    assert schedule()["scheduleState"]["status"] == "RUNNING"


def test_health_says_that_no_daemon_runs(steering: httpx.Client) -> None:
    body = steering.get("/health").json()
    assert body["scheduler"] == {"running": False}
    assert "scheduler" in body["failing"]


def test_a_dagster_that_hangs_holds_up_nothing_else(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes connections and never answers, as a process does that is stopped or out of memory."""
    monkeypatch.setattr("webhook_api.sync_control.START_SECONDS", 4.0)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as hanging:
        settings = load_settings(database_url=database.url, dagster_url=f"http://127.0.0.1:{hanging.getsockname()[1]}")
        with (
            serving(create_app(settings, database)) as url,
            httpx.Client(base_url=url, timeout=60, trust_env=False) as http,
            ThreadPoolExecutor(12) as threads,
        ):
            starting = [threads.submit(http.post, "/api/v1/sync/start/deal") for _ in range(12)]
            time.sleep(0.3)
            began = time.monotonic()
            assert http.get("/api/v1/sync/config").status_code == 200
            assert time.monotonic() - began < 1
            assert http.get("/api/v1/sync/status").json()["queue_known"] is False
            assert http.get("/health").json()["scheduler"] == {"running": False}
            assert time.monotonic() - began < 8
            for answer in (future.result() for future in starting):
                assert (answer.status_code, answer.json()["code"]) == (503, "dagster_unavailable")
                assert answer.headers["retry-after"]

"""What a webhook is told of a failed run: by real HTTP, after a real run."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dagster as dg
import pytest

from orchestration import alerts
from orchestration.alerts import alert, failed_runs, post
from orchestration.definitions import defs
from warehouse.settings import load_settings

PORTAL = "https://example.bitrix24.ru/rest/1/hunter2hunter2/"


class Receiver(HTTPServer):
    """Answers with the statuses that it was given, the last one for ever; keeps what came."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = list(statuses)
        self.bodies: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/hook-secret"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    with Receiver(*getattr(request, "param", (200,))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "PAUSE_SECONDS", 0.01)


def failure(instance: dg.DagsterInstance, error: Exception) -> dg.RunFailureSensorContext:
    """The sensor's context after a run that this error ended."""

    @dg.op(name="deals")
    def deals() -> None:
        raise error

    @dg.job(tags={"entity": "deal", "sync_type": "full", "trigger": "schedule"})
    def sync_deal() -> None:
        deals()

    result = sync_deal.execute_in_process(instance=instance, raise_on_error=False)
    [event] = [event for event in result.all_events if event.event_type == dg.DagsterEventType.RUN_FAILURE]
    return dg.build_run_status_sensor_context(
        sensor_name="failed_runs", dagster_event=event, dagster_instance=instance, dagster_run=result.dagster_run
    ).for_run_failure()


def test_the_sensor_is_on_from_the_start() -> None:
    [sensor] = [sensor for sensor in defs.sensors or () if sensor.name == "failed_runs"]
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING


def test_a_failed_run_is_told_without_secrets(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", receiver.url)
    monkeypatch.setenv("BITRIX_WEBHOOK_URL", PORTAL)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-key")
    monkeypatch.setenv("DAGSTER_PUBLIC_URL", "https://dagster.example.com")
    with dg.DagsterInstance.ephemeral() as instance:
        context = failure(instance, ValueError(f"{PORTAL}crm.deal.list answered 500 to sk-secret-key"))
        failed_runs(context)
        run_id = context.dagster_run.run_id
    [body] = receiver.bodies
    assert body["text"].startswith("sync_deal failed: ")
    assert body["error"].endswith("ValueError: ***crm.deal.list answered 500 to ***")
    assert (body["job"], body["run_id"]) == ("sync_deal", run_id)
    assert (body["entity"], body["sync_type"], body["trigger"]) == ("deal", "full", "schedule")
    assert body["url"] == f"https://dagster.example.com/runs/{run_id}"
    assert "hunter2" not in str(body)


def test_the_words_for_the_user_are_told_as_they_are(receiver: Receiver) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        told = alert(failure(instance, dg.Failure("BITRIX_WEBHOOK_URL is not set.")), load_settings())
    assert told["error"] == "BITRIX_WEBHOOK_URL is not set."


@pytest.mark.parametrize("receiver", [(500, 429, 200)], indirect=True)
def test_a_receiver_that_fails_for_a_moment_is_tried_again(receiver: Receiver) -> None:
    assert post(receiver.url, {"text": "t"}) is None
    assert len(receiver.bodies) == 3


@pytest.mark.parametrize("receiver", [(404,)], indirect=True)
def test_a_refusal_is_not_repeated_and_never_names_the_url(receiver: Receiver) -> None:
    assert post(receiver.url, {"text": "t"}) == "the receiver answers status 404"
    assert len(receiver.bodies) == 1


def test_nobody_answers(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", "http://127.0.0.1:9/services/hook-secret")
    with dg.DagsterInstance.ephemeral() as instance:
        failed_runs(failure(instance, ValueError("x")))  # says so in the log and goes on
    printed = "".join(capfd.readouterr())
    assert "could not be told: the receiver does not answer (ConnectError)" in printed
    assert "hook-secret" not in printed


def test_without_an_address_nothing_happens() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        skipped = failed_runs(failure(instance, ValueError("x")))
    assert isinstance(skipped, dg.SkipReason)

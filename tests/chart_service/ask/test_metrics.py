"""``/metrics`` of the charts: what was refused, run, taken from memory and asked of the model."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.chart_service.ask.model_server import ModelServer, answer
from tests.chart_service.ask.test_ask import GOOD, answered, ask

TOKEN = "a-token-for-prometheus"


def samples(http: httpx.Client, **headers: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    response = http.get("/metrics", headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(response.text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def test_everything_is_counted(asking: httpx.Client, model: ModelServer) -> None:
    model.says(GOOD)
    answered(asking)
    drawn = {"sql": "SELECT count(*) AS n FROM crm.deals"}
    for _ in range(2):
        assert asking.post("/api/v1/sql/run", json=drawn).status_code == 200
    assert asking.post("/api/v1/sql/run", json={"sql": "DELETE FROM crm.deals"}).status_code == 422
    assert asking.post("/api/v1/sql/run", json={"sql": "SELECT 1/(id-id) AS x FROM crm.deals"}).status_code == 422
    found = samples(asking)

    def value(name: str, **labels: str) -> float:
        return found[name, frozenset(labels.items())]

    assert value("b24_guard_refusals_total", rule="not_a_query") == 1
    assert value("b24_chart_query_seconds_count", outcome="ok") == 2
    assert value("b24_chart_query_seconds_count", outcome="division_by_zero") == 1
    assert value("b24_chart_results_total", source="memory") >= 1
    assert value("b24_chart_results_total", source="database") == 2
    name = "gpt-4o-mini"
    assert value("b24_model_tokens_total", model=name, kind="prompt") > 0
    assert value("b24_model_tokens_total", model=name, kind="output") > 0
    assert value("b24_model_call_seconds_count", model=name, outcome="answered") == 1
    assert value("b24_model_cost_dollars_total", model=name) > 0
    assert value("b24_http_requests_total", method="POST", route="/api/v1/sql/run", status="200") == 2
    assert value("b24_http_request_seconds_count", route="/api/v1/ask") == 1


def test_no_question_and_no_value_is_in_them(asking: httpx.Client, model: ModelServer) -> None:
    model.says(answer("SELECT 'hunter2' AS x FROM crm.nowhere"), answer("SELECT 'hunter2' AS x FROM crm.nowhere"))
    ask(asking, "hunter2?")
    asking.get("/hunter2/path")
    assert "hunter2" not in asking.get("/metrics").text


def test_prometheus_has_a_token_of_its_own(serve_asking: Callable[..., httpx.Client]) -> None:
    http = serve_asking(supabase_jwt_secret="s" * 40, metrics_token=TOKEN)
    assert http.get("/metrics").status_code == 401
    assert http.get("/metrics", headers={"Authorization": "Bearer another"}).status_code == 401
    assert samples(http, Authorization=f"Bearer {TOKEN}")
    assert http.get("/api/v1/charts", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 401

"""From a question over HTTP to a chart: the whole way, with a scripted model and real rows."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from chart_service.ask.progress import STAGES
from tests.chart_service.ask.model_server import KEY, ModelServer, Said, answer, failed, figure_of

QUESTION = "Сколько сделок в каждой воронке?"
SQL = 'SELECT d.pipeline_name AS "Воронка", count(*) AS "Сделки" FROM crm.deals d GROUP BY 1 ORDER BY 2 DESC'
GOOD = answer(
    SQL,
    figure_of("donut", "pie", labels="Воронка", values="Сделки"),
    title="Сделки по воронкам",
    assumptions=["За всё время."],
)


def ask(http: httpx.Client, question: str = QUESTION, **values: Any) -> httpx.Response:
    return http.post("/api/v1/ask", json={"question": question, **values})


def answered(http: httpx.Client, question: str = QUESTION, **values: Any) -> dict[str, Any]:
    response = ask(http, question, **values)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def events(http: httpx.Client, question: str = QUESTION) -> list[tuple[str, dict[str, Any]]]:
    """The events of an answer, in order."""
    response = http.post("/api/v1/ask", json={"question": question}, headers={"Accept": "text/event-stream"})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in response.text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true, at most ten seconds."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def one(conn: psycopg.Connection[Any], statement: str) -> Any:
    row = conn.execute(statement.encode()).fetchone()
    return row[0] if row and len(row) == 1 else row


def test_a_question_becomes_a_chart(asking: httpx.Client, model: ModelServer, owner: psycopg.Connection[Any]) -> None:
    model.says(GOOD)
    body = answered(asking)
    expected = owner.execute("SELECT pipeline_name, count(*) FROM crm.deals GROUP BY 1 ORDER BY 2 DESC").fetchall()
    assert body["outcome"] == "answered"
    assert [tuple(row) for row in body["chart"]["rows"]] == expected
    assert body["chart"]["format"] == "donut"
    assert body["chart"]["figure"]["light"]["data"][0]["type"] == "pie"
    assert (body["title"], body["assumptions"], body["sql"]) == ("Сделки по воронкам", ["За всё время."], SQL)
    assert body["template"]["traces"][0]["labels"] == "Воронка"
    assert (body["cached"], body["repairs"], body["clarification"]) == (False, 0, None)
    assert body["usage"]["prompt_tokens"] == 10_000
    # 2,000 fresh, 8,000 cached and 400 output tokens at 0.15, 0.075 and 0.60 dollars a million
    assert body["usage"]["cost_usd"] == pytest.approx(0.00114)
    kept = one(owner, "SELECT outcome, repairs, cached, question, lang, sql FROM app.asks")
    assert kept == ("answered", 0, False, QUESTION, "ru", SQL)
    assert one(owner, "SELECT cost_usd::float8, tries, outcome FROM app.model_calls") == (0.00114, 1, "answered")


def test_the_stages_are_told_while_it_goes_on(asking: httpx.Client, model: ModelServer) -> None:
    model.says(GOOD)
    told = events(asking)
    assert [data["stage"] for name, data in told if name == "stage"] == list(STAGES)
    assert told[1][1]["text"] == "Пишу запрос"
    name, body = told[-1]
    assert name == "answer"
    assert body["chart"]["row_count"] == 3


def test_an_error_is_an_event_of_its_own(asking: httpx.Client, model: ModelServer) -> None:
    model.says(Said(refusal="No."))
    name, body = events(asking)[-1]
    assert (name, body["code"]) == ("error", "model_refused")
    assert "Переформулируйте" in body["detail"]
    assert body["request_id"]


def test_the_same_question_needs_no_model(
    asking: httpx.Client, model: ModelServer, owner: psycopg.Connection[Any]
) -> None:
    model.says(GOOD)
    first, again = answered(asking), answered(asking)
    assert model.calls == 1
    assert again["cached"]
    assert again["chart"]["rows"] == first["chart"]["rows"]
    assert again["usage"]["cost_usd"] == 0
    owner.execute("UPDATE bitrix.deals SET category_id = 1 WHERE category_id = 3")
    owner.execute(
        "UPDATE app.sync_state SET data_version = data_version + 1, last_sync_at = now() WHERE entity = 'deal'"
    )
    time.sleep(1.1)
    newer = answered(asking)
    assert model.calls == 1
    assert newer["cached"]
    assert newer["chart"]["rows"] != first["chart"]["rows"]


def test_other_words_examples_and_schemas_are_asked_anew(
    asking: httpx.Client, model: ModelServer, owner: psycopg.Connection[Any]
) -> None:
    model.says(GOOD, GOOD, GOOD)
    first = answered(asking)
    asking.put("/api/v1/settings/glossary", json={"terms": [{"term": "Воронка", "meaning": "pipeline_name"}]})
    assert not answered(asking)["cached"]
    asking.post(f"/api/v1/asks/{first['ask_id']}/approve")
    assert not answered(asking)["cached"]
    assert model.calls == 3
    told = [heard["messages"][0]["content"] for heard in model.heard]
    assert "- Воронка: pipeline_name" in told[1]
    assert told[1] == told[2]
    assert SQL in model.heard[2]["messages"][1]["content"]


def test_many_who_ask_the_same_call_the_model_once(asking: httpx.Client, model: ModelServer) -> None:
    model.says(Said(json.dumps(GOOD), pause=0.02))
    bodies: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: bodies.append(answered(asking))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert model.calls == 1
    assert sorted(body["cached"] for body in bodies) == [False, True, True, True, True]


def test_a_follow_up_is_told_what_it_follows(asking: httpx.Client, model: ModelServer) -> None:
    by_manager = SQL.replace("pipeline_name", "assigned_by_name")
    model.says(GOOD, answer(by_manager))
    first = answered(asking)
    second = answered(asking, "А теперь по менеджерам", follows=first["ask_id"])
    assert second["sql"] == by_manager
    told = model.heard[1]["messages"][1]["content"]
    assert f"Question: {QUESTION}\nSQL: {SQL}" in told
    assert '"labels": "Воронка"' in told
    assert model.heard[0]["messages"][0] == model.heard[1]["messages"][0]
    unknown = ask(asking, "И ещё", follows="6f1e1c1a-0000-4000-8000-000000000000")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_ask")


def test_a_question_back_is_an_answer(asking: httpx.Client, model: ModelServer) -> None:
    model.says(answer(None, clarification="За какой период?"))
    body = answered(asking, "Покажи")
    assert (body["outcome"], body["clarification"], body["chart"]) == ("clarification", "За какой период?", None)


def test_filters_narrow_the_rows_and_are_not_told(asking: httpx.Client, model: ModelServer) -> None:
    model.says(GOOD)
    filters = {
        "period": {"from": "2020-01-01"},
        "columns": [
            {"column": "deals.category_id", "op": "in", "values": [0]},
            {"column": "deals.title", "op": "contains", "values": ["а"]},
        ],
    }
    body = answered(asking, filters=filters)
    assert [row[0] for row in body["chart"]["rows"]] == ["Продажи"]
    told = model.heard[0]["messages"][1]["content"]
    assert "- deals.category_id\n- deals.title\n" in told
    assert "2020-01-01" in told
    wrong = ask(asking, filters={"columns": [{"column": "deals.nothing", "op": "is_null"}]})
    assert (wrong.status_code, wrong.json()["rule"]) == (422, "filter_column")


def test_repairs_are_fed_with_what_went_wrong(
    asking: httpx.Client, model: ModelServer, owner: psycopg.Connection[Any]
) -> None:
    model.says(
        answer("SELECT d.amount FROM crm.deals d"),
        answer("SELECT d.pipeline_name + 1 AS x FROM crm.deals d"),
        GOOD,
    )
    body = answered(asking)
    assert (body["repairs"], body["outcome"]) == (2, "answered")
    first, second = (heard["messages"][-1]["content"] for heard in model.heard[1:])
    assert "amount" in first
    assert "42883" in second
    assert "operator does not exist: text + integer" in second
    assert [message["role"] for message in model.heard[2]["messages"]] == [
        *("system", "user", "assistant", "user", "assistant", "user")
    ]
    assert body["usage"]["prompt_tokens"] == 30_000
    assert one(owner, "SELECT count(*), count(*) FILTER (WHERE purpose = 'repair') FROM app.model_calls") == (3, 2)


def test_two_repairs_and_no_more(asking: httpx.Client, model: ModelServer) -> None:
    model.says(*[answer("SELECT d.amount FROM crm.deals d")] * 5)
    response = ask(asking)
    assert response.status_code == 422
    assert model.calls == 3


def test_a_figure_is_mended_without_touching_the_statement(asking: httpx.Client, model: ModelServer) -> None:
    wrong = {**GOOD, "figure": figure_of("donut", "pie", labels="Pipeline", values="Сделки")}
    model.says(wrong, {**GOOD, "sql": "SELECT 1 AS x FROM crm.leads l"})
    body = answered(asking)
    assert body["sql"] == SQL
    assert body["template"]["traces"][0]["labels"] == "Воронка"
    assert "no column 'Pipeline'" in model.heard[1]["messages"][-1]["content"]


def test_a_figure_that_cannot_be_mended_keeps_its_format(asking: httpx.Client, model: ModelServer) -> None:
    wrong = {**GOOD, "figure": figure_of("donut", "pie", labels="Pipeline", values="Deals")}
    model.says(wrong, failed(400, "Something else"))
    body = answered(asking)
    assert (body["outcome"], body["chart"]["format"], body["repairs"]) == ("answered", "donut", 1)


def test_nothing_found_is_said_with_the_values_that_exist(asking: httpx.Client, model: ModelServer) -> None:
    model.says(answer("SELECT d.title AS t FROM crm.deals d WHERE d.uf_crm_city ILIKE '%Атлантида%'"))
    body = answered(asking, "Сделки города Атлантида")
    assert (body["outcome"], body["repairs"]) == ("empty", 0)
    [existing] = body["existing"]
    assert (existing["column"], existing["asked_for"]) == ("deals.uf_crm_city", ["Атлантида"])
    assert existing["values"]
    assert not [value for value in existing["values"] if value in model.dump()]


def test_a_label_that_does_not_exist_is_mended_from_the_dictionary(asking: httpx.Client, model: ModelServer) -> None:
    wrong = "SELECT d.title AS t FROM crm.deals d WHERE d.pipeline_name = 'Sales'"
    model.says(answer(wrong), answer(wrong.replace("Sales", "Продажи")))
    body = answered(asking)
    assert (body["outcome"], body["repairs"]) == ("answered", 1)
    told = model.heard[1]["messages"][-1]["content"]
    assert "deals.pipeline_name is never 'Sales'; its values are 'Продажи', 'Партнёры', 'Повторные продажи'" in told


def test_an_empty_answer_is_kept_where_the_repair_fails(asking: httpx.Client, model: ModelServer) -> None:
    wrong = "SELECT d.title AS t FROM crm.deals d WHERE d.pipeline_name = 'Sales'"
    model.says(answer(wrong), failed(400, "Something else"))
    body = answered(asking)
    assert (body["outcome"], body["sql"]) == ("empty", wrong)
    assert body["existing"][0]["values"] == ["Продажи", "Партнёры", "Повторные продажи"]


def test_invalid_json_is_asked_for_again(asking: httpx.Client, model: ModelServer) -> None:
    model.says("I would count the deals by pipeline.", GOOD)
    body = answered(asking)
    assert (body["outcome"], body["repairs"]) == ("answered", 1)
    model.says(*["Well…"] * 3)
    broken = ask(asking, "Something else?")
    assert (broken.status_code, broken.json()["code"]) == (502, "model_invalid")


FAILURES: list[tuple[Said, int, str, str]] = [
    (Said('{"plan": "…', finish="length"), 502, "model_length", "failed"),
    (Said(refusal="No."), 422, "model_refused", "refused"),
    (failed(401, "Incorrect API key"), 502, "model_key_refused", "failed"),
    (failed(429, "Slow down", headers={"Retry-After": "77"}), 503, "model_busy", "failed"),
]


def test_what_the_model_fails_with_reaches_the_person(
    asking: httpx.Client, model: ModelServer, owner: psycopg.Connection[Any]
) -> None:
    for said, status, code, outcome in FAILURES:
        model.says(said)
        response = ask(asking)
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert KEY not in response.text
        assert one(owner, "SELECT outcome, code FROM app.asks ORDER BY asked_at DESC") == (outcome, code)
        assert response.headers.get("Retry-After") == ("77" if code == "model_busy" else None)


def test_a_slow_model_is_given_up(serve_asking: Callable[..., httpx.Client], model: ModelServer) -> None:
    http = serve_asking(openai_timeout_seconds=1)
    model.says(Said(json.dumps({**GOOD, "plan": "word " * 800}), pause=0.3))
    began = time.monotonic()
    response = ask(http)
    assert (response.status_code, response.json()["code"]) == (504, "model_timeout")
    assert time.monotonic() - began < 20


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_leaving_hangs_up_on_the_model_and_is_counted(
    asking: httpx.Client, model: ModelServer, owner: psycopg.Connection[Any], accept: str
) -> None:
    model.says(Said(json.dumps({**GOOD, "plan": "word " * 2000}), pause=0.05))
    content = json.dumps({"question": QUESTION}).encode()
    address = (asking.base_url.host, asking.base_url.port or 80)
    head = f"POST /api/v1/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: {accept}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(address) as client:
        client.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        until(lambda: model.calls == 1)
        time.sleep(0.3)  # it has begun to write
    assert model.hung_up.wait(10)
    until(lambda: one(owner, "SELECT count(*) FROM app.model_calls") == 1)
    assert one(owner, "SELECT outcome FROM app.asks") == "cancelled"
    purpose, outcome, prompt = one(owner, "SELECT purpose, outcome, prompt_tokens FROM app.model_calls")
    assert (purpose, outcome) == ("ask", "cancelled")
    assert prompt > 5_000


def test_without_a_key_only_asking_is_missing(charts_api: httpx.Client) -> None:
    response = ask(charts_api)
    assert (response.status_code, response.json()["code"]) == (503, "no_model")
    assert "OPENAI_API_KEY" in response.json()["detail"]
    assert charts_api.get("/api/v1/ask/suggestions", params={"lang": "en"}).json()["items"]
    assert charts_api.get("/api/v1/asks").json() == {"items": []}
    assert charts_api.get("/api/v1/usage").status_code == 200


BAD_BODIES: list[Any] = [
    {},
    {"question": ""},
    {"question": "   "},
    {"question": "x" * 2001},
    {"question": "a\u0000b"},
    {"question": "?", "lang": "de"},
    {"question": "?", "follows": "no id"},
    {"question": "?", "filters": {"columns": [{"column": "x", "op": "sql"}]}},
    {"question": "?", "sql": "SELECT 1"},
    [],
]


def test_bad_questions_are_refused_before_the_model(asking: httpx.Client, model: ModelServer) -> None:
    assert {asking.post("/api/v1/ask", json=body).status_code for body in BAD_BODIES} == {422}
    assert model.calls == 0

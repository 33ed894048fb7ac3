"""The real openai client against a scripted server: what servers cannot do, refuse, or take too long for."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from chart_service.ask.dialect import Dialect
from chart_service.ask.intent import intent_schema
from chart_service.ask.model_client import Message, ModelClient, Reply, Schema
from chart_service.ask.model_errors import ModelError
from tests.chart_service.ask.model_server import FORMS, KEY, ModelServer, Said, answer, failed, model_server

MESSAGES: list[Message] = [{"role": "system", "content": "Rules."}, {"role": "user", "content": "A question?"}]
SCHEMA = Schema("intent", intent_schema(), "Keep to this schema.")
GOOD = answer("SELECT 1")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    monkeypatch.setattr("chart_service.ask.model_client.FIRST_PAUSE_SECONDS", 0.01)
    with model_server() as known:
        yield known


@pytest.fixture
async def client(server: ModelServer) -> AsyncIterator[ModelClient]:
    async with ModelClient(key=KEY, base_url=server.url, model="a-model", timeout=5, retries=2) as client:
        yield client


async def ask(client: ModelClient) -> Reply:
    return await client.reply(MESSAGES, SCHEMA)


async def failure(client: ModelClient) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await ask(client)
    assert KEY not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    return caught.value


async def test_an_answer_is_streamed_and_counted(server: ModelServer, client: ModelClient) -> None:
    server.says(GOOD)
    texts: list[str] = []
    reply = await client.reply(MESSAGES, SCHEMA, texts.append)
    assert json.loads(reply.text) == GOOD
    assert (reply.usage.prompt_tokens, reply.usage.cached_tokens, reply.usage.output_tokens) == (10_000, 8_000, 400)
    assert len(texts) > 3
    assert texts[-1] == reply.text
    [asked] = server.heard
    assert (asked["path"], asked["key"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert asked["response_format"]["json_schema"]["strict"] is True
    assert asked["messages"] == MESSAGES
    assert (asked["temperature"], asked["model"]) == (0, "a-model")


async def test_a_server_that_does_not_stream(server: ModelServer, client: ModelClient) -> None:
    server.streams = False
    server.says(GOOD)
    reply = await ask(client)
    assert json.loads(reply.text) == GOOD
    assert reply.usage.output_tokens == 400


async def test_a_server_that_does_not_count(server: ModelServer, client: ModelClient) -> None:
    server.usage = None
    server.says(GOOD)
    usage = (await ask(client)).usage
    assert not usage.reported
    assert usage.prompt_tokens > 0
    assert usage.output_tokens > 50


LITERAL_ERROR = (
    "[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), "
    "'msg': \"Input should be 'text' or 'json_object'\"}]"
)


@pytest.mark.parametrize(
    ("forms", "calls", "form"),
    [
        (FORMS, 1, "json_schema"),
        (FORMS - {"json_schema"}, 2, "json_object_with_schema"),
        (FORMS - {"json_schema", "json_object+schema"}, 3, "json_object"),
        (frozenset({"text"}), 4, "text"),
    ],
)
@pytest.mark.parametrize("status", [400, 422, 500])
async def test_the_ladder_and_that_it_is_remembered(
    server: ModelServer, client: ModelClient, forms: frozenset[str], calls: int, form: str, status: int
) -> None:
    server.forms = forms
    server.unsupported = lambda _: failed(status, LITERAL_ERROR)
    server.says(GOOD, GOOD)
    assert (await ask(client)).tries == calls
    assert (await ask(client)).tries == 1
    assert server.calls == calls + 1
    told = server.heard[-1]["messages"][0]["content"]
    assert ("Keep to this schema." in told) == (form != "json_schema")
    assert server.heard[-1]["messages"][1:] == MESSAGES[1:]


@pytest.mark.parametrize(
    ("complaint", "left_out"),
    [
        ("Unrecognized request argument supplied: stream_options", "stream_options"),
        ("Unsupported value: 'temperature' does not support 0 with this model.", "temperature"),
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_tokens"),
    ],
)
async def test_parameters_that_a_server_does_not_know(
    server: ModelServer, client: ModelClient, complaint: str, left_out: str
) -> None:
    server.says(failed(400, complaint), GOOD, GOOD)
    assert (await ask(client)).tries == 2
    assert (await ask(client)).tries == 1
    assert left_out in server.heard[0]
    assert left_out not in server.heard[-1]
    assert server.heard[-1]["response_format"]["type"] == "json_schema"


async def test_a_server_that_ignores_the_schema_is_told_it_in_words(server: ModelServer, client: ModelClient) -> None:
    server.says("I would count the deals.", GOOD, GOOD)
    await ask(client)
    client.was_readable(readable=False)
    await ask(client)
    assert "Keep to this schema." in server.heard[1]["messages"][0]["content"]
    client.was_readable(readable=True)
    client.was_readable(readable=False)  # once it kept to a form, one slip does not change the form
    await ask(client)
    assert server.heard[2]["response_format"] == server.heard[1]["response_format"]


@pytest.mark.parametrize(
    ("said", "code", "status", "calls"),
    [
        (failed(401, f"Incorrect API key provided: {KEY}"), "model_key_refused", 502, 1),
        (failed(403, "Country not supported"), "model_key_refused", 502, 1),
        (failed(404, "The model does not exist"), "model_not_found", 502, 1),
        (failed(400, "maximum context length is 8192", code="context_length_exceeded"), "model_context_full", 502, 1),
        (failed(400, "Something else is wrong"), "model_rejected", 502, 1),
        (failed(400, "filtered", code="content_filter"), "model_content_filter", 422, 1),
        (failed(500, "Internal error"), "model_failed", 502, 3),
        (failed(503, "Overloaded"), "model_failed", 502, 3),
        (failed(429, "Slow down"), "model_busy", 503, 3),
        (failed(429, "You exceeded your quota", code="insufficient_quota"), "model_no_credit", 503, 1),
        (Said(refusal="I cannot help with that."), "model_refused", 422, 1),
        (Said('{"plan": "and so on', finish="length"), "model_length", 502, 1),
        (Said('{"plan": "…', finish="content_filter"), "model_content_filter", 422, 1),
        (Said(body={"hello": "world"}), "model_protocol", 502, 1),
        (Said(body="<html>"), "model_protocol", 502, 1),
    ],
)
async def test_each_failure_has_its_own_words(
    server: ModelServer, client: ModelClient, said: Said, code: str, status: int, calls: int
) -> None:
    server.says(*[said] * calls)
    error = await failure(client)
    assert (error.code, error.status, server.calls) == (code, status, calls)


async def test_a_refusal_costs_what_it_costs(server: ModelServer, client: ModelClient) -> None:
    server.says(Said(refusal="No."))
    error = await failure(client)
    assert error.usage is not None
    assert error.usage.prompt_tokens == 10_000


async def test_busy_servers_are_waited_for_as_long_as_they_ask(server: ModelServer, client: ModelClient) -> None:
    server.says(failed(429, "Slow down", headers={"Retry-After": "0.4"}), GOOD)
    began = time.monotonic()
    assert (await ask(client)).tries == 2
    assert time.monotonic() - began >= 0.4


async def test_nobody_waits_two_minutes(server: ModelServer, client: ModelClient) -> None:
    server.says(failed(429, "Slow down", headers={"Retry-After": "90"}))
    began = time.monotonic()
    error = await failure(client)
    assert time.monotonic() - began < 30
    assert (error.code, error.retry_after, server.calls) == ("model_busy", 90, 1)
    assert "in 90 s" in str(error)


@pytest.mark.parametrize("streams", [True, False])
async def test_a_slow_stream_ends_at_the_time_limit(server: ModelServer, streams: bool) -> None:
    server.streams = streams
    server.says(Said("x" * 4000, pause=0.2 if streams else 20))
    async with ModelClient(key=KEY, base_url=server.url, model="m", timeout=0.7, retries=2) as client:
        began = time.monotonic()
        error = await failure(client)
    assert error.code == "model_timeout"
    assert time.monotonic() - began < 15
    assert server.calls == 1


async def test_a_stream_that_breaks_off_is_tried_again(server: ModelServer, client: ModelClient) -> None:
    server.says(Said("x" * 100, breaks_off=True), GOOD)
    assert (await ask(client)).tries == 2


async def test_a_server_that_is_not_there() -> None:
    async with ModelClient(key=KEY, base_url="http://127.0.0.1:9/v1", model="m", timeout=5, retries=0) as client:
        error = await failure(client)
    assert (error.code, error.status) == ("model_unreachable", 503)


async def test_leaving_hangs_up(server: ModelServer, client: ModelClient) -> None:
    server.says(Said("x" * 4000, pause=0.05))
    begun = asyncio.Event()
    task = asyncio.create_task(client.reply(MESSAGES, SCHEMA, lambda _: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(server.hung_up.wait, 5)


def test_a_complaint_about_something_else_changes_nothing() -> None:
    dialect = Dialect()
    assert dialect.adapted(400, "invalid 'messages'") is None
    assert dialect.adapted(429, "response_format") is None
    assert Dialect(form="text").adapted(400, "response_format is not supported") is None


def test_the_client_does_not_print_its_key() -> None:
    client: Any = ModelClient(key=KEY, base_url="http://127.0.0.1:9/v1", model="m", timeout=5, retries=0)
    assert KEY not in repr(client)

"""The model's answer: its schema keeps to what strict servers take, and what it wrote is read forgivingly."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from chart_service.ask.intent import Intent, IntentInvalid, intent_schema, read_intent
from chart_service.figures.template import FORMATS
from tests.chart_service.ask.model_server import answer, figure_of

KNOWN = {"type", "enum", "properties", "required", "additionalProperties", "items", "anyOf", "description"}


def nodes(schema: Mapping[str, Any], depth: int = 1) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Every node of a schema with its level: objects and arrays go one level down, choices do not."""
    yield schema, depth
    for child in schema.get("properties", {}).values():
        yield from nodes(child, depth + 1)
    if "items" in schema:
        yield from nodes(schema["items"], depth + (schema["items"].get("type") != "object"))
    for choice in schema.get("anyOf", []):
        yield from nodes(choice, depth)


def test_the_schema_keeps_to_the_strict_subset() -> None:
    found = list(nodes(intent_schema()))
    objects = [node for node, _ in found if node.get("type") == "object"]
    assert intent_schema()["type"] == "object"
    assert all(set(node) <= KNOWN for node, _ in found)
    assert all(node["required"] == list(node["properties"]) for node in objects)
    assert all(node["additionalProperties"] is False for node in objects)
    assert sum(len(node["properties"]) for node in objects) <= 100
    assert max(depth for node, depth in found if node.get("type") in ("object", "array")) <= 5
    assert sum(len(node.get("enum", [])) for node, _ in found) <= 1000
    assert "$" not in json.dumps(intent_schema())


def test_it_plans_before_it_writes_and_draws_last() -> None:
    order = ["plan", "assumptions", "answerable", "clarification", "sql", "title", "description", "figure"]
    assert list(intent_schema()["properties"]) == order
    assert intent_schema()["properties"]["figure"]["anyOf"][0]["properties"]["format"]["enum"] == list(FORMATS)


def test_every_answer_that_keeps_to_the_schema_is_read() -> None:
    written = answer("SELECT 1 AS n FROM crm.deals", figure_of("bar", "bar", x="n", y="n"), assumptions=["за год"])
    read = read_intent(json.dumps(written))
    assert read.figure_problem is None
    assert read.intent.sql == "SELECT 1 AS n FROM crm.deals"
    assert read.intent.assumptions == ["за год"]
    assert read.intent.figure is not None
    assert read.intent.figure.traces[0].x == "n"


@pytest.mark.parametrize(
    "text",
    [
        'Here it is:\n```json\n{"sql": "SELECT 1"}\n```\nEnjoy {it}!',
        '<think>{"not": "this"} {broken</think>{"sql": "SELECT 1"}',
        '{"sql": "SELECT 1", "unknown": {"a": 1}}',
        '{"sql": "SEL\\u0000ECT 1", "title": "\\ud800"}',
    ],
)
def test_json_inside_other_text_is_found(text: str) -> None:
    assert read_intent(text).intent.sql == "SELECT 1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{",
        '{"a": 1}',
        '{"sql": null}',
        '{"sql": 1}',
        '{"sql": " ", "answerable": true}',
        "{" * 9999,
        '{"sql": ' + "[" * 100_000,
    ],
)
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(IntentInvalid):
        read_intent(text)


def test_a_question_back_needs_no_statement() -> None:
    read = read_intent(json.dumps(answer(None, clarification="За какой период?")))
    assert (read.intent.answerable, read.intent.clarification, read.intent.sql) == (False, "За какой период?", None)
    forgotten = read_intent('{"clarification": "Which period?"}')
    assert not forgotten.intent.answerable


@pytest.mark.parametrize(
    ("figure", "problem"),
    [
        (None, "missing"),
        ("bar", "figure"),
        ({"format": "spiral", "traces": [{"type": "bar"}]}, "format"),
        ({"format": "bar", "traces": []}, "traces"),
        ({"format": "bar", "traces": [{"type": "mesh3d"}]}, "traces.0.type"),
    ],
)
def test_an_invalid_figure_does_not_spoil_the_statement(figure: Any, problem: str) -> None:
    read = read_intent(json.dumps({"sql": "SELECT 1", "figure": figure}))
    assert read.intent.sql == "SELECT 1"
    assert read.intent.figure is None
    assert problem in (read.figure_problem or "")


def test_keys_that_a_template_does_not_have_are_left_out() -> None:
    trace = {"type": "bar", "x": "a", "marker": {"color": "red"}, "hovertemplate": "<a href=javascript:1>"}
    figure = {"format": "bar", "traces": [trace], "layout": {"images": [], "xaxis_title": "A"}, "frames": []}
    read = read_intent(json.dumps({"sql": "SELECT 1", "figure": figure}))
    assert read.figure_problem is None
    assert read.intent.figure is not None
    assert "javascript" not in read.intent.model_dump_json()


def test_long_texts_are_cut() -> None:
    read = read_intent(json.dumps({"sql": "SELECT 1", "title": "т" * 10_000, "plan": "п" * 100_000}))
    assert len(read.intent.title) == 200
    assert len(read.intent.plan) == 4000
    assert isinstance(read.intent, Intent)

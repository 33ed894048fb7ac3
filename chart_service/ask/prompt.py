"""What the model is told. First what stays the same from question to question, byte for byte, so that servers may keep
it; then the nearest approved examples, what is asked about, today's date and the question. Never a row of data."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chart_service.ask.chart_catalogue import chart_catalogue
from chart_service.ask.chart_settings import Glossary, Instructions
from chart_service.ask.examples import Example
from chart_service.ask.intent import intent_schema
from chart_service.ask.model_client import Message, Schema
from chart_service.ask.rules import FIGURE_RULES, SQL_RULES, TASK
from chart_service.ask.worked_examples import worked_examples

QUESTION_LETTERS = 2000
FOLLOWED_SQL_LETTERS = 8000

_LANGUAGES = {"ru": "Russian", "en": "English"}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TAGS = re.compile(r"<(?=\s*/?\s*(?:question|examples?|previous|limits|sql)\b)", re.IGNORECASE)
_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Previous:
    """The question that a new one follows, and what answered it."""

    question: str
    sql: str
    template: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question with all that the model is told beside it.

    ``limits``: what the page's filters limit, in words and without values of rows. ``now``: in the time zone in which
    the statement will run.
    """

    text: str
    lang: str
    now: datetime
    time_zone: str
    examples: Sequence[Example] = ()
    previous: Previous | None = None
    limits: Sequence[str] = ()


def language_of(question: str) -> str:
    """``ru`` for a text with Cyrillic letters, else ``en``."""
    return "ru" if _CYRILLIC.search(question) else "en"


def system_text(schema_text: str, base_currency: str | None, glossary: Glossary, instructions: Instructions) -> str:
    """What stays the same while schema, glossary and instructions do. ``schema_text``: the schema's short form."""
    parts = [TASK, SQL_RULES, f"# Schema\n{schema_text}"]
    if base_currency:
        parts.append(f"The base currency is {base_currency}.")
    if glossary.terms:
        lines = [f"- {_one_line(term.term)}: {_one_line(term.meaning)}" for term in glossary.terms]
        parts.append("\n".join(["# The company's own words; they win over the glossary above", *lines]))
    parts += [FIGURE_RULES, chart_catalogue(), worked_examples()]
    if instructions.text:
        parts.append(f"# The company's own instructions for statements and charts\n{_data(instructions.text)}")
    return "\n\n".join(parts) + "\n"


def user_text(question: Question) -> str:
    """What is asked now."""
    parts = [_examples(question.examples)] if question.examples else []
    if question.previous:
        parts.append(_followed(question.previous))
    if question.limits:
        limited = "\n".join(f"- {_one_line(limit)}" for limit in question.limits)
        parts.append(
            "The page limits these by itself, around your statement; do not repeat the limits in SQL:\n"
            f"<limits>\n{limited}\n</limits>"
        )
    today = f"{question.now:%Y-%m-%d}, {_WEEKDAYS[question.now.weekday()]}"
    parts.append(
        f"Today is {today}; time zone {question.time_zone}. Write title, description, assumptions, clarification and "
        f"aliases in {_LANGUAGES[question.lang]}.\n<question>\n{_data(question.text)}\n</question>"
    )
    return "\n\n".join(parts)


def messages(system: str, user: str) -> list[Message]:
    """The conversation that asks a question."""
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def cache_key(model: str, conversation: Sequence[Message]) -> str:
    """The same for the same question to the same model with all else that it is told: schema, words, examples, day."""
    return hashlib.sha256(json.dumps([model, *conversation], ensure_ascii=False).encode()).hexdigest()


def answer_schema() -> Schema:
    """What the answer has to keep to."""
    schema = intent_schema()
    words = f"# The JSON schema of your answer\nAnswer with this JSON object and nothing else.\n{json.dumps(schema)}"
    return Schema("intent", schema, words)


def _examples(examples: Sequence[Example]) -> str:
    lines = []
    for example in examples:
        lines += [f"Question: {_one_line(example.question)}", f"SQL: {_one_line(example.sql)}"]
        if example.template:
            lines.append(f"figure: {_data(json.dumps(without_nulls(example.template), ensure_ascii=False))}")
    return "\n".join(["Similar questions whose answers people approved:", "<examples>", *lines, "</examples>"])


def _followed(previous: Previous) -> str:
    figure = json.dumps(without_nulls(previous.template), ensure_ascii=False) if previous.template else "none"
    return (
        "The question follows this one. Change its statement as the new question says and keep the rest of it:\n"
        f"<previous>\nQuestion: {_one_line(previous.question)}\nSQL: {_data(previous.sql)[:FOLLOWED_SQL_LETTERS]}\n"
        f"figure: {_data(figure)}\n</previous>"
    )


def without_nulls(value: Any) -> Any:
    """A template without the keys that are null, which say nothing."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _one_line(text: str) -> str:
    return " ".join(_data(text).split())


def _data(text: str) -> str:
    """A text that cannot end the tag it stands in."""
    return _TAGS.sub("‹", text)

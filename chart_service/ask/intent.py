"""What the model answers with: how it read the question, the statement, and the figure template."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from chart_service.ask.strict_schema import strict_schema
from chart_service.figures.template import FigureTemplate, Layout, Trace

TITLE_LETTERS, TEXT_LETTERS, PLAN_LETTERS, ASSUMPTIONS = 200, 1000, 4000, 12
_BEGINNINGS_TRIED = 40
"""How many opening braces of a text are tried as the beginning of the answer."""


class IntentInvalid(Exception):
    """The model's text is not the object that was asked for. The text says what is wrong with it, for the model."""


def _clipped(longest: int) -> AfterValidator:
    return AfterValidator(lambda text: text if len(text) <= longest else f"{text[: longest - 1]}…")


class Intent(BaseModel):
    """An answer of the model. The order of the fields is the order in which it writes them: it plans before it writes
    SQL. A value that is missing is taken for null, since not every server keeps to a schema."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    plan: Annotated[str, _clipped(PLAN_LETTERS)] = Field(
        default="", description="Two to four short sentences: which views, what is counted, by what, for which period."
    )
    assumptions: list[Annotated[str, _clipped(TEXT_LETTERS)]] = Field(
        default=[], description="What was decided where the question leaves a choice, in the question's language."
    )
    answerable: bool = Field(default=True, description="false: the views cannot answer it, or it is too unclear.")
    clarification: Annotated[str | None, AfterValidator(lambda text: text and text[:TEXT_LETTERS])] = Field(
        default=None, description="If not answerable: what is missing, or a question back, in the question's language."
    )
    sql: str | None = Field(default=None, description="One SELECT statement; null if not answerable.")
    title: Annotated[str, _clipped(TITLE_LETTERS)] = Field(
        default="", description="Title of the chart, in the question's language."
    )
    description: Annotated[str, _clipped(TEXT_LETTERS)] = Field(
        default="", description="One sentence: what is shown, period and unit, in the question's language."
    )
    figure: FigureTemplate | None = Field(default=None, description="How to draw the rows; null if not answerable.")


@dataclass(frozen=True, slots=True)
class Read:
    """An intent as it was read. ``figure_problem``: why its figure template was left out, for the model."""

    intent: Intent
    figure_problem: str | None = None


@cache
def intent_schema() -> dict[str, Any]:
    """The JSON schema of an intent, for strict structured output."""
    return strict_schema(Intent)


def read_intent(text: str) -> Read:
    """Read the model's text; JSON inside other text is found. Raises ``IntentInvalid``.

    A figure template that is not valid does not spoil the statement beside it: it is left out and reported.
    """
    found = find_object(text)
    if found is None:
        raise IntentInvalid("The answer holds no JSON object.")
    figure = found.pop("figure", None)
    try:
        intent = Intent.model_validate(found)
    except ValidationError as error:
        raise IntentInvalid(_problems(error)) from None
    if intent.answerable and not (intent.sql or "").strip():
        if not intent.clarification:
            raise IntentInvalid("The answer has no sql, and answerable is true.")
        intent = intent.model_copy(update={"answerable": False})
    if not intent.answerable:
        return Read(intent.model_copy(update={"sql": None}))
    return _with_figure(intent, figure)


def _with_figure(intent: Intent, figure: Any) -> Read:
    if figure is None:
        return Read(intent, "figure: is missing")
    try:
        return Read(intent.model_copy(update={"figure": FigureTemplate.model_validate(_known_keys(figure))}))
    except ValidationError as error:
        return Read(intent, _problems(error, "figure."))


def _known_keys(figure: Any) -> Any:
    """The template without keys that it does not have: servers that keep to no schema let models add colours."""
    if not isinstance(figure, dict):
        return figure
    known = {key: value for key, value in figure.items() if key in FigureTemplate.model_fields and value is not None}
    if isinstance(known.get("layout"), dict):
        known["layout"] = {key: value for key, value in known["layout"].items() if key in Layout.model_fields}
    if isinstance(known.get("traces"), list):
        known["traces"] = [
            {key: value for key, value in trace.items() if key in Trace.model_fields}
            if isinstance(trace, dict)
            else trace
            for trace in known["traces"]
        ]
    return known


def find_object(text: str) -> dict[str, Any] | None:
    """The first JSON object in a text that has a key of an intent, without characters that cannot be stored."""
    decoder = json.JSONDecoder()
    at = -1
    for _ in range(_BEGINNINGS_TRIED):
        at = text.find("{", at + 1)
        if at < 0:
            return None
        try:
            value, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and Intent.model_fields.keys() & value.keys():
            return {str(key): storable(item) for key, item in value.items()}
    return None


def storable(value: Any) -> Any:
    """The same value without NUL characters and lone surrogates, which PostgreSQL does not store."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode(errors="ignore").decode()
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {str(storable(key)): storable(item) for key, item in value.items()}
    return value


def _problems(error: ValidationError, prefix: str = "") -> str:
    """The first few problems, without the values that the model wrote."""
    lines = [f"{prefix}{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()[:5]]
    return "; ".join(lines)

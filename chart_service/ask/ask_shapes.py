"""Shapes of questions, history and examples in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from chart_service.ask.prompt import QUESTION_LETTERS
from chart_service.figures import FigureTemplate
from chart_service.figures.build import Lang
from chart_service.guard.filters import Filters
from chart_service.library.shapes import PlainText, Sql


def _not_blank(text: str) -> str:
    if not text:
        raise ValueError("is blank; ask something")
    return text


QuestionText = Annotated[PlainText, AfterValidator(_not_blank), Field(min_length=1, max_length=QUESTION_LETTERS)]


class AskBody(BaseModel):
    """A question in words. ``follows``: the id of the answer that it goes on from ("now by manager")."""

    model_config = ConfigDict(extra="forbid")

    question: QuestionText = Field(examples=["Сумма выигранных сделок по месяцам и воронкам"])
    lang: Lang | None = Field(default=None, description="Of the answer; by default that of the question.")
    follows: UUID | None = None
    filters: Filters = Field(default_factory=Filters)


class ApproveBody(BaseModel):
    """What to keep as an example, where it differs from the answer."""

    model_config = ConfigDict(extra="forbid")

    question: QuestionText | None = None
    sql: Sql | None = None
    template: FigureTemplate | None = None


class PastAsk(BaseModel):
    """A question of the past and what became of it. ``code``: why it was not answered."""

    id: UUID
    asked_at: datetime
    asked_by: str | None
    question: str
    lang: str
    follows: UUID | None
    outcome: str
    code: str | None
    title: str | None
    description: str | None
    plan: str | None
    sql: str | None
    template: dict[str, Any] | None
    assumptions: list[str]
    repairs: int
    cached: bool
    milliseconds: int | None


class History(BaseModel):
    """Questions, newest first."""

    items: list[PastAsk]


class ExampleBody(BaseModel):
    """An approved pair of question and statement."""

    id: int
    question: str
    lang: str
    sql: str
    template: dict[str, Any] | None
    approved_by: str | None
    approved_at: datetime


class ExampleList(BaseModel):
    """All examples, newest first."""

    items: list[ExampleBody]


class Approved(BaseModel):
    """The example that was kept."""

    example_id: int


class Suggestions(BaseModel):
    """Questions that may be asked."""

    items: list[str]

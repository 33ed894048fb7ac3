"""What a question is answered with."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from chart_service.chart_data import ChartData
from chart_service.figures import FigureTemplate

AnswerOutcome = Literal["answered", "empty", "clarification"]


class AskUsage(BaseModel):
    """What the answer took of the model; nothing where it was known."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


class ExistingValues(BaseModel):
    """Values that a column really has, where the statement found nothing with another."""

    column: str = Field(examples=["deals.source_name"])
    asked_for: list[str]
    values: list[str]


class AnswerHead(BaseModel):
    """An answer without its chart."""

    ask_id: UUID
    outcome: AnswerOutcome
    clarification: str | None = Field(description="What the model wants to know, or why there is no answer.")
    assumptions: list[str]
    plan: str
    sql: str | None
    title: str
    description: str
    template: FigureTemplate | None
    cached: bool = Field(description="The same question was answered before: the model was not called.")
    repairs: int = Field(description="How often the model had to mend its statement.")
    usage: AskUsage
    existing: list[ExistingValues] = Field(description="Where nothing was found: the values that exist.")


class Answer(AnswerHead):
    """An answer; ``chart`` is null where the model asks back."""

    chart: ChartData | None

"""How well the model answers: questions with gold statements, judged by the rows that both give."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Literal

import pglast
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chart_service.ask.asker import Asker
from chart_service.ask.asking import Asking
from chart_service.ask.model_errors import ModelError
from chart_service.ask.page_charts import PageCharts
from chart_service.ask.progress import Stage
from chart_service.ask.same_rows import same_rows
from chart_service.ask.spending import BudgetSpent, spent_on
from chart_service.chart_data import ChartRequest, Charts
from chart_service.guard import Refused
from chart_service.guard.filters import Filters
from chart_service.query import QueryFailed
from chart_service.rows import Rows
from webhook_api.pool import transaction

OWN_SET = Path(__file__).with_name("eval_set.jsonl")
"""Questions on the simulated portal's data."""
ASKED_BY = "b24 eval"

Verdict = Literal["match", "other_rows", "question_back", "refused", "failed"]


class EvalError(Exception):
    """The questions cannot be evaluated. The text says which line is wrong and how."""


class Gold(BaseModel):
    """A question, a statement that answers it, and the formats that fit it (``format``: one or several)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str = Field(min_length=1)
    lang: Literal["ru", "en"]
    sql: str = Field(min_length=1)
    format: str | list[str] | None = None

    @property
    def formats(self) -> list[str]:
        """The formats that fit; empty: any."""
        return [self.format] if isinstance(self.format, str) else self.format or []


@dataclass(frozen=True, slots=True)
class Judged:
    """One question and how it went. ``chart``: whether the format fits; None without a chart or a wish."""

    question: str
    lang: str
    verdict: Verdict
    chart: bool | None = None
    code: str = ""
    sql: str | None = None
    format: str | None = None
    repairs: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """What came out for one language or for all. Shares are of all questions, those of charts of all wishes."""

    lang: str
    questions: int
    execution_match: float
    chart_match: float | None
    questions_back: int
    refused: int
    failed: int
    repairs: int
    cost_usd: float
    median_seconds: float


def read_gold(path: Path) -> list[Gold]:
    """The questions of a file with one JSON object a line. Raises ``EvalError``."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EvalError(f"{path} cannot be read: {type(error).__name__}") from None
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(Gold.model_validate(json.loads(line)))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise EvalError(f"{path}:{number}: {place}: {first['msg']}") from None
        except ValueError:
            raise EvalError(f"{path}:{number} is no JSON object") from None
    if not found:
        raise EvalError(f"{path} holds no questions")
    return found


async def gold_rows(gold: Gold, charts: Charts) -> Rows:
    """The rows of the gold statement. Raises ``EvalError`` when it is refused or fails."""
    try:
        checked = await charts.statements.checked(gold.sql)
        return (await charts.statements.load(checked)).rows
    except Refused as refused:
        raise EvalError(f"the gold statement of “{gold.question}” is refused: {refused.message.en}") from None
    except QueryFailed as failure:
        raise EvalError(f"the gold statement of “{gold.question}” fails: {failure}") from None


async def judge(gold: Gold, asker: Asker, charts: Charts) -> Judged:
    """Ask one question, past the cache, and compare. Raises ``EvalError`` for a gold statement that does not run."""
    wanted = await gold_rows(gold, charts)
    began = time.monotonic()
    asking = Asking(question=gold.question, lang=gold.lang, asked_by=ASKED_BY, fresh=True)
    judged = await _answered(gold, asking, wanted, asker, charts)
    seconds = time.monotonic() - began
    async with transaction(asker.pool) as conn:
        dollars, repairs = await spent_on(conn, asking.id)
    return replace(judged, seconds=seconds, cost_usd=float(dollars), repairs=repairs)


async def _answered(gold: Gold, asking: Asking, wanted: Rows, asker: Asker, charts: Charts) -> Judged:
    try:
        head, _ = await asker.answer(asking, PageCharts(charts, filters=Filters(), lang=gold.lang), _silent)
    except (Refused, ModelError, QueryFailed, BudgetSpent) as error:
        code = str(getattr(error, "rule", None) or getattr(error, "code", "budget_spent"))
        return Judged(gold.question, gold.lang, "refused" if isinstance(error, Refused) else "failed", code=code)
    if head.sql is None:
        return Judged(gold.question, gold.lang, "question_back", code=head.clarification or "")
    checked = await charts.statements.checked(head.sql)
    got = (await charts.statements.load(checked)).rows
    drawn = (await charts.draw(ChartRequest(head.sql, head.template, lang=gold.lang))).data()["format"]
    return Judged(
        gold.question,
        gold.lang,
        "match" if same_rows(wanted, got, ordered=_ordered(gold.sql)) else "other_rows",
        chart=drawn in gold.formats if gold.formats else None,
        sql=head.sql,
        format=drawn,
    )


def summaries(judged: Sequence[Judged]) -> list[Summary]:
    """One for each language, and one for all."""
    languages = sorted({one.lang for one in judged}, reverse=True)
    found = [_summary(lang, [one for one in judged if one.lang == lang]) for lang in languages]
    return [*found, _summary("all", judged)] if len(languages) > 1 else found


def _summary(lang: str, judged: Sequence[Judged]) -> Summary:
    wished = [one.chart for one in judged if one.chart is not None]
    return Summary(
        lang=lang,
        questions=len(judged),
        execution_match=_share(one.verdict == "match" for one in judged) or 0.0,
        chart_match=_share(bool(chart) for chart in wished),
        questions_back=sum(one.verdict == "question_back" for one in judged),
        refused=sum(one.verdict == "refused" for one in judged),
        failed=sum(one.verdict == "failed" for one in judged),
        repairs=sum(one.repairs for one in judged),
        cost_usd=round(sum(one.cost_usd for one in judged), 6),
        median_seconds=round(median(one.seconds for one in judged), 2),
    )


def _share(hits: Iterable[bool]) -> float | None:
    counted = list(hits)
    return round(sum(counted) / len(counted), 4) if counted else None


def _ordered(sql: str) -> bool:
    """Whether the statement itself asks for an order."""
    return bool(pglast.parse_sql(sql)[0].stmt.sortClause)  # type: ignore[union-attr]


def _silent(_: Stage) -> None:
    """Nobody waits."""

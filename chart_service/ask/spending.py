"""What asking costs, and when it has cost enough for today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from chart_service.ask.chart_settings import Budget, Prices
from chart_service.ask.model_errors import Usage
from warehouse.meanings import Text

MILLION = Decimal(1_000_000)

_YOURS, _COMPANY = Text("Ваш", "Your"), Text("Общий", "The company's")


class BudgetSpent(Exception):
    """Today's budget is spent. ``renews_at``: when the next day of UTC begins."""

    def __init__(self, whose: Text, limit: str, renews_at: datetime) -> None:
        at = renews_at.strftime("%Y-%m-%d %H:%M UTC")
        self.text = Text(
            f"{whose.ru} бюджет на вопросы словами на сегодня исчерпан ({limit}). Он обновится {at}; сохранённое и уже "
            "отвеченное работает. Бюджет меняется в настройках (/api/v1/settings/budget).",
            f"{whose.en} budget for asking in words is spent for today ({limit}). It renews at {at}; what is saved or "
            "was answered before keeps working. The budget is set under /api/v1/settings/budget.",
        )
        super().__init__(self.text.en)
        self.renews_at = renews_at


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent since midnight UTC, by one person and by all."""

    user_usd: Decimal
    user_tokens: int
    total_usd: Decimal
    total_tokens: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the model, as ``app.model_calls`` keeps it."""

    ask_id: UUID | None
    called_by: str | None
    purpose: str
    model: str
    usage: Usage
    milliseconds: int
    tries: int
    outcome: str


@dataclass(frozen=True, slots=True)
class DayOfUsage:
    """What one person spent on one day of UTC."""

    day: date
    called_by: str | None
    calls: int
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: Decimal


def cost(usage: Usage, prices: Prices, model: str) -> Decimal:
    """US dollars of a call; zero where the model has no price."""
    price = prices.of(model)
    if price is None:
        return Decimal(0)
    fresh = usage.prompt_tokens - usage.cached_tokens
    dollars = fresh * price.prompt + usage.cached_tokens * price.cached + usage.output_tokens * price.output
    return dollars / MILLION


def check_budget(spent: Spent, budget: Budget, now: datetime) -> None:
    """Raise ``BudgetSpent`` when nothing is left for today. The call that passes a limit is the last one."""
    renews_at = day_of(now) + timedelta(days=1)
    for whose, used, limit, unit in (
        (_YOURS, spent.user_usd, budget.user_usd_per_day, "USD"),
        (_YOURS, spent.user_tokens, budget.user_tokens_per_day, "tokens"),
        (_COMPANY, spent.total_usd, budget.total_usd_per_day, "USD"),
        (_COMPANY, spent.total_tokens, budget.total_tokens_per_day, "tokens"),
    ):
        if limit is not None and used >= limit:
            raise BudgetSpent(
                whose, f"{limit:f} {unit}" if isinstance(limit, Decimal) else f"{limit} {unit}", renews_at
            )


def day_of(now: datetime) -> datetime:
    """The beginning of the day of UTC that ``now`` is in."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def spent_today(conn: AsyncConnection[Any], user: str | None, now: datetime) -> Spent:
    """What was spent since midnight UTC."""
    cursor = await conn.execute(
        """SELECT coalesce(sum(cost_usd) FILTER (WHERE called_by IS NOT DISTINCT FROM %(user)s), 0),
               coalesce(sum(prompt_tokens + output_tokens) FILTER (WHERE called_by IS NOT DISTINCT FROM %(user)s), 0),
               coalesce(sum(cost_usd), 0), coalesce(sum(prompt_tokens + output_tokens), 0)
           FROM app.model_calls WHERE called_at >= %(since)s""",
        {"user": user, "since": day_of(now)},
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  an aggregate always has a row
    return Spent(row[0], int(row[1]), row[2], int(row[3]))


async def record_call(conn: AsyncConnection[Any], call: Call, dollars: Decimal) -> None:
    """Keep what a call cost."""
    usage = call.usage
    await conn.execute(
        """INSERT INTO app.model_calls (called_by, ask_id, purpose, model, prompt_tokens, cached_tokens, output_tokens,
               cost_usd, milliseconds, tries, outcome)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            *(call.called_by, call.ask_id, call.purpose, call.model),
            *(usage.prompt_tokens, usage.cached_tokens, usage.output_tokens),
            *(dollars, call.milliseconds, call.tries, call.outcome),
        ),
    )


async def spent_on(conn: AsyncConnection[Any], ask_id: UUID) -> tuple[Decimal, int]:
    """What a question cost, answered or not, and how many repairs that was for."""
    cursor = await conn.execute(
        """SELECT coalesce(sum(cost_usd), 0), count(*) FILTER (WHERE purpose = 'repair')
           FROM app.model_calls WHERE ask_id = %s""",
        (ask_id,),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  an aggregate always has a row
    return row[0], row[1]


async def usage_by_day(conn: AsyncConnection[Any], since: date, until: date) -> list[DayOfUsage]:
    """What was spent from one day of UTC to another, both included, newest first."""
    cursor = await conn.execute(
        """SELECT (called_at AT TIME ZONE 'UTC')::date AS day, called_by, count(*), sum(prompt_tokens)::int8,
               sum(cached_tokens)::int8, sum(output_tokens)::int8, sum(cost_usd)
           FROM app.model_calls
           WHERE called_at >= %(since)s::date::timestamp AT TIME ZONE 'UTC'
             AND called_at < (%(until)s::date + 1)::timestamp AT TIME ZONE 'UTC'
           GROUP BY day, called_by ORDER BY day DESC, called_by NULLS FIRST LIMIT 10000""",
        {"since": since, "until": until},
    )
    return [DayOfUsage(*row) for row in await cursor.fetchall()]

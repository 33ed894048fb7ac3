"""What people set for asking, and what asking costs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from chart_service.ask.ask_routes import name_of
from chart_service.ask.chart_settings import (
    Budget,
    Glossary,
    Instructions,
    Prices,
    S,
    read_setting,
    write_setting,
)
from chart_service.ask.spending import day_of, spent_today, usage_by_day
from chart_service.services import Services, ServicesOf
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.errors import ApiError
from webhook_api.pool import transaction

router = APIRouter(prefix="/api/v1", tags=["asking"], responses=SIGN_IN_ERRORS)

LONGEST_PERIOD_DAYS = 400


class UsageOfDay(BaseModel):
    """What one person's questions took of the model on one day of UTC."""

    day: date
    user: str | None = Field(description="Null where nobody signs in.")
    calls: int
    prompt_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float


class Today(BaseModel):
    """What was spent since midnight UTC, and when the budget renews."""

    user_usd: float
    user_tokens: int
    total_usd: float
    total_tokens: int
    renews_at: datetime


class Usage(BaseModel):
    """What asking cost. ``priced``: the present model has a price; without one every call counts as free."""

    model: str
    priced: bool
    today: Today
    budget: Budget
    items: list[UsageOfDay]


@router.get("/usage")
async def usage(
    services: ServicesOf,
    claims: SignedIn,
    since: Annotated[date | None, Query(alias="from", description="First day; default: 30 days ago.")] = None,
    until: Annotated[date | None, Query(alias="to", description="Last day, included; default: today.")] = None,
) -> Usage:
    """Tokens and cost by day and person, newest first, and what is left of today's budget."""
    now = datetime.now(UTC)
    last = until or now.date()
    if not 1900 <= last.year <= 2200 or (since is not None and not 1900 <= since.year <= 2200):
        raise ApiError(422, "invalid_request", "from and to must be days between 1900 and 2200.")
    first = since or last - timedelta(days=30)
    if not 0 <= (last - first).days <= LONGEST_PERIOD_DAYS:
        raise ApiError(422, "invalid_request", f"from must be before to, at most {LONGEST_PERIOD_DAYS} days.")
    async with transaction(services.pool) as conn:
        spent = await spent_today(conn, name_of(claims), now)
        budget, prices = await read_setting(conn, Budget), await read_setting(conn, Prices)
        days = await usage_by_day(conn, first, last)
    model = services.settings.openai_model
    return Usage(
        model=model,
        priced=prices.of(model) is not None,
        today=Today(**asdict(spent), renews_at=day_of(now) + timedelta(days=1)),
        budget=budget,
        items=[
            UsageOfDay(user=one.called_by, cost_usd=float(one.cost_usd), **{k: getattr(one, k) for k in _SAME_NAMES})
            for one in days
        ],
    )


_SAME_NAMES = ("day", "calls", "prompt_tokens", "cached_tokens", "output_tokens")


@router.get("/settings/glossary")
async def glossary(services: ServicesOf, claims: SignedIn) -> Glossary:
    """The company's own words, which the model is told."""
    return await _read(services, Glossary)


@router.put("/settings/glossary")
async def set_glossary(services: ServicesOf, claims: SignedIn, value: Glossary) -> Glossary:
    """Put other words in their place."""
    return await _write(services, claims, value)


@router.get("/settings/instructions")
async def instructions(services: ServicesOf, claims: SignedIn) -> Instructions:
    """What the model is told beside the product's own rules."""
    return await _read(services, Instructions)


@router.put("/settings/instructions")
async def set_instructions(services: ServicesOf, claims: SignedIn, value: Instructions) -> Instructions:
    """Put other instructions in their place."""
    return await _write(services, claims, value)


@router.get("/settings/budget")
async def budget(services: ServicesOf, claims: SignedIn) -> Budget:
    """What asking may cost in a day."""
    return await _read(services, Budget)


@router.put("/settings/budget")
async def set_budget(services: ServicesOf, claims: SignedIn, value: Budget) -> Budget:
    """Set other limits; they hold at once."""
    return await _write(services, claims, value)


@router.get("/settings/prices")
async def prices(services: ServicesOf, claims: SignedIn) -> Prices:
    """What models cost."""
    return await _read(services, Prices)


@router.put("/settings/prices")
async def set_prices(services: ServicesOf, claims: SignedIn, value: Prices) -> Prices:
    """Set other prices, for calls from now on."""
    return await _write(services, claims, value)


async def _read(services: Services, kind: type[S]) -> S:
    async with transaction(services.pool) as conn:
        return await read_setting(conn, kind)


async def _write(services: Services, claims: SignedIn, value: S) -> S:
    async with transaction(services.pool) as conn:
        await write_setting(conn, value, name_of(claims))
        return await read_setting(conn, type(value))

"""A question as it comes, and all that it is asked with: schema, words, prices, nearest examples, what it follows."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from chart_service.ask import history
from chart_service.ask.chart_settings import Glossary, Instructions, Prices, read_setting
from chart_service.ask.examples import nearest_examples
from chart_service.ask.model_client import Message
from chart_service.ask.prompt import (
    Previous,
    Question,
    cache_key,
    language_of,
    messages,
    system_text,
    user_text,
)
from chart_service.ask.schema_source import KnownSchema
from webhook_api.pool import ConnectionPool, transaction


class CannotFollow(Exception):
    """The question that another one follows is not there, is not this person's, or was not answered."""


class NothingSynced(Exception):
    """There are no tables yet to ask about."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A question as it came. ``limits``: what the page's filters limit, in words, without values of rows.

    ``fresh``: the model is asked even where the answer is known.
    """

    question: str
    lang: str | None = None
    follows: uuid.UUID | None = None
    limits: Sequence[str] = ()
    asked_by: str | None = None
    sees_all: bool = False
    fresh: bool = False
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def answered_in(self) -> str:
        """The language of the answer."""
        return self.lang or language_of(self.question)


@dataclass(frozen=True, slots=True)
class Context:
    """What a question is asked with. ``key`` is the same for the same question with all the same."""

    schema: KnownSchema
    conversation: list[Message]
    key: str
    prices: Prices


async def read_context(
    asking: Asking, schema: KnownSchema, pool: ConnectionPool, model: str, *, now: datetime, time_zone: str
) -> Context:
    """Gather all of it. Raises ``CannotFollow`` and ``NothingSynced``."""
    if not schema.catalog.tables:
        raise NothingSynced
    async with transaction(pool) as conn:
        glossary = await read_setting(conn, Glossary)
        instructions = await read_setting(conn, Instructions)
        prices = await read_setting(conn, Prices)
        nearest = await nearest_examples(conn, asking.question)
        previous = await _previous(conn, asking)
    question = Question(
        text=asking.question,
        lang=asking.answered_in,
        now=now.astimezone(ZoneInfo(time_zone)),
        time_zone=time_zone,
        examples=nearest,
        previous=previous,
        limits=asking.limits,
    )
    system = await asyncio.to_thread(system_text, schema.text, schema.base_currency, glossary, instructions)
    conversation = messages(system, user_text(question))
    return Context(schema, conversation, cache_key(model, conversation), prices)


async def _previous(conn: AsyncConnection[Any], asking: Asking) -> Previous | None:
    if asking.follows is None:
        return None
    before = await history.asked(conn, asking.follows, by=asking.asked_by, everybody=asking.sees_all)
    if before is None or before.sql is None or before.outcome not in ("answered", "empty"):
        raise CannotFollow
    return Previous(before.question, before.sql, (before.intent or {}).get("figure"))

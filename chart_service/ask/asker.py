"""Answers questions and keeps what became of them: context, cache, budget, the loop, the chart, the records."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol
from weakref import WeakValueDictionary

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from chart_service.ask import history
from chart_service.ask.answer import AnswerHead, AnswerOutcome, AskUsage, ExistingValues
from chart_service.ask.asking import Asking, Context, read_context
from chart_service.ask.chart_settings import Budget, Prices, read_setting
from chart_service.ask.conversation import Conversation, total
from chart_service.ask.existing import existing_values
from chart_service.ask.history import Record
from chart_service.ask.loop import Found, Loop, StatementRuns
from chart_service.ask.model_client import ModelClient
from chart_service.ask.model_errors import ModelError
from chart_service.ask.progress import Progress
from chart_service.ask.schema_source import KnownSchema, SchemaSource
from chart_service.ask.spending import BudgetSpent, Call, check_budget, cost, record_call, spent_today
from chart_service.figures import FigureTemplate
from chart_service.guard import Checked, Refused
from chart_service.measures import ChartMeasures
from chart_service.query import QueryFailed
from webhook_api.pool import ConnectionPool, transaction

log = structlog.get_logger(__name__)

_DECLINED = frozenset({"model_refused", "model_content_filter"})


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart, the template that drew it, and the version of the data it shows."""

    chart: Any
    template: FigureTemplate
    data_version: str


class Charts(StatementRuns, Protocol):
    """How statements become charts for one asker."""

    async def draw(self, checked: Checked, template: FigureTemplate | None) -> Drawn:
        """The chart; without a template, or with one that does not fit, in the format that the rows fit best."""


@dataclass(slots=True)
class Asker:
    """One for the process. ``client`` is None without a key."""

    pool: ConnectionPool
    schemas: SchemaSource
    client: ModelClient | None
    time_zone: str
    measures: ChartMeasures = field(default_factory=ChartMeasures)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    _keeping: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(self, asking: Asking, charts: Charts, progress: Progress) -> tuple[AnswerHead, Any]:
        """The answer and its chart (None where the model asks back).

        Raises ``ModelError``, ``BudgetSpent``, ``Refused``, ``QueryFailed``, ``CannotFollow``, ``NothingSynced``, and
        what the database raises when it is away. Once the question is asked, whatever happens is kept in the history.
        """
        client = self.client
        if client is None:
            raise ModelError("no_model")
        progress("understanding")
        schema = await self.schemas.current()
        context = await read_context(asking, schema, self.pool, client.model, now=self.now(), time_zone=self.time_zone)
        # Whoever asks the same at the same time waits for the first, and is answered from what it left.
        async with self._turns.setdefault(context.key, asyncio.Lock()):
            return await self._recorded(client, asking, context, charts, progress)

    async def aclose(self) -> None:
        """Wait for records that are being written."""
        if self._keeping:
            await asyncio.wait(self._keeping)

    async def _recorded(
        self, client: ModelClient, asking: Asking, context: Context, charts: Charts, progress: Progress
    ) -> tuple[AnswerHead, Any]:
        began = time.monotonic()
        record = _record(asking, context)
        conversation = Conversation(client, context.conversation, progress, lambda: self._check_budget(record.asked_by))
        loop = Loop(conversation, charts, context.schema.catalog, progress)
        try:
            found = await self._found(record, None if asking.fresh else context.key, loop)
            drawn = await _draw(found, charts, progress)
            existing = await _existing(found, context.schema, charts)
        except BaseException as error:
            record.outcome, record.code = _why_not(error)
            raise
        else:
            record.outcome = _outcome(found)
            record.data_version = drawn.data_version if drawn else None
        finally:
            record.intent = loop.intent
            record.sql = loop.intent.sql if loop.intent else None
            record.repairs = conversation.repairs
            record.milliseconds = round((time.monotonic() - began) * 1000)
            await self._finished(self._keep(record, conversation, context.prices))
        usage = _usage(conversation, context.prices)
        return _head(record, found, drawn, existing, usage), drawn.chart if drawn else None

    async def _found(self, record: Record, key: str | None, loop: Loop) -> Found:
        async with transaction(self.pool) as conn:
            known = None if key is None else await history.known_intent(conn, key)
        record.cached = known is not None
        found = await loop.run(known)
        record.cached = known is not None and found.intent.sql == known.sql
        return found

    async def _check_budget(self, user: str | None) -> None:
        """Raise ``BudgetSpent`` when nothing is left. Calls that are going on are not counted yet: as many as are asked
        at the same moment may pass the limit together."""
        now = self.now()
        async with transaction(self.pool) as conn:
            check_budget(await spent_today(conn, user, now), await read_setting(conn, Budget), now)

    async def _keep(self, record: Record, conversation: Conversation, prices: Prices) -> None:
        model = conversation.client.model
        for spoken in conversation.calls:
            dollars = float(cost(spoken.usage, prices, model))
            self.measures.model_call(model, spoken.outcome, spoken.usage, spoken.milliseconds / 1000, dollars)
        try:
            async with transaction(self.pool) as conn:
                await history.keep(conn, record)
                for spoken in conversation.calls:
                    call = Call(
                        ask_id=record.id,
                        called_by=record.asked_by,
                        purpose=spoken.purpose,
                        model=model,
                        usage=spoken.usage,
                        milliseconds=spoken.milliseconds,
                        tries=spoken.tries,
                        outcome=spoken.outcome,
                    )
                    await record_call(conn, call, cost(spoken.usage, prices, model))
        except (psycopg.Error, PoolTimeout) as error:
            # The person has an answer; that it is not in the history must not take it away.
            log.warning("a question could not be kept", error=type(error).__name__)

    async def _finished(self, keeping: Coroutine[Any, Any, None]) -> None:
        """Write to the end even when the person leaves in the middle: what was spent must be counted."""
        task = asyncio.ensure_future(keeping)
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)
        await asyncio.shield(task)


def _record(asking: Asking, context: Context) -> Record:
    return Record(
        id=asking.id,
        asked_by=asking.asked_by,
        question=asking.question,
        lang=asking.answered_in,
        follows=asking.follows,
        cache_key=context.key,
    )


def _head(
    record: Record, found: Found, drawn: Drawn | None, existing: list[ExistingValues], usage: AskUsage
) -> AnswerHead:
    intent = found.intent
    return AnswerHead(
        ask_id=record.id,
        outcome=_outcome(found),
        clarification=intent.clarification,
        assumptions=intent.assumptions,
        plan=intent.plan,
        sql=intent.sql,
        title=intent.title,
        description=intent.description,
        template=drawn.template if drawn else None,
        cached=record.cached,
        repairs=record.repairs,
        usage=usage,
        existing=existing,
    )


async def _draw(found: Found, charts: Charts, progress: Progress) -> Drawn | None:
    if found.checked is None:
        return None
    progress("drawing")
    return await charts.draw(found.checked, found.intent.figure)


async def _existing(found: Found, schema: KnownSchema, charts: Charts) -> list[ExistingValues]:
    if not found.empty or found.checked is None:
        return []
    return await existing_values(found.checked, schema.catalog, charts)


def _outcome(found: Found) -> AnswerOutcome:
    if found.checked is None:
        return "clarification"
    return "empty" if found.empty else "answered"


def _why_not(error: BaseException) -> tuple[history.Outcome, str | None]:
    if isinstance(error, asyncio.CancelledError):
        return "cancelled", None
    if isinstance(error, Refused):
        return "refused", error.rule
    if isinstance(error, BudgetSpent):
        return "refused", "budget_spent"
    if isinstance(error, ModelError):
        return ("refused" if error.code in _DECLINED else "failed"), error.code
    if isinstance(error, QueryFailed):
        return "failed", error.code
    return "failed", type(error).__name__


def _usage(conversation: Conversation, prices: Prices) -> AskUsage:
    used = total(conversation.calls)
    dollars = sum((cost(call.usage, prices, conversation.client.model) for call in conversation.calls), Decimal(0))
    return AskUsage(
        prompt_tokens=used.prompt_tokens,
        cached_tokens=used.cached_tokens,
        output_tokens=used.output_tokens,
        cost_usd=float(dollars),
    )

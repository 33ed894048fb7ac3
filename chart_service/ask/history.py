"""Questions and what became of them, in ``app.asks``: the history that people see, and answers to give again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic import ValidationError

from chart_service.ask.intent import Intent, storable

Outcome = Literal["answered", "empty", "clarification", "refused", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question. ``code``: why it was not answered."""

    id: UUID
    asked_at: datetime
    asked_by: str | None
    question: str
    lang: str
    follows: UUID | None
    outcome: Outcome
    code: str | None
    intent: dict[str, Any] | None
    sql: str | None
    repairs: int
    cached: bool
    milliseconds: int | None


@dataclass(slots=True)
class Record:
    """What is kept of a question; filled in as it is answered."""

    id: UUID
    asked_by: str | None
    question: str
    lang: str
    follows: UUID | None = None
    outcome: Outcome = "failed"
    code: str | None = None
    intent: Intent | None = None
    sql: str | None = None
    repairs: int = 0
    cached: bool = False
    milliseconds: int = 0
    cache_key: str | None = None
    data_version: str | None = None


_COLUMNS = (
    """id, asked_at, asked_by, question, lang, follows, outcome, code, intent, sql, repairs, cached, milliseconds"""
)


async def keep(conn: AsyncConnection[Any], record: Record) -> None:
    """Add a question to the history."""
    intent = None if record.intent is None else Jsonb(record.intent.model_dump(mode="json"))
    await conn.execute(
        """INSERT INTO app.asks (id, asked_by, question, lang, follows, outcome, code, intent, sql, repairs, cached,
               milliseconds, cache_key, data_version)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            *(record.id, record.asked_by, storable(record.question), record.lang, record.follows, record.outcome),
            *(record.code, intent, record.sql, record.repairs, record.cached, record.milliseconds),
            *(record.cache_key, record.data_version),
        ),
    )


async def known_intent(conn: AsyncConnection[Any], cache_key: str) -> Intent | None:
    """The intent that the same question with the same prompt led to, if that was good."""
    cursor = await conn.execute(
        """SELECT intent FROM app.asks
           WHERE cache_key = %s AND outcome IN ('answered', 'empty', 'clarification') AND intent IS NOT NULL
           ORDER BY asked_at DESC LIMIT 1""",
        (cache_key,),
    )
    row = await cursor.fetchone()
    try:
        return Intent.model_validate(row[0]) if row else None
    except ValidationError:
        return None  # kept by another version, whose templates this one does not know


async def asked(conn: AsyncConnection[Any], ask_id: UUID, *, by: str | None, everybody: bool) -> Asked | None:
    """One question of a person (or of anybody), or None."""
    found = await _select(conn, "id = %(id)s", {"id": ask_id}, by=by, everybody=everybody, limit=1)
    return found[0] if found else None


async def asks(
    conn: AsyncConnection[Any], *, by: str | None, everybody: bool, limit: int, before: datetime | None
) -> list[Asked]:
    """Questions of a person (or of everybody), newest first; ``before`` is the time to go on below."""
    condition = "(%(before)s::timestamptz IS NULL OR asked_at < %(before)s)"
    return await _select(conn, condition, {"before": before}, by=by, everybody=everybody, limit=limit)


async def _select(
    conn: AsyncConnection[Any], condition: str, values: dict[str, Any], *, by: str | None, everybody: bool, limit: int
) -> list[Asked]:
    statement = f"""SELECT {_COLUMNS} FROM app.asks
        WHERE {condition} AND (%(everybody)s OR asked_by IS NOT DISTINCT FROM %(by)s)
        ORDER BY asked_at DESC LIMIT %(limit)s"""  # noqa: S608  both parts are written above
    async with conn.cursor(row_factory=class_row(Asked)) as cursor:
        await cursor.execute(statement, {**values, "by": by, "everybody": everybody, "limit": limit})
        return await cursor.fetchall()

"""Approved pairs of question and statement, in ``app.examples``: the nearest are shown to the model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from chart_service.ask.nearest import nearest

SHOWN = 3
CONSIDERED = 2000


@dataclass(frozen=True, slots=True)
class Example:
    """A question that a person found well answered."""

    id: int
    question: str
    lang: str
    sql: str
    template: dict[str, Any] | None
    approved_by: str | None
    approved_at: datetime


async def examples(conn: AsyncConnection[Any], limit: int = CONSIDERED) -> list[Example]:
    """The newest first."""
    async with conn.cursor(row_factory=class_row(Example)) as cursor:
        await cursor.execute("SELECT * FROM app.examples ORDER BY approved_at DESC, id DESC LIMIT %s", (limit,))
        return await cursor.fetchall()


async def nearest_examples(conn: AsyncConnection[Any], question: str, count: int = SHOWN) -> list[Example]:
    """The examples most like a question, best first."""
    known = await examples(conn)
    return [known[at] for at in nearest(question, [example.question for example in known], count)]


async def approve(
    conn: AsyncConnection[Any],
    *,
    question: str,
    lang: str,
    sql: str,
    template: dict[str, Any] | None,
    approved_by: str | None,
) -> int:
    """Keep an example, in the place of one with the same question; answers its id."""
    cursor = await conn.execute(
        """INSERT INTO app.examples (question, lang, sql, template, approved_by) VALUES (%s, %s, %s, %s, %s)
           ON CONFLICT (question, lang) DO UPDATE SET sql = excluded.sql, template = excluded.template,
               approved_by = excluded.approved_by, approved_at = now()
           RETURNING id""",
        (question, lang, sql, None if template is None else Jsonb(template), approved_by),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101  the statement returns the row that it writes
    return int(row[0])


async def forget(conn: AsyncConnection[Any], example_id: int) -> bool:
    """Remove an example; answers whether there was one."""
    cursor = await conn.execute("DELETE FROM app.examples WHERE id = %s", (example_id,))
    return cursor.rowcount > 0

"""Saved charts in ``app.charts``: statements and templates, never rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from chart_service.dashboards.translations import chart_in, untranslated
from webhook_api.errors import ApiError

Connection = AsyncConnection[Any]

_COLUMNS = """id, title, description, question, lang, sql, template, template ->> 'format' AS format, assumptions,
    schema_hash, pinned, version, created_by, created_at, updated_at, translations, translations <> '{}' AS starter,
    (SELECT count(*) FROM app.dashboard_charts d WHERE d.chart_id = c.id) AS dashboards"""

_FOUND = """(%(q)s = '' OR strpos(lower(concat_ws(' ', title, description, question, translations -> 'ru' ->> 'title',
    translations -> 'en' ->> 'title')), lower(%(q)s)) > 0) AND (%(pinned)s::boolean IS NULL OR pinned = %(pinned)s)"""


async def listed(
    conn: Connection, lang: str, *, q: str, pinned: bool | None, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """A page of the library and how many charts there are in all."""
    wanted = {"q": q, "pinned": pinned, "limit": limit, "offset": offset}
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            f"""SELECT {_COLUMNS}, count(*) OVER () AS total FROM app.charts c WHERE {_FOUND}
                ORDER BY pinned DESC, updated_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s""",  # noqa: S608
            wanted,
        )
        rows = await cursor.fetchall()
        if rows or not offset:
            return [chart_in(row, lang, row["translations"]) for row in rows], rows[0]["total"] if rows else 0
        await cursor.execute(f"SELECT count(*) AS total FROM app.charts WHERE {_FOUND}", wanted)  # noqa: S608
        count = await cursor.fetchone()
    return [], count["total"] if count else 0


async def find(conn: Connection, chart_id: int, lang: str | None) -> dict[str, Any]:
    """A chart, in a language or (None) as it is stored. Raises ``ApiError`` 404."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM app.charts c WHERE id = %s", (chart_id,))  # noqa: S608
        row = await cursor.fetchone()
    if row is None:
        raise no_such_chart()
    return chart_in(row, lang or row["lang"], row["translations"])


async def create(conn: Connection, chart: Mapping[str, Any], by: str | None) -> int:
    """Keep a new chart; answers its id."""
    cursor = await conn.execute(
        """INSERT INTO app.charts (title, description, question, lang, sql, template, assumptions, schema_hash,
               created_by)
           VALUES (%(title)s, %(description)s, %(question)s, %(lang)s, %(sql)s, %(template)s, %(assumptions)s,
               %(schema_hash)s, %(by)s) RETURNING id""",
        {**_stored(chart), "by": by},
    )
    row = await cursor.fetchone()
    if row is None:
        raise AssertionError("INSERT … RETURNING answers a row")
    return int(row[0])


async def replace(conn: Connection, chart_id: int, version: int, chart: Mapping[str, Any]) -> None:
    """Put a changed chart in place of the one with this version.

    Raises ``ApiError`` 404; 409 ``changed_meanwhile`` when somebody was quicker.
    """
    before = await find(conn, chart_id, None)
    if before["translations"]:
        texts = {name: chart[name] for name in ("title", "description", "sql", "template")}
        chart = {**chart, **untranslated(texts, before["lang"], before["translations"]), "lang": before["lang"]}
    changed = await conn.execute(
        """UPDATE app.charts SET title = %(title)s, description = %(description)s, question = %(question)s,
               lang = %(lang)s, sql = %(sql)s, template = %(template)s, assumptions = %(assumptions)s,
               schema_hash = %(schema_hash)s, version = version + 1, updated_at = now()
           WHERE id = %(id)s AND version = %(version)s""",
        {**_stored(chart), "id": chart_id, "version": version},
    )
    if changed.rowcount == 0:
        now = await find(conn, chart_id, None)
        raise ApiError(
            409,
            "changed_meanwhile",
            f"The chart was changed meanwhile: it is at version {now['version']}, your change is of {version}. Load it "
            "again and repeat the change.",
        )


async def pin(conn: Connection, chart_id: int, pinned: bool) -> None:
    """Put a chart first in the library, or no longer. Raises ``ApiError`` 404."""
    changed = await conn.execute("UPDATE app.charts SET pinned = %s WHERE id = %s", (pinned, chart_id))
    if changed.rowcount == 0:
        raise no_such_chart()


async def delete(conn: Connection, chart_id: int) -> None:
    """Remove a chart, from dashboards too. Raises ``ApiError`` 404."""
    gone = await conn.execute("DELETE FROM app.charts WHERE id = %s", (chart_id,))
    if gone.rowcount == 0:
        raise no_such_chart()


def no_such_chart() -> ApiError:
    """There is no chart of this id."""
    return ApiError(404, "no_such_chart", "There is no such chart. It may have been deleted.")


def _stored(chart: Mapping[str, Any]) -> dict[str, Any]:
    return {**chart, "template": Jsonb(chart["template"]), "assumptions": Jsonb(list(chart["assumptions"]))}

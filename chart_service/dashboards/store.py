"""Dashboards as the database keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection, errors
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from chart_service.dashboards.document import Document
from chart_service.dashboards.translations import chart_in, translated, untranslated
from webhook_api.errors import ApiError

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard in a language. ``charts``: those on it, by id, with ``title``, ``description``, ``sql``,
    ``template``, ``lang``, ``version`` and ``updated_at``."""

    id: int
    uuid: UUID
    slug: str | None
    title: str
    description: str
    lang: str
    tabs: list[dict[str, Any]]
    items: list[dict[str, Any]]
    filters: dict[str, Any]
    translations: dict[str, dict[str, Any]]
    starter: str | None
    version: int
    created_by: str | None
    updated_at: datetime
    charts: dict[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Summary:
    """A dashboard in a list."""

    id: int
    uuid: UUID
    slug: str | None
    title: str
    description: str
    updated_at: datetime
    version: int
    chart_count: int
    starter: bool


_SUMMARY: LiteralString = """
SELECT id, uuid, slug, lang, title, description, translations, updated_at, version, starter IS NOT NULL AS starter,
       (SELECT count(*) FROM app.dashboard_charts c WHERE c.dashboard_id = d.id) AS chart_count
FROM app.dashboards d ORDER BY starter IS NULL, CASE WHEN starter IS NOT NULL THEN id END, updated_at DESC, id"""

_ONE: LiteralString = """
SELECT id, uuid, slug, title, description, lang, tabs, items, filters, translations, starter, version, created_by,
       updated_at, '{}'::jsonb AS charts
FROM app.dashboards WHERE """

_CHARTS: LiteralString = """
SELECT c.id, c.title, c.description, c.lang, c.sql, c.template, c.translations, c.version, c.updated_at
FROM app.dashboard_charts d JOIN app.charts c ON c.id = d.chart_id WHERE d.dashboard_id = %s"""


async def summaries(conn: Connection, lang: str, query: str = "") -> list[Summary]:
    """All dashboards whose title or description holds ``query``: those that came with the service first, then the
    most recently changed."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_SUMMARY)).fetchall()
    found = []
    for row in rows:
        translations, own = row.pop("translations"), row.pop("lang")
        words = translated({name: row[name] for name in ("title", "description")}, own, lang, translations)
        if query.casefold() in " ".join(words.values()).casefold():
            found.append(Summary(**{**row, **words}))
    return found


async def find(conn: Connection, name: str, lang: str) -> Dashboard:
    """The dashboard of an id, a uuid or a slug, in a language. Raises ``ApiError`` 404."""
    number = await id_of(conn, name)
    async with conn.cursor(row_factory=class_row(Dashboard)) as cursor:
        found = await (await cursor.execute(_ONE + "id = %s", (number,))).fetchone()
    if found is None:
        raise _not_there()
    return await _in_language(conn, found, lang)


async def id_of(conn: Connection, name: str) -> int:
    """The id of the dashboard of an id, a uuid or a slug. Raises ``ApiError`` 404."""
    if name.isascii() and name.isdigit():
        found = await conn.execute("SELECT id FROM app.dashboards WHERE id = %s", (min(int(name[:20]), 2**62),))
    elif (uuid := _uuid(name)) is not None:
        found = await conn.execute("SELECT id FROM app.dashboards WHERE uuid = %s", (uuid,))
    else:
        plain = name.replace("\0", "").encode(errors="ignore").decode()
        found = await conn.execute("SELECT id FROM app.dashboards WHERE slug = %s", (plain,))
    row = await found.fetchone()
    if row is None:
        raise _not_there()
    return int(row[0])


async def _in_language(conn: Connection, dashboard: Dashboard, lang: str) -> Dashboard:
    """The dashboard with its charts. Items whose chart was deleted are left out."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_CHARTS, (dashboard.id,))).fetchall()
    charts = {row["id"]: chart_in(row, lang, row["translations"]) for row in rows}
    own = dashboard.translations.get(dashboard.lang, {}).get("texts", {})
    wanted = dashboard.translations.get(lang, {}).get("texts", {})
    items = []
    for item in dashboard.items:
        if item["chart_id"] is not None and item["chart_id"] not in charts:
            continue
        texts = {item["id"]: item["text"]}
        said = translated(texts, "own", "wanted", {"own": own, "wanted": wanted})
        items.append({**item, "text": said[item["id"]]})
    words = {"title": dashboard.title, "description": dashboard.description}
    words = translated(words, dashboard.lang, lang, dashboard.translations)
    kept = {name: getattr(dashboard, name) for name in Dashboard.__slots__}
    return Dashboard(**{**kept, **words, "items": items, "charts": charts})


async def create(conn: Connection, document: Document, lang: str, by: str | None) -> int:
    """Keep a new dashboard; answers its id. Raises ``ApiError`` 409 for a slug that is taken, 422 for a chart that
    does not exist."""
    try:
        row = await (
            await conn.execute(
                """INSERT INTO app.dashboards (title, description, slug, lang, tabs, items, filters, created_by,
                       updated_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id""",
                (document.title, document.description, document.slug, lang, *_layout(document), by, by),
            )
        ).fetchone()
    except errors.UniqueViolation:
        raise _slug_taken(document) from None
    assert row is not None  # noqa: S101  INSERT … RETURNING answers a row
    await _place(conn, row[0], document)
    return int(row[0])


async def replace(conn: Connection, dashboard_id: int, version: int, document: Document, by: str | None) -> None:
    """Put a changed document in place of the one with this version.

    Raises ``ApiError`` 404; 409 ``changed_meanwhile`` when somebody was quicker; and as ``create`` does.
    """
    document = await _in_own_language(conn, dashboard_id, document)
    try:
        changed = await conn.execute(
            """UPDATE app.dashboards SET title = %s, description = %s, slug = %s, tabs = %s, items = %s, filters = %s,
                   updated_by = %s, updated_at = now(), version = version + 1 WHERE id = %s AND version = %s""",
            (document.title, document.description, document.slug, *_layout(document), by, dashboard_id, version),
        )
    except errors.UniqueViolation:
        raise _slug_taken(document) from None
    if changed.rowcount == 0:
        there = await (
            await conn.execute("SELECT version FROM app.dashboards WHERE id = %s", (dashboard_id,))
        ).fetchone()
        if there is None:
            raise _not_there()
        raise ApiError(
            409,
            "changed_meanwhile",
            f"The dashboard was changed meanwhile: it is at version {there[0]}, your change is of {version}. Load it "
            "again and repeat the change.",
        )
    await conn.execute("DELETE FROM app.dashboard_charts WHERE dashboard_id = %s", (dashboard_id,))
    await _place(conn, dashboard_id, document)


async def _in_own_language(conn: Connection, dashboard_id: int, document: Document) -> Document:
    """The document with the texts that came with the service in the language in which they are stored."""
    row = await (
        await conn.execute("SELECT lang, translations FROM app.dashboards WHERE id = %s", (dashboard_id,))
    ).fetchone()
    if row is None or not row[1]:
        return document
    own, translations = row
    words = untranslated({"title": document.title, "description": document.description}, own, translations)
    texts = {lang: words.get("texts", {}) for lang, words in translations.items()}
    said = untranslated({item.id: item.text for item in document.items}, own, texts)
    items = [item.model_copy(update={"text": said[item.id]}) for item in document.items]
    return document.model_copy(update={**words, "items": items})


async def delete(conn: Connection, dashboard_id: int) -> None:
    """Remove a dashboard, its embed, links and permalinks; its charts stay. Raises ``ApiError`` 404."""
    gone = await conn.execute("DELETE FROM app.dashboards WHERE id = %s", (dashboard_id,))
    if gone.rowcount == 0:
        raise _not_there()


def _layout(document: Document) -> tuple[Jsonb, Jsonb, Jsonb]:
    """Tabs, items and filters."""
    tabs = [tab.model_dump() for tab in document.tabs]
    items = [item.model_dump() for item in document.items]
    return Jsonb(tabs), Jsonb(items), Jsonb(document.filters)


async def _place(conn: Connection, dashboard_id: int, document: Document) -> None:
    """Note which charts stand on the dashboard."""
    wanted = document.chart_ids()
    placed = await (
        await conn.execute(
            """INSERT INTO app.dashboard_charts (dashboard_id, chart_id)
               SELECT %s, id FROM app.charts WHERE id = ANY(%s) RETURNING chart_id""",
            (dashboard_id, wanted),
        )
    ).fetchall()
    missing = set(wanted) - {row[0] for row in placed}
    if missing:
        numbers = ", ".join(map(str, sorted(missing)[:5]))
        raise ApiError(422, "unknown_chart", f"There is no chart {numbers}. It may have been deleted: take it off.")


def _slug_taken(document: Document) -> ApiError:
    return ApiError(409, "slug_taken", f"Another dashboard has the address {document.slug}. Choose another.")


def _not_there() -> ApiError:
    return ApiError(404, "no_such_dashboard", "There is no such dashboard. It may have been deleted.")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None

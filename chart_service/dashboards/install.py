"""Installs the dashboards that come with the service: each once, when the views that it reads exist."""

from __future__ import annotations

from typing import Any

import structlog
from psycopg.types.json import Jsonb

from chart_service.dashboards.starters import OWN, Starter, starters
from chart_service.dashboards.store import Connection
from chart_service.figures.template import FigureTemplate
from chart_service.guard import check

_LOCK = 0x623234737461  # "b24sta"; any constant that nothing else in the database locks

log = structlog.get_logger(__name__)


class StarterInstaller:
    """Installs what is missing whenever it is asked; once all is installed, asking costs nothing."""

    def __init__(self) -> None:
        self._done = False

    async def install(self, conn: Connection) -> list[str]:
        """In the caller's transaction, install those that never were and whose views exist; answers their names.

        A starter that a person deleted, or changed, is left as it is.
        """
        if self._done:
            return []
        missing = await _missing(conn)
        if not missing:
            self._done = True
            return []
        await conn.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        views = {
            row[0]
            for row in await (
                await conn.execute("SELECT relname::text FROM pg_class WHERE relnamespace = 'crm'::regnamespace")
            ).fetchall()
        }
        installed = []
        for starter in await _missing(conn):  # another process may have been quicker
            if _views_of(starter) <= views:
                await _install(conn, starter)
                installed.append(starter.name)
        if installed:
            log.info("installed dashboards that come with the service", names=installed)
        return installed


async def _missing(conn: Connection) -> list[Starter]:
    known = {row[0] for row in await (await conn.execute("SELECT name FROM app.starters")).fetchall()}
    return [starter for starter in starters() if starter.name not in known]


def _views_of(starter: Starter) -> set[str]:
    return {view for chart in starter.charts for view in check(chart.texts[OWN]["sql"]).relations}


async def _install(conn: Connection, starter: Starter) -> None:
    items: list[dict[str, Any]] = []
    for chart in starter.charts:
        # As the library would store it: every key of the template, absent ones null.
        texts = {
            lang: {**words, "template": FigureTemplate.model_validate(words["template"]).model_dump(mode="json")}
            for lang, words in chart.texts.items()
        }
        own = texts[OWN]
        row = await (
            await conn.execute(
                """INSERT INTO app.charts (title, description, lang, sql, template, translations)
                   VALUES (%s, %s, %s, %s, %s, %s) RETURNING id""",
                (own["title"], own["description"], OWN, own["sql"], Jsonb(own["template"]), Jsonb(texts)),
            )
        ).fetchone()
        assert row is not None  # noqa: S101  INSERT … RETURNING answers a row
        items.append(chart.item(row[0]).model_dump())
    own = starter.texts[OWN]
    await conn.execute("INSERT INTO app.starters (name) VALUES (%s)", (starter.name,))
    await conn.execute(
        """WITH made AS (
               INSERT INTO app.dashboards (slug, title, description, lang, items, translations, starter)
               VALUES ((SELECT %(slug)s WHERE NOT EXISTS (SELECT FROM app.dashboards WHERE slug = %(slug)s)),
                   %(title)s, %(description)s, %(lang)s, %(items)s, %(translations)s, %(name)s)
               RETURNING id)
           INSERT INTO app.dashboard_charts SELECT id, unnest(%(charts)s::bigint[]) FROM made""",
        {
            "slug": starter.slug,
            "title": own["title"],
            "description": own["description"],
            "lang": OWN,
            "items": Jsonb(items),
            "translations": Jsonb(starter.texts),
            "name": starter.name,
            "charts": [item["chart_id"] for item in items],
        },
    )

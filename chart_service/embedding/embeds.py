"""Which dashboards other sites may show: one embed for a dashboard, with a uuid of its own for the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from chart_service.embedding.origins import origins_of
from warehouse.settings import Settings

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Embed:
    """An embed. ``allowed_domains`` as they were given; empty: those of ``EMBED_ALLOWED_ORIGINS``.

    ``revoked_before``: guest tokens issued before are worth nothing.
    """

    uuid: UUID
    dashboard_id: int
    dashboard_uuid: UUID
    allowed_domains: list[str]
    allow_export: bool
    allow_rows: bool
    revoked_before: datetime | None
    changed_by: str | None
    changed_on: datetime

    def origins(self, settings: Settings) -> tuple[str, ...]:
        """The sites that may frame it."""
        return origins_of(self.allowed_domains or settings.embed_allowed_origins)


_EMBED: LiteralString = """
SELECT e.uuid, e.dashboard_id, d.uuid AS dashboard_uuid, e.allowed_domains, e.allow_export, e.allow_rows,
       e.revoked_before, e.changed_by, e.changed_on
FROM app.embeds e JOIN app.dashboards d ON d.id = e.dashboard_id WHERE """


async def of_dashboard(conn: Connection, dashboard_id: int) -> Embed | None:
    """The embed of a dashboard, if it may be embedded."""
    return await _one(conn, _EMBED + "e.dashboard_id = %s", dashboard_id)


async def of_uuid(conn: Connection, uuid: UUID) -> Embed | None:
    """The embed that has this uuid in its address."""
    return await _one(conn, _EMBED + "e.uuid = %s", uuid)


async def of_name(conn: Connection, name: str) -> Embed | None:
    """The embed that a token means: by its uuid, by the dashboard's uuid, or by the dashboard's id."""
    return await _one(
        conn, _EMBED + "lower(%s) IN (e.uuid::text, d.uuid::text, d.id::text)", name.replace("\0", "")[:100]
    )


async def enable(
    conn: Connection,
    dashboard_id: int,
    allowed_domains: Sequence[str],
    *,
    allow_export: bool,
    allow_rows: bool,
    by: str | None,
) -> None:
    """Let a dashboard be embedded, or change where; its uuid stays."""
    await conn.execute(
        """INSERT INTO app.embeds (dashboard_id, allowed_domains, allow_export, allow_rows, changed_by)
           VALUES (%s, %s, %s, %s, %s) ON CONFLICT (dashboard_id) DO UPDATE SET
               allowed_domains = excluded.allowed_domains, allow_export = excluded.allow_export,
               allow_rows = excluded.allow_rows, changed_by = excluded.changed_by, changed_on = now()""",
        (dashboard_id, Jsonb(list(allowed_domains)), allow_export, allow_rows, by),
    )


async def disable(conn: Connection, dashboard_id: int) -> bool:
    """Let a dashboard be embedded no more: its uuid is never used again. False: it could not be embedded."""
    gone = await conn.execute("DELETE FROM app.embeds WHERE dashboard_id = %s", (dashboard_id,))
    return gone.rowcount > 0


async def revoke_tokens(conn: Connection, dashboard_id: int, by: str | None) -> bool:
    """Make every guest token that was issued until now worthless. False: the dashboard cannot be embedded."""
    changed = await conn.execute(
        """UPDATE app.embeds SET revoked_before = clock_timestamp(), changed_by = %s, changed_on = now()
           WHERE dashboard_id = %s""",
        (by, dashboard_id),
    )
    return changed.rowcount > 0


async def _one(conn: Connection, query: LiteralString, *parameters: object) -> Embed | None:
    async with conn.cursor(row_factory=class_row(Embed)) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchone()

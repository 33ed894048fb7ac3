"""How fresh the data is, and which syncs are going on: for pages that show it."""

from __future__ import annotations

import hashlib
from datetime import datetime

from fastapi import APIRouter
from psycopg.rows import dict_row
from pydantic import BaseModel, Field

from chart_service.dashboards.shapes import LangOf
from chart_service.services import ServicesOf
from warehouse.views import VIEW_TITLES
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.pool import transaction

router = APIRouter(prefix="/api/v1", tags=["dashboards"], responses=SIGN_IN_ERRORS)


class Freshness(BaseModel):
    """One entity: when a sync of it last succeeded, and how many live rows it has."""

    entity: str = Field(examples=["deal"])
    view: str = Field(examples=["deals"])
    title: str
    last_sync_at: datetime | None
    rows: int | None


class RunningSync(BaseModel):
    """A sync in progress: rows so far, and how many it expects, once known."""

    entity: str
    title: str
    started_at: datetime
    fetched: int
    expected: int | None


class DataFreshness(BaseModel):
    """All entities that were ever synced. ``data_version`` changes with every committed change of any of them."""

    entities: list[Freshness]
    running: list[RunningSync]
    last_sync_at: datetime | None
    data_version: str


_ENTITIES = """
SELECT s.entity, t.table_name, s.last_sync_at, s.rows_total, s.data_version
FROM app.sync_state s JOIN (SELECT DISTINCT entity, table_name FROM app.table_columns) t USING (entity)"""

# A log entry that says running while nobody holds the entity's lock was left by a process that was killed.
_RUNNING = """
SELECT l.entity, t.table_name, l.started_at, l.fetched, l.expected
FROM app.sync_logs l LEFT JOIN (SELECT DISTINCT entity, table_name FROM app.table_columns) t USING (entity)
WHERE l.status = 'running' AND EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND ((classid::int8 << 32) | objid::int8) = hashtextextended('b24 sync ' || l.entity, 0))
ORDER BY l.started_at"""


@router.get("/freshness")
async def freshness(services: ServicesOf, claims: SignedIn, lang: LangOf) -> DataFreshness:
    """How fresh each entity is, and which syncs are going on."""
    async with transaction(services.pool) as connection, connection.cursor(row_factory=dict_row) as cursor:
        known = {row["table_name"]: row for row in await (await cursor.execute(_ENTITIES)).fetchall()}
        running = await (await cursor.execute(_RUNNING)).fetchall()
    ordered = [(view, known[view]) for view in VIEW_TITLES if view in known]
    if services.settings.chart_database_url is not None:
        # Charts come from a copy: they are as fresh as what has arrived there.
        there = await services.charts.statements.versions.now()
        for view, row in ordered:
            row["last_sync_at"] = there.synced.get(view)
            row["data_version"] = f"{row['last_sync_at']} {there.mark}"
    versions = " ".join(f"{view}:{row['data_version']}" for view, row in ordered)
    times = [row["last_sync_at"] for _, row in ordered if row["last_sync_at"] is not None]
    return DataFreshness(
        entities=[
            Freshness(
                entity=row["entity"],
                view=view,
                title=VIEW_TITLES[view].of(lang),
                last_sync_at=row["last_sync_at"],
                rows=row["rows_total"],
            )
            for view, row in ordered
        ],
        running=[
            RunningSync(
                entity=row["entity"],
                title=_title(row["table_name"], row["entity"], lang),
                started_at=row["started_at"],
                fetched=row["fetched"],
                expected=row["expected"],
            )
            for row in running
        ],
        last_sync_at=max(times, default=None),
        data_version=hashlib.sha256(versions.encode()).hexdigest()[:16],
    )


def _title(view: str | None, entity: str, lang: str) -> str:
    title = VIEW_TITLES.get(view or "")
    return title.of(lang) if title else entity

"""What the sync does and did: from ``app.sync_state`` and ``app.sync_logs``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from psycopg.rows import dict_row
from pydantic import BaseModel, Field

from bitrix.entities import BY_NAME, ENTITIES
from webhook_api.auth import SignedIn
from webhook_api.errors import ApiError, error_shapes
from webhook_api.services import ServicesOf, run_url

router = APIRouter(prefix="/api/v1/sync", tags=["sync"])

Status = Literal["running", "completed", "failed", "never"]


class EntityStatus(BaseModel):
    """The last sync of one entity. ``never``: there was none."""

    entity_type: str
    status: Status
    last_sync_type: str | None
    last_sync_at: datetime | None = Field(description="When a sync last succeeded.")
    records_synced: int = Field(description="Rows that the last sync fetched.")
    rows_total: int | None = Field(description="Live rows of the table.")
    error_message: str | None
    run_url: str | None


class Overall(BaseModel):
    """All entities, and the gravest of their states."""

    overall_status: Literal["running", "failed", "completed", "never"]
    entities: list[EntityStatus]


class Running(BaseModel):
    """A sync in progress. Rate in rows a second."""

    entity_type: str
    sync_type: str
    trigger: str | None
    started_at: datetime
    rows: int
    rows_expected: int | None
    rows_per_second: float | None
    expected_end: datetime | None
    run_id: str | None
    run_url: str | None


class RunningList(BaseModel):
    """The syncs in progress."""

    running: list[Running]
    count: int


class LogEntry(BaseModel):
    """One sync."""

    id: int
    entity_type: str
    sync_type: str
    trigger: str | None
    status: Literal["running", "completed", "failed"]
    started_at: datetime
    finished_at: datetime | None
    fetched: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    cells_nulled: int
    requests: int
    columns_added: list[str]
    error_message: str | None
    run_id: str | None
    run_url: str | None


class History(BaseModel):
    """A page of the log, newest first."""

    items: list[LogEntry]
    total: int
    page: int
    page_size: int


# A log entry that says running while nobody holds the entity's lock was left by a process that was killed.
_ALIVE = """EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND ((classid::int8 << 32) | objid::int8) = hashtextextended('b24 sync ' || l.entity, 0))"""

_STATUS = f"""
SELECT e.entity AS entity_type, CASE WHEN l.id IS NULL THEN 'never' WHEN l.status = 'succeeded' THEN 'completed'
        WHEN l.status = 'running' AND {_ALIVE} THEN 'running' ELSE 'failed' END AS status,
    l.sync_type AS last_sync_type, s.last_sync_at, coalesce(l.fetched, 0) AS records_synced, s.rows_total,
    CASE WHEN l.status = 'running' AND NOT {_ALIVE} THEN 'The process ended without a word.' ELSE l.error END
        AS error_message, l.run_id
FROM unnest(%(entities)s::text[]) WITH ORDINALITY e(entity, n) LEFT JOIN app.sync_state s USING (entity)
    LEFT JOIN LATERAL (SELECT * FROM app.sync_logs WHERE entity = e.entity ORDER BY started_at DESC, id DESC LIMIT 1) l
        ON true
ORDER BY e.n"""  # noqa: S608  the inserted text is the constant above

_RUNNING = f"""
SELECT l.entity AS entity_type, l.sync_type, l.trigger, l.started_at, l.fetched AS rows, l.expected AS rows_expected,
    l.run_id, rate AS rows_per_second,
    CASE WHEN rate > 0 AND l.expected > l.fetched
        THEN now() + make_interval(secs => (l.expected - l.fetched) / rate) END AS expected_end
FROM app.sync_logs l, LATERAL (
    SELECT round(l.fetched / nullif(extract(epoch FROM now() - l.started_at), 0), 1)::float8 AS rate) r
WHERE l.status = 'running' AND {_ALIVE} ORDER BY l.started_at"""  # noqa: S608

_HISTORY = """
SELECT id, entity AS entity_type, sync_type, trigger,
    CASE status WHEN 'succeeded' THEN 'completed' ELSE status END AS status,
    started_at, finished_at, fetched, inserted, updated, unchanged, deleted, cells_nulled, requests, columns_added,
    error AS error_message, run_id, count(*) OVER () AS total
FROM app.sync_logs
WHERE (%(entity)s::text IS NULL OR entity = %(entity)s) AND (%(sync_type)s::text IS NULL OR sync_type = %(sync_type)s)
    AND (%(status)s::text IS NULL OR %(status)s = CASE status WHEN 'succeeded' THEN 'completed' ELSE status END)
ORDER BY started_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s"""


@router.get("/status", summary="How every entity stands", responses=error_shapes(_401="not signed in"))
async def status(services: ServicesOf, user: SignedIn) -> Overall:
    """The last sync of each entity."""
    rows = await _rows(services, _STATUS, {"entities": [entity.name for entity in ENTITIES]})
    entities = [EntityStatus(**row) for row in rows]
    found = {entity.status for entity in entities}
    order: tuple[Status, ...] = ("running", "failed", "completed", "never")
    return Overall(overall_status=next(item for item in order if item in found), entities=entities)


@router.get("/running", summary="Syncs in progress", responses=error_shapes(_401="not signed in"))
async def running(services: ServicesOf, user: SignedIn) -> RunningList:
    """Rows so far, of how many, how fast, until when."""
    rows = [Running(**row) for row in await _rows(services, _RUNNING, {})]
    return RunningList(running=rows, count=len(rows))


@router.get(
    "/history", summary="The log of syncs", responses=error_shapes(_400="invalid entity type", _401="not signed in")
)
async def history(
    services: ServicesOf,
    user: SignedIn,
    entity_type: Annotated[str | None, Query(description="Only this entity.")] = None,
    status: Annotated[Literal["running", "completed", "failed"] | None, Query()] = None,
    sync_type: Annotated[Literal["full", "incremental", "events"] | None, Query()] = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=200)] = 50,
) -> History:
    """Newest first."""
    if entity_type is not None and entity_type not in BY_NAME:
        raise ApiError(400, "invalid_entity_type", "Invalid entity type. Known: " + ", ".join(BY_NAME))
    parameters = {
        "entity": entity_type,
        "status": status,
        "sync_type": sync_type,
        "limit": page_size,
        "offset": (page - 1) * page_size,
    }
    rows = await _rows(services, _HISTORY, parameters)
    total = rows[0].pop("total") if rows else 0
    return History(items=[LogEntry(**row) for row in rows], total=total, page=page, page_size=page_size)


async def _rows(services: ServicesOf, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    async with services.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        rows = await cursor.fetchall()
    for row in rows:
        row["run_url"] = run_url(services.settings, row["run_id"]) if row["run_id"] else None
    return rows

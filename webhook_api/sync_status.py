"""What the sync does and did: from ``app.sync_state`` and ``app.sync_logs``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from pydantic import BaseModel, BeforeValidator, Field

from bitrix.entities import ENTITIES
from webhook_api.auth import SIGN_IN_ERRORS, SignedIn
from webhook_api.dagster_queue import Queue, read_queue
from webhook_api.dagster_runs import ALL
from webhook_api.entity_names import EntityName, check_entity
from webhook_api.errors import error_shapes
from webhook_api.pool import transaction
from webhook_api.services import Services, ServicesOf, run_url

router = APIRouter(prefix="/api/v1/sync", tags=["sync"], responses=SIGN_IN_ERRORS)

Status = Literal["running", "queued", "failed", "completed", "never"]


class EntityStatus(BaseModel):
    """The last sync of one entity; ``queued``: the next one waits for its turn; ``never``: there was none."""

    entity_type: str = Field(examples=["deal"])
    status: Status
    last_sync_type: str | None
    last_sync_at: datetime | None = Field(description="When a sync last succeeded.")
    records_synced: int = Field(description="Rows that the last sync fetched.")
    rows_total: int | None = Field(description="Live rows of the table.")
    error_message: str | None
    run_url: str | None


class Overall(BaseModel):
    """All entities. ``overall_status``: the first of running, queued, failed, completed, never that one of them is."""

    overall_status: Status
    entities: list[EntityStatus]
    queue_known: bool = Field(description="false: Dagster does not answer, so what waits in its queue is not shown.")


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


class Queued(BaseModel):
    """A sync that waits for its turn."""

    entity_type: str = Field(description="`all` for one of everything.", examples=["deal"])
    sync_type: str | None
    trigger: str | None
    queued_at: datetime
    run_id: str
    run_url: str


class RunningList(BaseModel):
    """The syncs in progress, and those that wait."""

    running: list[Running]
    count: int = Field(description="Of those in progress.")
    queued: list[Queued]
    queue_known: bool = Field(description="false: Dagster does not answer, so what waits in its queue is not shown.")


class SchemaChange(BaseModel):
    """One thing that changed: a field, an option, or a view that could not follow."""

    kind: str
    field: str
    text: str


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
    retries: int = Field(description="Of the requests, those that were repetitions.")
    waited_seconds: float = Field(description="Time spent waiting for the portal's limits.")
    resumed: bool = Field(description="It went on where an earlier full sync had stopped.")
    deletions_held_back: int = Field(
        description="Rows that vanished from the portal, too many to be believed: nothing was marked as deleted."
    )
    columns_added: list[str]
    schema_changes: list[SchemaChange] = Field(
        description="What changed in the portal's fields since the sync before, and what could not follow."
    )
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
    started_at, finished_at, fetched, inserted, updated, unchanged, deleted, cells_nulled, requests, retries,
    waited_seconds, resumed, held_back AS deletions_held_back, columns_added,
    schema_changes,
    error AS error_message, run_id
"""
_FILTER = """FROM app.sync_logs
WHERE (%(entity)s::text IS NULL OR entity = %(entity)s) AND (%(sync_type)s::text IS NULL OR sync_type = %(sync_type)s)
    AND (%(status)s::text IS NULL OR %(status)s = CASE status WHEN 'succeeded' THEN 'completed' ELSE status END)
    AND (%(since)s::timestamptz IS NULL OR started_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR started_at < %(until)s)"""
_PAGE = "ORDER BY started_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s"


_UNLOGGED = """
SELECT DISTINCT ON (r.entity) r.entity, r.run_id
FROM unnest(%(entities)s::text[], %(run_ids)s::text[], %(moments)s::timestamptz[]) r(entity, run_id, created_at)
WHERE NOT EXISTS (SELECT FROM app.sync_logs l WHERE l.run_id = r.run_id)
    AND NOT EXISTS (SELECT FROM app.sync_logs l WHERE l.entity = r.entity AND l.started_at > r.created_at)
ORDER BY r.entity, r.created_at DESC"""

_NOT_BEGUN = "The run failed before the sync began. Its page in Dagster says why."


def _no_number(value: object) -> object:
    """A number would be read as seconds since 1970, which nobody means who writes a year."""
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?[\d._]+(e[-+]?\d+)?\s*", value, re.IGNORECASE):
        raise ValueError("must be a moment like 2026-01-31T12:00:00Z")
    return value


Moment = Annotated[datetime, BeforeValidator(_no_number)]


@router.get("/status", summary="How every entity stands")
async def status(services: ServicesOf, user: SignedIn) -> Overall:
    """The last sync of each entity, and whether another waits."""
    queue = await read_queue(services.dagster)
    names = [entity.name for entity in ENTITIES]
    rows = await _rows(services, _STATUS, {"entities": names})
    entities = [EntityStatus(**row) for row in rows]
    failed = await _not_begun(services, queue, names)
    for entity in entities:
        if entity.status == "running":
            continue
        if run := next((run for run in queue.waiting if run.entity in (entity.entity_type, ALL)), None):
            entity.status, entity.run_url = "queued", run_url(services.settings, run.run_id)
        elif run_id := failed.get(entity.entity_type):
            entity.status, entity.error_message = "failed", _NOT_BEGUN
            entity.run_url = run_url(services.settings, run_id)
    found = {entity.status for entity in entities}
    overall = next(item for item in get_args(Status) if item in found)
    return Overall(overall_status=overall, entities=entities, queue_known=queue.known)


@router.get("/running", summary="Syncs in progress")
async def running(services: ServicesOf, user: SignedIn) -> RunningList:
    """Rows so far, of how many, how fast, until when; and what waits in Dagster's queue."""
    queue = await read_queue(services.dagster)
    rows = [Running(**row) for row in await _rows(services, _RUNNING, {})]
    begun = {row.run_id for row in rows}
    queued = [
        Queued(
            entity_type=run.entity or ALL,
            sync_type=run.sync_type,
            trigger=run.trigger,
            queued_at=run.created_at,
            run_id=run.run_id,
            run_url=run_url(services.settings, run.run_id),
        )
        for run in queue.waiting
        if run.run_id not in begun
    ]
    return RunningList(running=rows, count=len(rows), queued=queued, queue_known=queue.known)


@router.get(
    "/history",
    summary="The log of syncs",
    responses=error_shapes(_400="invalid entity type"),
)
async def history(
    services: ServicesOf,
    user: SignedIn,
    entity_type: Annotated[EntityName | None, Query(description="Only this entity.")] = None,
    status: Annotated[Literal["running", "completed", "failed"] | None, Query()] = None,
    sync_type: Annotated[Literal["full", "incremental", "events"] | None, Query()] = None,
    since: Annotated[Moment | None, Query(description="Begun at or after this moment.")] = None,
    until: Annotated[Moment | None, Query(description="Begun before this moment.")] = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=200)] = 50,
) -> History:
    """Newest first. A moment without an offset is one of UTC."""
    if entity_type is not None:
        check_entity(entity_type)
    parameters = {
        "entity": entity_type,
        "status": status,
        "sync_type": sync_type,
        "since": _utc(since),
        "until": _utc(until),
        "limit": page_size,
        "offset": (page - 1) * page_size,
    }
    async with transaction(services.pool) as connection:
        counted = await (await connection.execute(f"SELECT count(*) {_FILTER}", parameters)).fetchone()
        rows = await _fetch(services, connection, f"{_HISTORY} {_FILTER} {_PAGE}", parameters)
    total = counted[0] if counted else 0
    return History(items=[LogEntry(**row) for row in rows], total=total, page=page, page_size=page_size)


async def _not_begun(services: Services, queue: Queue, names: list[str]) -> dict[str, str]:
    """The run id of the last try of each entity that failed without leaving a trace in the log."""
    tried = [(name, run) for run in queue.failed for name in names if run.entity in (name, ALL)]
    if not tried:
        return {}
    parameters = {
        "entities": [name for name, _ in tried],
        "run_ids": [run.run_id for _, run in tried],
        "moments": [run.created_at for _, run in tried],
    }
    async with transaction(services.pool) as connection:
        found = await (await connection.execute(_UNLOGGED, parameters)).fetchall()
    return {str(entity): str(run_id) for entity, run_id in found}


async def _rows(services: Services, query: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    async with transaction(services.pool) as connection:
        return await _fetch(services, connection, query, parameters)


async def _fetch(
    services: Services, connection: AsyncConnection[Any], query: str, parameters: dict[str, Any]
) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        rows = await cursor.fetchall()
    for row in rows:
        row["run_url"] = run_url(services.settings, row["run_id"]) if row["run_id"] else None
    return rows


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment

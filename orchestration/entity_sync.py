"""One sync of one entity, from the portal to committed rows. Knows nothing of Dagster."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from bitrix.changes import by_ids, walk_changes
from bitrix.client import PortalClient
from bitrix.describe import describe
from bitrix.entities import ENTITIES, Walk
from bitrix.fields import Field
from bitrix.snapshot import snapshot
from bitrix.walk import RowWalk, walk
from orchestration.event_rows import EventRows, too_many_deletions
from orchestration.sync_report import SyncBusyError, SyncReport, SyncRequest, SyncType
from warehouse.columns import Table
from warehouse.journal import (
    commit_state,
    finish_log,
    log_progress,
    read_state,
    record_issues,
    start_log,
    sync_lock,
)
from warehouse.load import RowConverter, Unit, live_rows, mark_deleted, merge
from warehouse.tables import ensure_table, existing_tables
from warehouse.views import refresh_views

UNIT_ROWS = 10_000
"""Rows of one transaction. Committing every 2,500 rows costs a fifth of the speed; more rows cost memory."""

OVERLAP = timedelta(minutes=5)
"""The modification time has a precision of one second and changes become visible late: windows overlap by this much."""

READS_BEFORE_DELETION = 2

LOCK_POLL_SECONDS = 0.25

log = structlog.get_logger(__name__)


async def sync_entity(client: PortalClient, connect: Callable[[], Connection], request: SyncRequest) -> SyncReport:
    """Bring one entity's table up to date and log it.

    An incremental sync of an entity that was never synced in full becomes a full one. Errors of the portal and of the
    database pass through after they were written to ``app.sync_logs``.

    Raises ``SyncBusyError`` when another sync of the entity holds its lock for longer than ``wait_seconds``.
    """
    with connect() as conn:
        deadline = time.monotonic() + request.wait_seconds
        while True:
            with sync_lock(conn, request.entity.name) as granted:
                if granted:
                    return await _Sync(client, connect, conn, request).run()
            if time.monotonic() >= deadline:
                raise SyncBusyError(
                    f"Another sync of {request.entity.name} is running. Wait for it to end, or stop it in Dagster."
                )
            await asyncio.sleep(LOCK_POLL_SECONDS)


class _Sync:
    """The steps of one sync, holding the entity's lock. Database work runs in a thread while the walk fetches on."""

    def __init__(
        self, client: PortalClient, connect: Callable[[], Connection], conn: Connection, request: SyncRequest
    ) -> None:
        self._client = client
        self._connect = connect
        self._conn = conn
        self._request = request
        self._entity = request.entity
        self._log = log.bind(entity=request.entity.name, run_id=request.run_id)

    async def run(self) -> SyncReport:
        started = time.monotonic()
        requests_before = self._client.requests
        self._state = read_state(self._conn, self._entity.name)
        asked: SyncType = self._request.sync_type
        self._report = SyncReport(self._entity.name, "full" if self._state.last_full_at is None else asked)
        self._events = EventRows(self._entity.name, self._request.run_id)
        self._more_rows: int | None = None
        self._requests_before = requests_before
        self._log_id = start_log(
            self._conn,
            self._entity.name,
            self._report.sync_type,
            run_id=self._request.run_id,
            trigger=self._request.trigger,
        )
        self._log.info("sync started", sync_type=self._report.sync_type)
        try:
            watermark = await self._copy_rows()
            self._report.requests = self._client.requests - requests_before
            await asyncio.to_thread(self._finish, watermark)
        except BaseException as error:
            self._fail(error)
            raise
        self._report.seconds = time.monotonic() - started
        self._log.info("sync finished", fetched=self._report.counts.fetched, seconds=round(self._report.seconds, 1))
        return self._report

    async def _copy_rows(self) -> datetime | None:
        """Design the table, then move all rows; answers the next watermark."""
        if self._request.sync_type == "events":
            await asyncio.to_thread(self._events.pick, self._conn)
        if self._entity.walk is Walk.DERIVED:
            crm = [entity for entity in ENTITIES if entity.userfields_method]
            fields = await describe(self._client, crm)
            await asyncio.to_thread(self._prepare, self._entity.fields)
            await self._write_all(option_rows(fields))
            return None
        described = await describe(self._client, [self._entity])
        await asyncio.to_thread(self._prepare, described[self._entity.name])
        if self._entity.walk is Walk.SNAPSHOT:
            await self._write_all(await snapshot(self._client, self._entity))
            return None
        if self._report.sync_type == "events":
            await self._copy_named(self._events.ids)
            return None
        async with self._open() as reading:
            await self._write_walk(reading)
            return reading.started_at

    async def _copy_named(self, ids: set[int]) -> None:
        """Read the rows that events named. What the portal does not show is asked for once more before it is marked as
        deleted: an event is a hint, and whoever forges one deletes nothing."""
        before = await asyncio.to_thread(self._live, ids)
        missing = ids
        for _ in range(READS_BEFORE_DELETION):
            missing = missing - await self._copy_ids(missing)
        await asyncio.to_thread(self._mark_deleted, missing & before)
        self._more_rows = len(await asyncio.to_thread(self._live, ids)) - len(before)

    async def _copy_ids(self, ids: set[int]) -> set[int]:
        found: set[int] = set()
        async for part in by_ids(self._client, self._entity, ids):
            unit = Unit()
            await asyncio.to_thread(self._converter.convert, part.rows, unit)
            await asyncio.to_thread(self._write_unit, unit, len(ids))
            found |= {int(key) for key in unit.records}
        return found

    def _live(self, ids: set[int]) -> set[int]:
        with self._conn.transaction():
            return live_rows(self._conn, self._table, ids)

    def _mark_deleted(self, ids: set[int]) -> None:
        reason = too_many_deletions(len(ids), self._state.rows_total or 0)
        if reason is not None:
            self._log.warning("deletions are held back", rows=len(ids), reason=reason)
            self._events.hold_back(ids, reason)
            return
        with self._conn.transaction():
            self._report.counts.deleted += mark_deleted(self._conn, self._table, ids)

    def _open(self) -> RowWalk:
        state = self._state
        if self._report.sync_type == "full" or state.watermark is None:
            return walk(self._client, self._entity)
        return walk_changes(self._client, self._entity, since=state.watermark - OVERLAP, above_id=state.highest_id or 0)

    async def _write_all(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(rows), UNIT_ROWS):
            unit = Unit()
            await asyncio.to_thread(self._converter.convert, rows[start : start + UNIT_ROWS], unit)
            await asyncio.to_thread(self._write_unit, unit, len(rows))

    async def _write_walk(self, rows: RowWalk) -> None:
        """Fetch, convert and write at the same time. One unit is written while the next fills, never two, and rows wait
        converted, which takes a third of the memory: it stays flat however many there are."""
        unit = Unit()
        writing: asyncio.Future[None] | None = None
        try:
            async for part in rows:
                await asyncio.to_thread(self._converter.convert, part.rows, unit)
                if len(unit.records) >= UNIT_ROWS:
                    if writing is not None:
                        await writing
                    writing = asyncio.ensure_future(asyncio.to_thread(self._write_unit, unit, rows.expected))
                    unit = Unit()
        finally:
            if writing is not None:
                await writing  # also after an error: the thread uses the connection until it is done
        if unit.fetched:
            await asyncio.to_thread(self._write_unit, unit, rows.expected)

    def _prepare(self, fields: Sequence[Field]) -> None:
        """Tables and views first. A view needs the tables that its labels come from, so those exist before any row."""
        have = existing_tables(self._conn)
        for other in ENTITIES:
            if other.fields and other.table not in have and other is not self._entity:
                ensure_table(self._conn, other, other.fields)
        designed = ensure_table(self._conn, self._entity, fields)
        self._table: Table = designed.table
        self._converter = RowConverter(designed.table)
        self._report.columns = designed.table.columns
        self._report.columns_added = designed.added
        self._report.views_changed = tuple(refresh_views(self._conn))
        self._conn.commit()

    def _write_unit(self, unit: Unit, expected: int | None) -> None:
        with self._conn.transaction():
            self._report.counts.add(merge(self._conn, self._table, unit))
            record_issues(self._conn, self._entity.name, self._request.run_id, unit.issues)
            requests = self._client.requests - self._requests_before
            log_progress(self._conn, self._log_id, self._report.counts, requests=requests, expected=expected)

    def _finish(self, watermark: datetime | None) -> None:
        counts = self._report.counts
        with self._conn.transaction():
            self._report.state = commit_state(
                self._conn,
                self._table,
                sync_type=self._report.sync_type,
                watermark=watermark,
                changed=bool(counts.inserted or counts.updated or counts.deleted or self._report.columns_added),
                more_rows=self._more_rows,
            )
            full = self._report.sync_type == "full"
            self._report.events_given_up = self._events.close(self._conn, full=full)
            log_progress(self._conn, self._log_id, counts, requests=self._report.requests, expected=counts.fetched)
            finish_log(self._conn, self._log_id, columns_added=self._report.columns_added)

    def _fail(self, error: BaseException) -> None:
        """Write the failure down, on a connection of its own: the sync's may be broken or inside a transaction."""
        cancelled = isinstance(error, asyncio.CancelledError | KeyboardInterrupt)
        reason = "The sync was cancelled." if cancelled else str(error) or type(error).__name__
        self._log.error("sync failed", error=reason)
        try:
            with self._connect() as conn, conn.transaction():
                requests = self._client.requests - self._requests_before
                log_progress(conn, self._log_id, self._report.counts, requests=requests, expected=None)
                finish_log(conn, self._log_id, columns_added=self._report.columns_added, error=reason)
                if len(self._events):
                    dead = self._events.put_back(conn, reason)
                    self._log.warning("events wait for another try", events=len(self._events), given_up=dead)
        except psycopg.Error as unwritten:
            # The sync's own error matters more; the next sync of this entity closes the open entry.
            self._log.warning("the failure could not be written to app.sync_logs", error=str(unwritten))


def option_rows(fields: Mapping[str, Sequence[Field]]) -> list[dict[str, Any]]:
    """The options of all enumeration fields, one row each, as ``field_options`` keeps them."""
    return [
        {
            "ID": option.id,
            "ENTITY": entity,
            "FIELD": item.code,
            "VALUE": option.value,
            "SORT": option.sort,
            "XML_ID": option.xml_id,
            "IS_DEFAULT": option.is_default,
        }
        for entity, described in fields.items()
        for item in described
        for option in item.options
    ]

"""The steps of one sync of one entity, while it holds the entity's lock."""

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
from orchestration.deletion_guard import too_many_named
from orchestration.event_rows import EventRows
from orchestration.field_options import live_options, option_changes, option_rows
from orchestration.row_writer import RowWriter
from orchestration.schema_steps import follow_schema
from orchestration.sync_report import SyncReport, SyncRequest, SyncType
from orchestration.vanished_rows import DeletionRules, compare_with_portal, mark_left_out
from warehouse.database import DatabaseError
from warehouse.full_sync import Unfinished, begin, end, unfinished
from warehouse.journal import (
    Comparison,
    LogEntry,
    close_dead_logs,
    commit_state,
    finish_log,
    last_comparison,
    log_progress,
    log_schema,
    note_counts,
    read_state,
    seconds_since_sync,
    start_log,
)
from warehouse.mirror_ids import highest_id, live_among, mark_deleted

OVERLAP = timedelta(minutes=5)
"""The modification time has a precision of one second and changes become visible late: windows overlap by this much."""

CLOCK_PRECISION = timedelta(minutes=1)
"""Two clocks that differ by less are the same."""

READS_BEFORE_DELETION = 2

log = structlog.get_logger(__name__)


class SyncSteps:
    """One sync from its log's first line to its last. Use once: ``await SyncSteps(…).run()``.

    The caller holds the entity's lock with the connection ``conn``, on which everything is written: when it breaks, the
    lock is lost and nothing more can be written. ``connect`` makes another one, to log a failure with. Database work
    runs in a thread while the walk fetches on.
    """

    def __init__(
        self, client: PortalClient, connect: Callable[[], Connection], conn: Connection, request: SyncRequest
    ) -> None:
        self._client = client
        self._connect = connect
        self._conn = conn
        self._request = request
        self._entity = request.entity
        self._state = read_state(conn, request.entity.name)
        asked: SyncType = request.sync_type
        self._report = SyncReport(request.entity.name, "full" if self._state.last_full_at is None else asked)
        self._events = EventRows(request.entity.name, request.run_id)
        self._rules = DeletionRules(request.deletion_limit, request.accept_deletions)
        self._more_rows: int | None = None
        self._writer: RowWriter | None = None
        self._before = client.requests, client.retries, client.waited

    async def run(self) -> SyncReport:
        started = time.monotonic()
        dead = close_dead_logs(self._conn, self._entity.name)
        if dead:
            log.warning("closed the logs of syncs that were killed", entities=dead)
        self._log_id, self._began = start_log(
            self._conn,
            self._entity.name,
            self._report.sync_type,
            run_id=self._request.run_id,
            trigger=self._request.trigger,
        )
        log.info("sync started", sync_type=self._report.sync_type)
        try:
            watermark = await self._copy_rows()
            await asyncio.to_thread(self._finish, watermark)
        except BaseException as error:
            self._fail(error)
            raise
        self._report.seconds = time.monotonic() - started
        log.info("sync finished", fetched=self._report.counts.fetched, seconds=round(self._report.seconds, 1))
        return self._report

    async def _copy_rows(self) -> datetime | None:
        """Design the table, then move all rows; answers the next watermark."""
        if self._request.sync_type == "events":
            await asyncio.to_thread(self._events.pick, self._conn)
        if self._entity.walk is Walk.DERIVED:
            crm = [entity for entity in ENTITIES if entity.userfields_method]
            fields = await describe(self._client, crm)
            writer = await asyncio.to_thread(self._prepare, self._entity.fields)
            rows = option_rows(fields)
            await asyncio.to_thread(self._note_options, writer, rows)
            # A field list is whole or an error: what it does not name is gone, however much it is.
            self._rules = DeletionRules(self._request.deletion_limit, accepted=True)
            await self._copy_whole(writer, rows)
            return None
        described = await describe(self._client, [self._entity])
        writer = await asyncio.to_thread(self._prepare, described[self._entity.name])
        if self._entity.walk is Walk.SNAPSHOT:
            await self._copy_whole(writer, await snapshot(self._client, self._entity))
            return None
        if self._report.sync_type == "events":
            self._report.comparison = await asyncio.to_thread(self._last_comparison)
            await self._copy_named(writer, self._events.ids)
            return None
        if self._report.sync_type == "full":
            return await self._copy_all(writer)
        return await self._copy_changes(writer)

    def _note_options(self, writer: RowWriter, rows: Sequence[Mapping[str, Any]]) -> None:
        with self._conn.transaction():
            changes = option_changes(live_options(self._conn, writer.table), rows)
            log_schema(self._conn, self._log_id, self._report.sync_type, changes)
        self._report.schema_changes += tuple(changes)

    async def _copy_whole(self, writer: RowWriter, rows: Sequence[Mapping[str, Any]]) -> None:
        keys = await writer.write_all(rows)
        await mark_left_out(self._conn, writer, self._report, keys, self._rules)

    async def _copy_all(self, writer: RowWriter) -> datetime:
        """Read every row that an unfinished full sync has not, then compare."""
        earlier = await asyncio.to_thread(self._unfinished, writer)
        done = earlier.done if earlier else ()
        async with walk(self._client, self._entity, skip=done) as reading:
            watermark = earlier.watermark if earlier else reading.started_at
            await asyncio.to_thread(self._begin, writer, watermark)
            await writer.write_walk(reading, known=done)
            high = reading.high
        await self._compare(writer, max(high or 0, await asyncio.to_thread(self._highest, writer)))
        return watermark

    async def _copy_changes(self, writer: RowWriter) -> datetime:
        elapsed = await asyncio.to_thread(self._since_last)
        async with self._changes(elapsed) as reading:
            await writer.write_walk(reading)
            watermark = reading.started_at
        # Events may have brought rows above the last sync's highest id that are gone by now.
        await self._compare(writer, await asyncio.to_thread(self._highest, writer))
        return watermark

    def _changes(self, elapsed: float | None) -> RowWalk:
        """What changed since the watermark. When the portal's clock was set back, it has not come to the watermark yet:
        then the window is as long as it is by our own clock since the last sync began."""
        state, since = self._state, self._state.watermark
        if since is not None and elapsed is not None and self._client.portal_time is not None:
            since = min(since, self._client.portal_time - timedelta(seconds=elapsed))
            if since < (state.watermark or since) - OVERLAP:
                log.warning("the portal's clock was set back", watermark=state.watermark, since=since)
        since = since - OVERLAP if since is not None else None
        return walk_changes(self._client, self._entity, since=since, above_id=state.highest_id or 0)

    def _since_last(self) -> float | None:
        with self._conn.transaction():
            return seconds_since_sync(self._conn, self._entity.name)

    async def _compare(self, writer: RowWriter, high: int) -> None:
        if high > 0:
            await compare_with_portal(
                self._client,
                self._conn,
                self._entity,
                writer,
                self._report,
                high=high,
                rules=self._rules,
                state=self._state,
            )

    async def _copy_named(self, writer: RowWriter, ids: set[int]) -> None:
        """Read the rows that events named. What the portal does not show is asked for once more before it is marked as
        deleted: an event is a hint, and whoever forges one deletes nothing."""
        before = await asyncio.to_thread(self._live, writer, ids)
        missing = ids
        for _ in range(READS_BEFORE_DELETION):
            found: set[int] = set()
            async for part in by_ids(self._client, self._entity, missing):
                found |= await writer.write_all(part.rows, len(ids))
            missing = missing - found
        await asyncio.to_thread(self._mark_named, writer, missing & before)
        self._more_rows = len(await asyncio.to_thread(self._live, writer, ids)) - len(before)

    def _last_comparison(self) -> Comparison:
        with self._conn.transaction():
            return last_comparison(self._conn, self._entity.name)

    def _live(self, writer: RowWriter, ids: set[int]) -> set[int]:
        with self._conn.transaction():
            return live_among(self._conn, writer.table, ids)

    def _mark_named(self, writer: RowWriter, ids: set[int]) -> None:
        reason = too_many_named(len(ids), self._state.rows_total or 0)
        if reason is not None:
            log.warning("deletions are held back", rows=len(ids), reason=reason)
            self._events.hold_back(ids, reason)
            return
        with self._conn.transaction():
            writer.counts.deleted += mark_deleted(self._conn, writer.table, ids)

    def _unfinished(self, writer: RowWriter) -> Unfinished | None:
        with self._conn.transaction():
            earlier = unfinished(self._conn, writer.table)
            now = self._client.portal_time
            if earlier and now and now < earlier.watermark + earlier.age - CLOCK_PRECISION:
                # Changes since then may bear times before its watermark, so no window would bring them.
                log.warning("the portal's clock was set back: the full sync begins anew", begun=earlier.watermark)
                end(self._conn, self._entity.name)
                earlier = None
        if earlier:
            self._report.resumed = True
            log.info("going on with a full sync that did not end", rows=earlier.rows, begun=earlier.watermark)
        return earlier

    def _begin(self, writer: RowWriter, watermark: datetime) -> None:
        with self._conn.transaction():
            begin(self._conn, writer.table, watermark)

    def _highest(self, writer: RowWriter) -> int:
        with self._conn.transaction():
            return highest_id(self._conn, writer.table) or 0

    def _prepare(self, fields: Sequence[Field]) -> RowWriter:
        """Tables and views first."""
        table = follow_schema(self._conn, self._entity, fields, log_id=self._log_id, report=self._report)
        writer = RowWriter(
            self._conn,
            table,
            run_id=self._request.run_id,
            log_id=self._log_id,
            since=self._began,
            entry=self._entry,
        )
        self._writer, self._report.counts = writer, writer.counts
        return writer

    def _entry(self, expected: int | None = None) -> LogEntry:
        """What the log is to say; takes what the client counted into the report."""
        report = self._report
        requests, retries, waited = self._before
        report.requests = self._client.requests - requests
        report.retries = self._client.retries - retries
        report.waited_seconds = round(self._client.waited - waited, 3)
        report.expected = report.expected if expected is None else expected
        return LogEntry(
            counts=report.counts,
            requests=report.requests,
            retries=report.retries,
            waited_seconds=report.waited_seconds,
            expected=report.expected,
            missed=report.missed,
            resumed=report.resumed,
            comparison=Comparison() if report.sync_type == "events" else report.comparison,
        )

    def _finish(self, watermark: datetime | None) -> None:
        if self._writer is None:
            raise RuntimeError("a sync ended before its table was prepared")
        counts = self._report.counts
        full = self._report.sync_type == "full"
        with self._conn.transaction():
            self._report.state = commit_state(
                self._conn,
                self._writer.table,
                sync_type=self._report.sync_type,
                watermark=watermark,
                changed=bool(counts.inserted or counts.updated or counts.deleted or self._report.columns_added),
                more_rows=self._more_rows,
            )
            if self._report.counts_usable is not None:
                note_counts(self._conn, self._entity.name, usable=self._report.counts_usable)
            if full:
                end(self._conn, self._entity.name)
            self._report.events_given_up = self._events.close(self._conn, full=full)
            log_progress(self._conn, self._log_id, self._entry(counts.fetched))
            finish_log(self._conn, self._log_id, columns_added=self._report.columns_added)

    def _fail(self, error: BaseException) -> None:
        """Write the failure down, on a connection of its own: the sync's may be broken or inside a transaction."""
        cancelled = isinstance(error, asyncio.CancelledError | KeyboardInterrupt)
        reason = "The sync was cancelled." if cancelled else str(error) or type(error).__name__
        log.error("sync failed", error=reason)
        try:
            with self._connect() as conn, conn.transaction():
                log_progress(conn, self._log_id, self._entry())
                finish_log(conn, self._log_id, columns_added=self._report.columns_added, error=reason)
                if len(self._events):
                    dead = self._events.put_back(conn, reason)
                    log.warning("events wait for another try", events=len(self._events), given_up=dead)
        except (psycopg.Error, DatabaseError) as unwritten:
            # The sync's own error matters more; the next sync of this entity closes the open entry.
            log.warning("the failure could not be written to app.sync_logs", error=str(unwritten))

"""What a sync does about rows that the portal no longer shows, and about those that it shows again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from psycopg import Connection

from bitrix.changes import by_ids
from bitrix.client import PortalClient
from bitrix.compare import compare
from bitrix.entities import Entity
from orchestration.deletion_guard import most_deletions
from orchestration.row_writer import RowWriter
from orchestration.sync_report import SyncReport
from warehouse.columns import Table
from warehouse.journal import SyncState
from warehouse.mirror_ids import Range, cut, live_ids, live_keys, mark_deleted

COUNTS_TRIED_AGAIN = timedelta(days=7)
"""Where a portal's counts were of no use, only full syncs look for deleted rows, by listing ids; and after this time
counts are tried again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DeletionRules:
    """``limit`` is the share of the live rows that may go at once, unless the deletions were ``accepted``."""

    limit: float
    accepted: bool

    def most(self, rows: int) -> int | None:
        """How many of so many rows may be marked; None for any number."""
        return None if self.accepted else most_deletions(rows, self.limit)


class Mirror:
    """The mirror's live rows as a comparison with the portal wants them."""

    def __init__(self, conn: Connection, table: Table) -> None:
        self._conn = conn
        self._table = table

    async def cut(self, low: int, high: int, pieces: int) -> list[tuple[Range, int]]:
        """Ranges with about as many rows each."""
        return await asyncio.to_thread(self._read, cut, low, high, pieces)

    async def ids(self, ranges: Sequence[Range]) -> set[int]:
        """Ids within ranges."""
        return await asyncio.to_thread(self._read, live_ids, ranges)

    def _read(self, query: Any, *arguments: Any) -> Any:
        with self._conn.transaction():
            return query(self._conn, self._table, *arguments)


async def compare_with_portal(
    client: PortalClient,
    conn: Connection,
    entity: Entity,
    writer: RowWriter,
    report: SyncReport,
    *,
    high: int,
    rules: DeletionRules,
    state: SyncState,
) -> None:
    """After a walk: mark the rows up to the id ``high`` that are gone, read those that came back, report both."""
    unusable = state.counts_failed_at is not None and datetime.now(UTC) - state.counts_failed_at < COUNTS_TRIED_AGAIN
    if unusable and report.sync_type != "full":
        return
    mirror = Mirror(conn, writer.table)
    found = await compare(client, entity, mirror, high, most_gone=rules.most, count=not unusable)
    report.counts_usable = found.counted
    result = report.comparison
    result.portal_rows, result.mirror_rows = found.shown, found.copied
    if found.too_many:
        hold_back(report, found.too_many, found.copied)
    if found.gone:
        deleted = await asyncio.to_thread(_mark, conn, writer.table, found.gone)
        writer.counts.deleted += deleted
        result.mirror_rows -= deleted
    if found.missing:
        before = writer.counts.inserted + writer.counts.updated
        async for part in by_ids(client, entity, found.missing):
            await writer.write_all(part.rows, len(found.missing))
        report.missed = writer.counts.inserted + writer.counts.updated - before
        result.mirror_rows += report.missed
    if found.gone or found.missing:
        log.info("differences from the portal are mended", gone=len(found.gone), missed=report.missed)


async def mark_left_out(
    conn: Connection,
    writer: RowWriter,
    report: SyncReport,
    shown: Collection[Any],
    rules: DeletionRules,
) -> None:
    """After a table was read whole: mark the rows whose keys were not among those ``shown``."""

    def mark() -> None:
        with conn.transaction():
            live = live_keys(conn, writer.table)
            gone = live - set(shown)
            most = rules.most(len(live))
            if most is not None and len(gone) > most:
                hold_back(report, len(gone), len(live))
            else:
                writer.counts.deleted += mark_deleted(conn, writer.table, gone)

    await asyncio.to_thread(mark)


def hold_back(report: SyncReport, gone: int, rows: int) -> None:
    """Mark nothing, and say so."""
    report.comparison.held_back = gone
    report.comparison.mirror_rows = rows
    log.warning("deletions are held back", gone=gone, rows=rows)


def _mark(conn: Connection, table: Table, ids: Collection[int]) -> int:
    with conn.transaction():
        return mark_deleted(conn, table, ids)

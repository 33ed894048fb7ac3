"""Rows on their way into one mirror table: converted and written in units while the portal is read on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.errors import UniqueViolation

from bitrix.plan import Range
from bitrix.walk import RowWalk
from warehouse.append import appending
from warehouse.columns import Table
from warehouse.convert import RowConverter, Unit
from warehouse.full_sync import record
from warehouse.journal import LogEntry, log_progress, record_issues
from warehouse.load import Merge, merge
from warehouse.mirror_ids import only_within

UNIT_ROWS = 10_000
"""Most rows of one transaction, of rows that are all at hand. More cost memory, fewer cost speed."""


class RowWriter:
    """Writes rows of one sync. Each unit is one transaction with its cells that did not fit, the ranges of ids that it
    completes, and the progress of the sync's log: nothing of them is ever seen without the others."""

    def __init__(
        self,
        conn: Connection,
        table: Table,
        *,
        run_id: str | None,
        log_id: int,
        since: datetime,
        entry: Callable[[int | None], LogEntry],
    ) -> None:
        """``entry`` tells the log what the whole sync has done so far, given the number of rows expected; ``counts``
        are this writer's. ``since`` is the database's time at the sync's start."""
        self.table = table
        self.counts = Merge()
        self._conn = conn
        self._run_id = run_id
        self._log_id = log_id
        self._since = since
        self._entry = entry
        self._converter = RowConverter(table)
        self._appends = False

    async def write_all(self, rows: Sequence[Mapping[str, Any]], expected: int | None = None) -> set[Any]:
        """Write rows that are all at hand; answers their keys."""
        keys: set[Any] = set()
        for start in range(0, len(rows), UNIT_ROWS):
            pages = iter([rows[start : start + UNIT_ROWS]])
            unit = await asyncio.to_thread(self._write, pages, (), len(rows) if expected is None else expected)
            keys |= unit.records.keys()
        return keys

    async def write_walk(self, rows: RowWalk, *, known: Sequence[Range] | None = None) -> None:
        """Commit what each batch brings before the next one is taken: a process that is killed has that one to fetch
        again, and what was still on its way. Other batches that a slow portal is asked for go on meanwhile.

        ``known`` are the ranges of ids that the walk leaves out, if it reads all others. When the table has no rows but
        those, what comes is appended, which is three times as quick as a merge.
        """
        if known is not None:
            self._appends = await asyncio.to_thread(self._only_within, known)
        async for part in rows:
            await asyncio.to_thread(self._write, part.pages, part.done, rows.expected)
        self._appends = False

    def _only_within(self, ranges: Sequence[Range]) -> bool:
        with self._conn.transaction():
            return only_within(self._conn, self.table, ranges)

    def _write(self, pages: Iterator[Sequence[Mapping[str, Any]]], done: Sequence[Range], expected: int | None) -> Unit:
        """Read, convert and write pages in one transaction; they complete the ranges of ids that ``done`` then has."""
        unit = Unit()
        with self._conn.transaction():
            result = self._append(pages, unit) if self._appends else None
            if result is None:
                for page in pages:
                    self._converter.convert(page, unit)
                result = merge(self._conn, self.table, unit, since=self._since)
            if unit.fetched or done:
                record_issues(self._conn, self.table.entity, self._run_id, unit.issues, unit.records)
                record(self._conn, self.table.entity, done, unit.fetched)
                self.counts.add(result)
                log_progress(self._conn, self._log_id, self._entry(expected))
        return unit

    def _append(self, pages: Iterator[Sequence[Mapping[str, Any]]], unit: Unit) -> Merge | None:
        """Append rows page by page while they are converted. None when some of them were there, which nobody expects,
        or came twice: then the unit holds those that were read, and nothing is written."""
        try:
            with self._conn.transaction(), appending(self._conn, self.table) as write:
                for page in pages:
                    write(self._converter.convert(page, unit))
        except UniqueViolation:
            self._appends = False
            return None
        inserted = len(unit.records)
        return Merge(unit.fetched, inserted, unchanged=unit.fetched - inserted, cells_nulled=len(unit.issues))

"""Rows on their way into one mirror table: converted and written in units while the portal is read on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from bitrix.walk import RowWalk
from warehouse.columns import Table
from warehouse.full_sync import record
from warehouse.journal import LogEntry, log_progress, record_issues
from warehouse.load import Merge, RowConverter, Unit, merge

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

    async def write_all(self, rows: Sequence[Mapping[str, Any]], expected: int | None = None) -> set[Any]:
        """Write rows that are all at hand; answers their keys."""
        keys: set[Any] = set()
        for start in range(0, len(rows), UNIT_ROWS):
            unit = Unit()
            await asyncio.to_thread(self._converter.convert, rows[start : start + UNIT_ROWS], unit)
            keys |= unit.records.keys()
            await asyncio.to_thread(self._write, unit, len(rows) if expected is None else expected)
        return keys

    async def write_walk(self, rows: RowWalk) -> None:
        """Commit what each batch brings before the next one is taken: a process that is killed has that one to fetch
        again, and what was still on its way. Other batches that a slow portal is asked for go on meanwhile."""
        async for part in rows:
            unit = Unit()
            await asyncio.to_thread(self._converter.convert, part.rows, unit)
            unit.done += part.done
            if unit.fetched or unit.done:
                await asyncio.to_thread(self._write, unit, rows.expected)

    def _write(self, unit: Unit, expected: int | None) -> None:
        with self._conn.transaction():
            done = merge(self._conn, self.table, unit, since=self._since)
            record_issues(self._conn, self.table.entity, self._run_id, unit.issues, unit.records)
            record(self._conn, self.table.entity, unit.done, unit.fetched)
            self.counts.add(done)
            log_progress(self._conn, self._log_id, self._entry(expected))

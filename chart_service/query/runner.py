"""Runs one checked statement: a read-only transaction of its own, bounded in time, rows and bytes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import psycopg
import structlog
from psycopg import AsyncConnection

from chart_service.guard import Checked
from chart_service.query.connections import ReaderConnections
from chart_service.query.failures import QueryFailed, from_postgres
from chart_service.query.kinds import chart_columns
from chart_service.query.plan import Plan, read_plan
from chart_service.rows import Column, Rows
from warehouse.database import Database
from warehouse.settings import Settings

ROWS = 5_000
"""Rows that a chart may have: as many points as people can look at."""
EXPORT_ROWS = 100_000

CHUNK_ROWS = 64
"""Rows that are fetched at a time: together with ``Limits.row_bytes`` what a result can take before it is counted."""
PAUSE_ROWS = 1_024

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one statement may take. ``seconds`` is PostgreSQL's own time-out; ``grace_seconds`` later the connection is
    given up, because some C functions do not look whether they are told to stop."""

    seconds: float = 20.0
    grace_seconds: float = 3.0
    lock_seconds: float = 2.0
    work_mem_megabytes: int = 32
    total_bytes: int = 8 * 1024 * 1024
    export_bytes: int = 64 * 1024 * 1024
    row_bytes: int = 1024 * 1024
    at_once: int = 6
    queue_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Result:
    """Rows, how long they took, and about how many bytes they take in memory."""

    rows: Rows
    milliseconds: float
    size: int


class Runner:
    """Statements that passed the guard, run as the login that may only read. Connects when the first one comes."""

    def __init__(self, database: Database, settings: Settings, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.executions = 0
        """Statements executed since the start."""
        self._time_zone = settings.chart_time_zone
        self._connections = ReaderConnections(
            database, settings, size=self.limits.at_once, queue_seconds=self.limits.queue_seconds
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connections.aclose()

    async def run(self, checked: Checked, *, rows: int = ROWS, total_bytes: int | None = None) -> Result:
        """Execute and fetch at most ``rows`` rows and ``total_bytes`` bytes (default: ``limits.total_bytes``); what is
        left out makes ``Rows.truncated`` true.

        When the caller is cancelled, so is the statement. Raises ``QueryFailed``; ``PoolTimeout``, ``OperationalError``
        or ``DatabaseUnreachable`` when the database does not answer.
        """
        began = time.perf_counter()
        text, before = self._bounded(checked, rows)
        async with self._transaction(checked, before) as connection:
            self.executions += 1
            columns, found, size, cut = await self._fetch(connection, text, total_bytes or self.limits.total_bytes)
            if not columns:  # nothing comes with an empty stream, not even its columns
                nothing = f"SELECT * FROM ({checked.limited(0)}) r LIMIT 0"  # noqa: S608 - printed from a tree
                columns = chart_columns((await connection.execute(nothing.encode(), binary=True)).description or ())
        if not columns:
            raise QueryFailed("no_columns")
        milliseconds = (time.perf_counter() - began) * 1000
        return Result(Rows(columns, found[:rows], cut or len(found) > rows), milliseconds, size)

    async def explain(self, checked: Checked, *, rows: int = ROWS) -> Plan:
        """How PostgreSQL would run it, which finds every error but those that depend on values.

        Raises as :meth:`run` does, and ``QueryFailed("too_expensive")`` for a plan that is not worth trying.
        """
        text, before = self._bounded(checked, rows)
        prefix = "EXPLAIN (FORMAT JSON) "
        async with self._transaction(checked, before + len(prefix)) as connection:
            cursor = await connection.execute((prefix + text).encode(), binary=True)
            row = await cursor.fetchone()
        if row is None:
            raise AssertionError("EXPLAIN always answers one row")
        plan = read_plan(row[0])
        if plan.absurd:
            raise QueryFailed("too_expensive", rows=f"{plan.most_rows:,.0f}".replace(",", " "))
        return plan

    def _bounded(self, checked: Checked, rows: int) -> tuple[str, int]:
        """The statement with its limits, and how many characters come before the checked text.

        A row that is too large ends it in PostgreSQL, before it is sent: a single value may have a gigabyte. The cast
        of a text that is no boolean is what raises the error.
        """
        limited = checked.limited(rows)
        before = "SELECT * FROM ("
        size = "pg_catalog.pg_column_size(r.*)"
        after = (
            f") r WHERE CASE WHEN {size} > {self.limits.row_bytes}"
            f" THEN CAST(pg_catalog.concat('{_TOO_LARGE}', {size}) AS boolean) ELSE true END"
        )
        return f"{before}{limited}{after}", len(before) + limited.index(checked.sql)

    @asynccontextmanager
    async def _transaction(self, checked: Checked, before: int) -> AsyncIterator[AsyncConnection[Any]]:
        """A session in a fresh read-only transaction with its limits, rolled back at the end."""
        limits = self.limits
        async with self._connections.connection() as connection:
            try:
                async with asyncio.timeout(limits.seconds + limits.grace_seconds):
                    await connection.execute(self._begin())
                    yield connection
            except TimeoutError:
                # psycopg has asked the server to cancel, waited, and then given the connection up.
                log.warning("a statement did not heed its time-out", seconds=limits.seconds)
                raise QueryFailed("timeout", seconds=limits.seconds) from None
            except psycopg.errors.InvalidTextRepresentation as error:
                if _TOO_LARGE in (error.diag.message_primary or ""):
                    raise QueryFailed("too_large", limit=limits.row_bytes) from None
                raise from_postgres(error, checked.sql, before=before, seconds=limits.seconds) from None
            except psycopg.Error as error:
                if error.sqlstate is None and not isinstance(error, psycopg.DataError):
                    raise  # the connection broke: not the statement's fault
                raise _failed(error, checked, before, limits) from None
            finally:
                if not connection.closed and connection.info.transaction_status:
                    await connection.execute("ROLLBACK")

    def _begin(self) -> bytes:
        limits = self.limits
        return (
            "BEGIN READ ONLY;"
            f" SET LOCAL statement_timeout = {limits.seconds * 1000:.0f};"
            f" SET LOCAL lock_timeout = {limits.lock_seconds * 1000:.0f};"
            f" SET LOCAL work_mem = '{limits.work_mem_megabytes}MB';"
            f" SET LOCAL TimeZone = '{self._time_zone}';"
            " SET LOCAL idle_in_transaction_session_timeout = '60s';"
            " SET LOCAL search_path = crm, pg_temp;"
            " SET LOCAL jit = off; SET LOCAL DateStyle = 'ISO, MDY'; SET LOCAL IntervalStyle = 'postgres'"
        ).encode()

    async def _fetch(
        self, connection: AsyncConnection[Any], text: str, total_bytes: int
    ) -> tuple[tuple[Column, ...], list[tuple[Any, ...]], int, bool]:
        """The columns (none when there is no row), the rows, their size, and whether bytes cut them short."""
        cursor = connection.cursor()
        columns: tuple[Column, ...] = ()
        found: list[tuple[Any, ...]] = []
        size = 0
        # stream() speaks the extended protocol, which takes one statement only.
        rows = cast("AsyncGenerator[tuple[Any, ...]]", cursor.stream(text.encode(), size=CHUNK_ROWS))
        async with aclosing(rows) as stream:
            async for row in stream:
                if not columns:
                    columns = chart_columns(cursor.description or ())
                size += _size(row)
                if size > total_bytes and found:
                    return columns, found, size, True
                found.append(row)
                if not len(found) % PAUSE_ROWS:
                    await asyncio.sleep(0)  # others want to be answered, too
        return columns, found, size, False


_TOO_LARGE = "row of bytes: "
_NUMBER_BYTES = 32


def _size(row: tuple[Any, ...]) -> int:
    size = 64
    for value in row:
        if type(value) is str:
            size += 50 + len(value)
        elif type(value) in (list, dict):
            size += 2 * len(str(value))
        else:
            size += _NUMBER_BYTES
    return size


def _failed(error: psycopg.Error, checked: Checked, before: int, limits: Limits) -> QueryFailed:
    if error.sqlstate is None:  # psycopg could not read a value: a date before Christ, or infinite
        return QueryFailed("bad_value", message="A date is outside the years 1 to 9999.")
    return from_postgres(error, checked.sql, before=before, seconds=limits.seconds)

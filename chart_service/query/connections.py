"""Connections of the login that may only read: made when the first statement comes, a fresh session for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from chart_service.query.failures import QueryFailed
from chart_service.query.kinds import set_loaders
from warehouse.database import CONNECTION_OPTIONS, Database, DatabaseError, DatabaseUnreachable
from warehouse.reader_login import reader_database
from warehouse.settings import Settings

WAIT_SECONDS = 3.0
"""How long a statement waits for the server to accept a connection."""
QUEUE = 200
"""Statements that may wait for their turn; more are told to come again."""

log = structlog.get_logger(__name__)


class ReaderConnections:
    """At most ``size`` sessions of the charts' login. What is more waits ``queue_seconds`` for its turn."""

    def __init__(self, database: Database, settings: Settings, *, size: int, queue_seconds: float) -> None:
        self._database = database
        self._settings = settings
        self._size = size
        self._queue_seconds = queue_seconds
        self._turn = asyncio.Semaphore(size)
        self._waiting = 0
        self._opening = asyncio.Lock()
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A session without leftovers, in autocommit.

        Raises ``QueryFailed`` ``too_busy``, or ``no_reader`` when the login cannot be had; ``PoolTimeout`` or
        ``DatabaseUnreachable`` when the server does not answer.
        """
        await self._take_turn()
        try:
            pool = await self._open()
            try:
                connection = await pool.getconn()
            except PoolTimeout:
                # There are as many turns as sessions: the server is away, or the password was changed. Begin anew.
                await self._close(pool)
                raise
            try:
                yield connection
            finally:
                await pool.putconn(connection)
        finally:
            self._turn.release()

    async def aclose(self) -> None:
        """Close all sessions."""
        if self._pool is not None:
            await self._close(self._pool)

    async def _take_turn(self) -> None:
        if self._waiting >= QUEUE:
            raise QueryFailed("too_busy")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._queue_seconds):
                await self._turn.acquire()
        except TimeoutError:
            raise QueryFailed("too_busy") from None
        finally:
            self._waiting -= 1

    async def _open(self) -> AsyncConnectionPool[AsyncConnection[Any]]:
        async with self._opening:
            if self._pool is None:
                reader = await asyncio.to_thread(self._reader)
                pool = self._make(reader)
                await pool.open()
                self._pool = pool
            return self._pool

    def _reader(self) -> Database:
        try:
            return reader_database(self._database, self._settings)
        except DatabaseUnreachable:
            raise
        except DatabaseError as error:
            # It tells an administrator what to do, and nobody else about logins and schemas.
            log.error("the login that reads for charts cannot be used", reason=str(error))
            raise QueryFailed("no_reader") from None

    def _make(self, reader: Database) -> AsyncConnectionPool[AsyncConnection[Any]]:
        zone = ZoneInfo(self._settings.chart_time_zone)

        async def configure(connection: AsyncConnection[Any]) -> None:
            set_loaders(connection, zone)

        return AsyncConnectionPool(
            reader.url,
            kwargs={
                "application_name": "b24 charts",
                **CONNECTION_OPTIONS,
                "connect_timeout": int(WAIT_SECONDS),
                "autocommit": True,
                "prepare_threshold": None,
            },
            min_size=1,
            max_size=self._size,
            open=False,
            configure=configure,
            check=AsyncConnectionPool.check_connection,
            reset=_discard_all,
            timeout=WAIT_SECONDS,
            reconnect_timeout=1.0,
            name="charts",
        )

    async def _close(self, pool: AsyncConnectionPool[AsyncConnection[Any]]) -> None:
        if self._pool is pool:
            self._pool = None
        await pool.close()


async def _discard_all(connection: AsyncConnection[Any]) -> None:
    """Whatever a statement may have left in its session is gone before the next one."""
    await connection.execute("DISCARD ALL")

"""Events on their way into the queue: stored many at a time, acknowledged only when their transaction is committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from warehouse.events import Change, store_changes
from webhook_api.pool import ConnectionPool

AT_ONCE = 1000
"""Events of one transaction. A burst fills it while the transaction before is committed."""

WAITING = 20_000
"""Events that may wait in memory; more are refused with 503, for an accepted event must be stored."""

log = structlog.get_logger(__name__)


class EventsRefusedError(Exception):
    """An event could not be stored: the database does not answer, or too many wait. The sender is told so."""


class EventStore:
    """Collects the events of concurrent requests. Use :meth:`store` while :func:`event_store` is open."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._waiting: asyncio.Queue[tuple[Change, asyncio.Future[bool]]] = asyncio.Queue(WAITING)

    async def store(self, change: Change) -> bool:
        """Store one event; returns False if it was dropped because events of its entity are switched off.

        Raises :class:`EventsRefusedError` when it was not stored.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait((change, done))
        except asyncio.QueueFull:
            raise EventsRefusedError from None
        return await done

    async def run(self) -> None:
        """Store what waits, until cancelled."""
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < AT_ONCE and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            try:
                async with self._pool.connection() as connection:
                    dropped = await store_changes(connection, [change for change, _ in batch])
            except (psycopg.Error, PoolTimeout) as error:
                log.warning("events were refused: the database does not answer", events=len(batch), error=str(error))
                for _, done in batch:
                    if not done.done():
                        done.set_exception(EventsRefusedError())
                continue
            for change, done in batch:  # the transaction is committed: only now may anybody be told so
                if not done.done():
                    done.set_result(change.entity not in dropped)


@asynccontextmanager
async def event_store(pool: ConnectionPool) -> AsyncIterator[EventStore]:
    """An event store that works while this is open."""
    store = EventStore(pool)
    task = asyncio.create_task(store.run())
    try:
        yield store
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

"""Events on their way into the queue: stored many at a time, acknowledged only when their transaction is committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import structlog

from warehouse.database import CONNECTION_OPTIONS, Database
from warehouse.events import Change, store_changes

AT_ONCE = 1000
"""Events of one transaction. A burst fills it while the transaction before is committed."""

WAITING = 20_000
"""Events that may wait in memory; more are refused with 503, for an accepted event must be stored."""

CONNECT_SECONDS, AGAIN_SECONDS = 3.0, 0.1
"""How long a batch waits for a server that is away, as it is for a moment when it restarts, and how often it looks."""

STORE_SECONDS = 6.0
"""How long a batch may take in all. A server that was cut off without a word never answers."""

log = structlog.get_logger(__name__)


class EventsRefusedError(Exception):
    """An event could not be stored: the database does not answer, or too many wait. The sender is told so."""


class EventStore:
    """Collects the events of concurrent requests. Use :meth:`store` while :func:`event_store` is open.

    Its connection is its own: no other request of the service can keep an event waiting.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: psycopg.AsyncConnection[Any] | None = None
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
                async with asyncio.timeout(STORE_SECONDS):
                    dropped = await self._write([change for change, _ in batch])
            except Exception as error:  # whatever it was: these are not stored, and those that follow may be
                await self.aclose()
                log.warning("events were refused", events=len(batch), error=f"{type(error).__name__}: {error}")
                for _, done in batch:
                    if not done.done():
                        done.set_exception(EventsRefusedError())
                continue
            for change, done in batch:  # the transaction is committed: only now may anybody be told so
                if not done.done():
                    done.set_result(change.entity not in dropped)

    async def aclose(self) -> None:
        """Close the connection; the next event opens another."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _write(self, changes: list[Change]) -> frozenset[str]:
        if self._connection is not None:
            try:
                return await store_changes(self._connection, changes)
            except psycopg.OperationalError as error:  # it was cut; if it was stored all the same, twice does no harm
                log.warning("the connection broke", error=str(error))
                await self.aclose()
        self._connection = await self._connect()
        return await store_changes(self._connection, changes)

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        options = {**CONNECTION_OPTIONS, "connect_timeout": int(CONNECT_SECONDS), "application_name": "b24 events"}
        deadline = asyncio.get_running_loop().time() + CONNECT_SECONDS
        while True:
            try:
                return await psycopg.AsyncConnection.connect(self._database.url, autocommit=True, **options)
            except psycopg.OperationalError:
                if asyncio.get_running_loop().time() >= deadline:
                    raise
            await asyncio.sleep(AGAIN_SECONDS)


@asynccontextmanager
async def event_store(database: Database) -> AsyncIterator[EventStore]:
    """An event store that works while this is open."""
    store = EventStore(database)
    task = asyncio.create_task(store.run())
    try:
        yield store
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.aclose()

"""The API's connections to PostgreSQL: a small pool that outlives restarts of the server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from warehouse.database import CONNECTION_OPTIONS, Database

ConnectionPool = AsyncConnectionPool[AsyncConnection[Any]]

CONNECTIONS = 8
WAIT_SECONDS = 3.0
"""How long a request waits for a connection before it is answered with 503."""
RECONNECT_SECONDS = 1.0
"""How long the pool tries for a lost connection by itself. Short, because its pauses double: after that the next
request tries anew, so a server that came back is found at once."""


QUERY_SECONDS = 10.0
"""How long a request may use a connection. A server that was cut off without a word never answers."""


@asynccontextmanager
async def transaction(pool: ConnectionPool) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection whose work is committed at the end. Raises ``PoolTimeout`` when all of it takes too long."""
    try:
        async with asyncio.timeout(QUERY_SECONDS), pool.connection() as connection:
            yield connection
    except TimeoutError:
        raise PoolTimeout(f"the database did not answer in {QUERY_SECONDS:.0f} s") from None


def connection_pool(database: Database) -> ConnectionPool:
    """A pool to be opened with ``async with``. Waits for no server: without one, requests get 503 until it is there.

    Each connection is tried before it is given out, for 0.1 ms: those that a server's restart has cut are replaced.
    """
    return AsyncConnectionPool(
        database.url,
        kwargs={"application_name": "b24 api", **CONNECTION_OPTIONS, "connect_timeout": int(WAIT_SECONDS)},
        min_size=1,
        max_size=CONNECTIONS,
        open=False,
        check=AsyncConnectionPool.check_connection,
        timeout=WAIT_SECONDS,
        reconnect_timeout=RECONNECT_SECONDS,
        name="api",
    )

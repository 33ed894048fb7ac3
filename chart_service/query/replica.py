"""Where charts read when that is a copy of the database: which of the states that the primary had are there already.

A streaming replica lags. What the primary tells of the data (:mod:`chart_service.query.versions`) holds for the copy
only once it has replayed the log up to that moment: until then charts are of the version before, and are kept as such.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg_pool import PoolTimeout

from chart_service.query.schema import Versions
from warehouse.database import Database
from webhook_api.pool import ConnectionPool, connection_pool, transaction

REMEMBERED = 600
"""States of the primary that are kept while they have not arrived: minutes of lag, at a look a second."""

_BLOCK, _PAGE_HEADERS = 8192, (24, 40)

_PRIMARY = "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::int8, pg_postmaster_start_time()"
_REPLICA = """
SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::int8 END,
    pg_postmaster_start_time()"""

log = structlog.get_logger(__name__)


class Replica:
    """The database that charts read, beside the primary that tells the versions. Made by :func:`replica`."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._seen: deque[tuple[int, Versions]] = deque(maxlen=REMEMBERED)

    async def arrived(self, primary: AsyncConnection[Any], newest: Versions) -> Versions:
        """The newest versions whose rows the replica has, given the primary's, which were just read on ``primary``.

        Where that cannot be known, ``newest`` with a mark of its own: rows are then kept for this look only.
        """
        position, server = await _row(primary, _PRIMARY)
        try:
            async with transaction(self._pool) as connection:
                replayed, other = await _row(connection, _REPLICA)
        except (PoolTimeout, psycopg.Error) as error:
            log.warning("the replica for charts does not answer", error=type(error).__name__)
            return _unknown(newest)
        if server == other:
            return newest  # a login of its own on the primary
        if not self._seen or self._seen[-1][1] != newest:
            self._seen.append((_end_of(position), newest))
        if replayed is None:
            return _unknown(newest)  # no streaming replica, or one that keeps its position to itself
        while len(self._seen) > 1 and self._seen[1][0] <= replayed:
            self._seen.popleft()
        first, versions = self._seen[0]
        return versions if first <= replayed else _unknown(newest)


@asynccontextmanager
async def replica(url: str) -> AsyncIterator[Replica]:
    """What ``CHART_DATABASE_URL`` leads to."""
    async with connection_pool(Database(url)) as pool:
        yield Replica(pool)


def _unknown(newest: Versions) -> Versions:
    return replace(newest, mark=secrets.token_hex(8))


def _end_of(position: int) -> int:
    """A position to insert at is after a page's header; one that was replayed up to is before it."""
    inside = position % _BLOCK
    return position - inside if inside in _PAGE_HEADERS else position


async def _row(connection: AsyncConnection[Any], query: str) -> tuple[Any, ...]:
    row = await (await connection.execute(query.encode())).fetchone()
    if row is None:
        raise AssertionError("the query always answers one row")
    return tuple(row)

"""The portal's limits, shared by every process through PostgreSQL: one bucket of requests, operating time by method.

A portal counts the requests of one address together, whoever sends them. Each process takes its requests from one row
of ``app.portal_rate`` before it sends them. Bulk work takes one only where the bucket has room and leaves a reserve;
urgent work, such as reading what events named, takes its place at once and waits for no more than its own turn: so a
full sync of millions of rows never starves an event.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import psycopg
import structlog
from psycopg import AsyncConnection

from warehouse.database import CONNECTION_OPTIONS, Database

MARGIN, RESERVE = 1.0, 2.0
"""Requests that nobody takes, for ours are counted when they leave and the portal's when they arrive; and requests that
only urgent work takes. Together they cost a full sync of 250,000 rows a twentieth of its time."""

LEAST_SHARE, REFUSED, RECOVERY_SECONDS = 0.2, 0.7, 300
"""Each refusal leaves us this part of the rate that we had, for then others use the portal too, down to the least
share; within so many seconds without a refusal all of the rate is ours again."""

SAME_REFUSAL_SECONDS = 2
"""Requests in flight together are refused together: that counts once."""

AWAY_SECONDS = 5.0
"""How long to do without a database that does not answer before asking it again."""

log = structlog.get_logger(__name__)

Values = Mapping[str, Any]
MethodT = TypeVar("MethodT", bound="MethodUse")


class MethodUse(Protocol):
    """What is known of one method's operating time; times are Unix seconds, 0 or None where nothing is known."""

    used: float
    at: float
    reset_at: float | None
    cost: float
    next_send: float
    rest_until: float


@dataclass(frozen=True, slots=True)
class Rate:
    """The portal's documented limit: ``capacity`` requests at once, ``leak`` a second after that."""

    capacity: float
    leak: float


class SharedLimits:
    """The limits of one portal. Made by :func:`shared_limits`; a bucket and a store of method use for its client.

    While the database is away requests go out one by one at half the portal's rate, counted by this process alone.
    """

    def __init__(self, database: Database, portal: str, rate: Rate, *, urgent: bool = False) -> None:
        self._database = database
        self._rate = rate
        self._urgent = urgent
        self._limit = rate.capacity - MARGIN - (0 if urgent else RESERVE)
        self._given = {"portal": portal, "leak": rate.leak, "capacity": rate.capacity, "limit": self._limit}
        self._conn: AsyncConnection[Any] | None = None
        self._away_until = 0.0
        self._next_alone = 0.0
        self._turn = asyncio.Lock()  # one of this process asks at a time: first come, first served

    @property
    def leak(self) -> float:
        """Requests a second that the portal takes in the long run."""
        return self._rate.leak

    async def acquire(self, cost: int = 1) -> float:
        """Count ``cost`` requests before they are sent, waiting for room; returns the seconds waited."""
        async with self._turn:
            waited = 0.0
            while (wait := await self._take(cost)) > 0:
                await asyncio.sleep(wait)
                waited += wait
                if self._urgent:
                    break  # its place was taken at once, this was the wait for its turn
            return waited

    async def penalize(self) -> None:
        """The portal answered that its bucket is full: take it as full, and a smaller part of its rate as ours."""
        await self._run(_PENALIZE, {"least": LEAST_SHARE, "refused": REFUSED, "same": SAME_REFUSAL_SECONDS})
        log.warning("the portal's bucket is full: others use it too", portal=self._given["portal"])

    async def exchange(self, uses: Mapping[str, MethodT]) -> None:
        """Tell what this process knows of methods, and bring it up to date with what all know."""
        names = sorted(uses)
        given = {
            "methods": names,
            "used": [uses[name].used for name in names],
            "at": [uses[name].at for name in names],
            "reset_at": [uses[name].reset_at for name in names],
            "cost": [uses[name].cost for name in names],
            "next_send": [uses[name].next_send for name in names],
            "rest_until": [uses[name].rest_until for name in names],
        }
        for name, used, at, reset_at, cost, next_send, rest_until in await self._run(_EXCHANGE, given) or ():
            use = uses[name]
            use.used, use.at, use.reset_at, use.cost = used, at, reset_at, cost
            use.next_send, use.rest_until = next_send, rest_until

    async def aclose(self) -> None:
        """Close the connection."""
        if self._conn is not None:
            await self._conn.close()

    async def _take(self, cost: int) -> float:
        """Take a place in the bucket; returns the seconds to wait: until the turn comes if urgent, else until there may
        be room to ask again."""
        rows = await self._run(_TAKE_URGENT if self._urgent else _TAKE, {"cost": cost})
        if rows is None:
            return self._alone(cost)
        if self._urgent:
            return max(0.0, float(rows[0][0]))
        if rows:
            return 0.0
        rows = await self._run(_WAIT, {"cost": cost})
        wait = float(rows[0][0]) if rows else 0.0
        return max(0.01, wait) + random.uniform(0, 0.02)  # noqa: S311  so that processes do not all come back at once

    def _alone(self, cost: int) -> float:
        """Without the database: one request at a time, at half the rate. The wait is for room to ask again."""
        now = time.monotonic()
        if now < self._next_alone:
            return self._next_alone - now
        self._next_alone = now + 2 * cost / self._rate.leak
        return 0.0

    async def _run(self, statement: Any, more: Values) -> list[tuple[Any, ...]] | None:
        """The statement's rows, or None while the database is away."""
        if time.monotonic() < self._away_until:
            return None
        try:
            if self._conn is None or self._conn.closed:
                self._conn = await AsyncConnection.connect(
                    self._database.url, autocommit=True, application_name="b24 limits", **CONNECTION_OPTIONS
                )
            cursor = await self._conn.execute(statement, {**self._given, **more})
            return await cursor.fetchall() if cursor.description else []
        except (psycopg.Error, OSError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
            log.warning("the portal's limits are not shared for now", reason=reason)
            self._away_until = time.monotonic() + AWAY_SECONDS
            if self._conn is not None:
                with contextlib.suppress(psycopg.Error, OSError):
                    await self._conn.close()
                self._conn = None
            return None


@asynccontextmanager
async def shared_limits(
    database: Database, portal: str, rate: Rate, *, urgent: bool = False
) -> AsyncIterator[SharedLimits]:
    """The limits of the portal with this host name. ``urgent``: what somebody waits for."""
    limits = SharedLimits(database, portal, rate, urgent=urgent)
    try:
        yield limits
    finally:
        await limits.aclose()


_SHARE = f"least(1, r.share + coalesce(extract(epoch FROM clock_timestamp() - r.refused_at) / {RECOVERY_SECONDS}, 1))"
_LEAK = f"(%(leak)s * {_SHARE})"
_LEVEL = f"greatest(0, r.level - extract(epoch FROM clock_timestamp() - r.at) * {_LEAK})"

_COUNT = f"""
INSERT INTO app.portal_rate AS r (portal, level, requests) VALUES (%(portal)s, %(cost)s, %(cost)s)
ON CONFLICT (portal) DO UPDATE SET level = {_LEVEL} + %(cost)s, at = clock_timestamp(),
    requests = r.requests + %(cost)s"""  # noqa: S608  the inserted texts are the constants above

_TAKE = f"{_COUNT} WHERE {_LEVEL} + %(cost)s <= %(limit)s RETURNING 0"
_TAKE_URGENT = f"{_COUNT} RETURNING (r.level - %(limit)s) / {_LEAK}"
_WAIT = f"SELECT ({_LEVEL} + %(cost)s - %(limit)s) / {_LEAK} FROM app.portal_rate r WHERE portal = %(portal)s"  # noqa: S608

_PENALIZE = f"""
INSERT INTO app.portal_rate AS r (portal, level, share, refused_at, refusals)
VALUES (%(portal)s, %(capacity)s, %(refused)s, clock_timestamp(), 1)
ON CONFLICT (portal) DO UPDATE SET level = greatest({_LEVEL}, %(capacity)s), at = clock_timestamp(),
    share = CASE WHEN clock_timestamp() - r.refused_at < make_interval(secs => %(same)s) THEN r.share
        ELSE greatest(%(least)s, {_SHARE} * %(refused)s) END,
    refused_at = clock_timestamp(), refusals = r.refusals + 1"""  # noqa: S608

_EXCHANGE = """
INSERT INTO app.portal_methods AS m (portal, method, used, at, reset_at, cost, next_send, rest_until)
SELECT %(portal)s, method, used, to_timestamp(at), to_timestamp(reset_at), cost, to_timestamp(next_send),
    to_timestamp(rest_until)
FROM unnest(%(methods)s::text[], %(used)s::float8[], %(at)s::float8[], %(reset_at)s::float8[], %(cost)s::float8[],
    %(next_send)s::float8[], %(rest_until)s::float8[])
    AS g(method, used, at, reset_at, cost, next_send, rest_until)
ON CONFLICT (portal, method) DO UPDATE SET
    used = CASE WHEN excluded.at >= m.at THEN excluded.used ELSE m.used END,
    reset_at = CASE WHEN excluded.at >= m.at THEN excluded.reset_at ELSE m.reset_at END,
    cost = CASE WHEN excluded.at >= m.at THEN excluded.cost ELSE m.cost END,
    at = greatest(m.at, excluded.at), next_send = greatest(m.next_send, excluded.next_send),
    rest_until = greatest(m.rest_until, excluded.rest_until)
RETURNING method, used, extract(epoch FROM at)::float8, extract(epoch FROM reset_at)::float8, cost,
    extract(epoch FROM next_send)::float8, extract(epoch FROM rest_until)::float8"""

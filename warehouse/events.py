"""The queue of events, ``app.webhook_events``: one row for each record that events spoke of.

However many events name a record, it is read once. ``version`` counts them: a sync remembers the version that it picked
and closes the row only at that version, so an event that arrives meanwhile is left for the next sync.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row

CHANNEL = "b24_events"
"""``NOTIFY`` channel: something was stored."""

OF_FIELDS = 0
"""The row id that stands for the entity's field list."""

MAX_ATTEMPTS = 12
"""With the back-off below a record is given up after about three hours."""
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 10, 1800


@dataclass(frozen=True, slots=True)
class Change:
    """What an event says: which record of which entity (``OF_FIELDS``: its field list), by which event, when."""

    entity: str
    row_id: int
    event: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Picked:
    """A row of the queue as a sync took it."""

    row_id: int
    version: int
    event: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for one entity. ``picked`` rows belong to a sync; if none is running, it is gone and they wait again.

    ``seconds`` is how long until the first row is due, 0 or less when one is.
    """

    entity: str
    pending: int
    picked: int
    seconds: float
    synced: bool


_STORE = """
WITH given AS (
    SELECT g.*, coalesce(c.enabled AND c.webhook_enabled, true) AS heeded
    FROM unnest(%(entities)s::text[], %(ids)s::int8[], %(events)s::text[], %(moments)s::timestamptz[],
            %(counts)s::int8[]) AS g(entity, row_id, event, event_at, events)
        LEFT JOIN app.sync_config c USING (entity)),
stored AS (
    INSERT INTO app.webhook_events AS q (entity, row_id, event, event_at, version)
    SELECT entity, row_id, event, event_at, events FROM given WHERE heeded ORDER BY entity, row_id
    ON CONFLICT (entity, row_id) DO UPDATE SET
        event = excluded.event, event_at = greatest(q.event_at, excluded.event_at),
        version = q.version + excluded.version, status = 'pending', attempts = 0, error = NULL,
        received_at = CASE WHEN q.status = 'pending' THEN q.received_at ELSE now() END,
        last_received_at = now(), due_at = now()),
counted AS (
    INSERT INTO app.webhook_received AS r (event, accepted, dropped)
    SELECT n.event, coalesce(sum(n.events) FILTER (WHERE heeded), 0),
        coalesce(sum(n.events) FILTER (WHERE NOT heeded), 0)
    FROM unnest(%(names)s::text[], %(of)s::text[], %(times)s::int8[]) AS n(event, entity, events)
        JOIN (SELECT DISTINCT entity, heeded FROM given) USING (entity)
    GROUP BY n.event ORDER BY n.event
    ON CONFLICT (event) DO UPDATE SET accepted = r.accepted + excluded.accepted,
        dropped = r.dropped + excluded.dropped, last_at = now())
SELECT array_agg(DISTINCT entity) FILTER (WHERE NOT heeded), pg_notify(%(channel)s, '') FROM given
"""


async def store_changes(conn: AsyncConnection[Any], changes: Sequence[Change]) -> frozenset[str]:
    """Store the changes of some events and wake whoever listens; on an autocommit connection, one round trip.

    Returns the entities whose events were dropped because ``app.sync_config`` switches them off.
    """
    latest: dict[tuple[str, int], Change] = {}
    for change in changes:
        latest[change.entity, change.row_id] = change
    times = Counter((change.entity, change.row_id) for change in changes)
    names = Counter((change.event, change.entity) for change in changes)
    rows = [latest[key] for key in sorted(latest)]  # always in this order: two writers must not wait for each other
    cursor = await conn.execute(
        _STORE,
        {
            "entities": [row.entity for row in rows],
            "ids": [row.row_id for row in rows],
            "events": [row.event for row in rows],
            "moments": [row.at for row in rows],
            "counts": [times[row.entity, row.row_id] for row in rows],
            "names": [name for name, _ in names],
            "of": [entity for _, entity in names],
            "times": list(names.values()),
            "channel": CHANNEL,
        },
    )
    found = await cursor.fetchone()
    return frozenset(found[0] or ()) if found else frozenset()


def waiting_entities(conn: Connection[Any]) -> list[Waiting]:
    """What the queue holds for each entity that it holds anything for, the longest due first."""
    with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        return cursor.execute(
            """SELECT entity, count(*) FILTER (WHERE status = 'pending') AS pending,
                   count(*) FILTER (WHERE status = 'picked') AS picked,
                   extract(epoch FROM min(CASE status WHEN 'pending' THEN due_at ELSE picked_at END) - now())::float8
                       AS seconds,
                   bool_or(s.last_full_at IS NOT NULL) AS synced
               FROM app.webhook_events LEFT JOIN app.sync_state s USING (entity)
               WHERE status IN ('pending', 'picked') GROUP BY entity ORDER BY seconds"""
        ).fetchall()


def pick(conn: Connection[Any], entity: str, run_id: str | None, limit: int) -> list[Picked]:
    """Take up to ``limit`` rows that are due. The caller holds the entity's sync lock and commits.

    Rows that are still marked as picked were left by a sync that was killed, for the caller has the lock: they are
    taken too. Rows that an event is just being written to are left for the next time rather than waited for.
    """
    with conn.cursor(row_factory=class_row(Picked)) as cursor:
        return cursor.execute(
            """WITH due AS (
                   SELECT entity, row_id FROM app.webhook_events
                   WHERE entity = %(entity)s AND (status = 'picked' OR (status = 'pending' AND due_at <= now()))
                   ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
               UPDATE app.webhook_events q SET status = 'picked', picked_at = now(), run_id = %(run_id)s
               FROM due WHERE (q.entity, q.row_id) = (due.entity, due.row_id)
               RETURNING q.row_id, q.version, q.event, q.attempts""",
            {"entity": entity, "run_id": run_id, "limit": limit},
        ).fetchall()


def finish(conn: Connection[Any], entity: str, picked: Iterable[Picked]) -> None:
    """Close rows whose record was read, unless another event came meanwhile. The caller commits."""
    rows = sorted(picked, key=lambda row: row.row_id)
    conn.execute(
        """WITH given AS (SELECT * FROM unnest(%(ids)s::int8[], %(versions)s::int8[]) AS g(row_id, version)),
           mine AS (
               SELECT q.row_id FROM app.webhook_events q JOIN given USING (row_id, version)
               WHERE q.entity = %(entity)s AND q.status = 'picked' ORDER BY q.row_id FOR UPDATE OF q)
           UPDATE app.webhook_events q SET status = 'done', done_at = now(), attempts = 0, error = NULL
           FROM mine WHERE q.entity = %(entity)s AND q.row_id = mine.row_id""",
        {"entity": entity, "ids": [row.row_id for row in rows], "versions": [row.version for row in rows]},
    )


def retry(conn: Connection[Any], entity: str, picked: Iterable[Picked], reason: str) -> int:
    """Put rows back that could not be handled, each later than the last time; returns how many are given up.

    ``reason`` is kept for people and must hold no secret. The caller commits.
    """
    rows = sorted(picked, key=lambda row: row.row_id)
    done = conn.execute(
        """WITH given AS (SELECT * FROM unnest(%(ids)s::int8[], %(versions)s::int8[]) AS g(row_id, version)),
           mine AS (
               SELECT q.row_id FROM app.webhook_events q JOIN given USING (row_id, version)
               WHERE q.entity = %(entity)s AND q.status = 'picked' ORDER BY q.row_id FOR UPDATE OF q)
           UPDATE app.webhook_events q SET attempts = q.attempts + 1, error = %(reason)s,
               status = CASE WHEN q.attempts + 1 >= %(most)s THEN 'dead' ELSE 'pending' END,
               due_at = now() + make_interval(secs => least(%(longest)s, %(first)s * 2.0 ^ q.attempts))
           FROM mine WHERE q.entity = %(entity)s AND q.row_id = mine.row_id RETURNING q.status = 'dead'""",
        {
            "entity": entity,
            "ids": [row.row_id for row in rows],
            "versions": [row.version for row in rows],
            "reason": reason[:2000],
            "most": MAX_ATTEMPTS,
            "first": FIRST_RETRY_SECONDS,
            "longest": LONGEST_RETRY_SECONDS,
        },
    ).fetchall()
    return sum(dead for (dead,) in done)


def tidy(conn: Connection[Any], entity: str, days: int = 30) -> None:
    """After every row of the entity was read: what was given up is done, what was done long ago is removed.

    The caller commits.
    """
    conn.execute(
        "UPDATE app.webhook_events SET status = 'done', done_at = now() WHERE entity = %s AND status = 'dead'",
        (entity,),
    )
    conn.execute(
        """DELETE FROM app.webhook_events
           WHERE entity = %s AND status = 'done' AND done_at < now() - make_interval(days => %s)""",
        (entity, days),
    )


def given_up(conn: Connection[Any], entity: str) -> int:
    """How many records of the entity were given up after many attempts."""
    row = conn.execute(
        "SELECT count(*) FROM app.webhook_events WHERE entity = %s AND status = 'dead'", (entity,)
    ).fetchone()
    return int(row[0]) if row else 0


def received(conn: Connection[Any]) -> list[Mapping[str, Any]]:
    """How many events of each name were accepted and dropped, and when the first and the last came."""
    rows = conn.execute("SELECT event, accepted, dropped, first_at, last_at FROM app.webhook_received ORDER BY event")
    names = ("event", "accepted", "dropped", "first_at", "last_at")
    return [dict(zip(names, row, strict=True)) for row in rows]


def queue_counts(conn: Connection[Any], statuses: Collection[str] = ("pending", "picked", "dead")) -> dict[str, int]:
    """How many rows of the queue have each of these statuses."""
    found = dict.fromkeys(statuses, 0)
    rows = conn.execute(
        "SELECT status, count(*) FROM app.webhook_events WHERE status = ANY(%s) GROUP BY status", (list(statuses),)
    )
    return found | dict(rows.fetchall())

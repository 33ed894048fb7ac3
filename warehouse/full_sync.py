"""The ledger of a full sync: which ids are committed, so that one that was killed goes on where it stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection
from psycopg.types.range import Range

from warehouse.columns import Table
from warehouse.mirror_ids import multirange

OLDEST = timedelta(days=1)
"""Rows that were read longer ago are read again: a full sync also brings changes that show in no modification time."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A full sync that did not end. ``watermark`` is the portal's clock when it began, ``age`` how long ago that is by
    the database's clock, ``rows`` what it committed."""

    watermark: datetime
    age: timedelta
    done: tuple[tuple[int, int], ...]
    rows: int


def design_hash(table: Table) -> str:
    """Of the columns that rows are read for: rows that were read before a field came lack its values."""
    columns = sorted(f"{column.name} {column.pg_type} {column.field.code} {column.part}" for column in table.columns)
    return hashlib.sha256("\n".join(columns).encode()).hexdigest()


def unfinished(conn: Connection, table: Table) -> Unfinished | None:
    """The full sync of this table that can be gone on with, or None. Forgets one that cannot."""
    row = conn.execute(
        "SELECT watermark, now() - begun_at, done, rows, design = %s AND begun_at > now() - %s FROM app.full_syncs"
        " WHERE entity = %s",
        (design_hash(table), OLDEST, table.entity),
    ).fetchone()
    if row is None:
        return None
    watermark, age, done, rows, usable = row
    if not usable:
        end(conn, table.entity)
        return None
    return Unfinished(watermark, age, tuple(closed(part) for part in done), rows)


def begin(conn: Connection, table: Table, watermark: datetime) -> None:
    """Open the ledger of a full sync. The caller holds the entity's lock and commits."""
    conn.execute(
        """INSERT INTO app.full_syncs (entity, watermark, design) VALUES (%s, %s, %s)
           ON CONFLICT (entity) DO NOTHING""",
        (table.entity, watermark, design_hash(table)),
    )


def record(conn: Connection, entity: str, ranges: Sequence[tuple[int, int]], rows: int) -> None:
    """Enter closed ranges whose rows are written in the caller's transaction."""
    if not ranges:
        return
    conn.execute(
        "UPDATE app.full_syncs SET done = done + %s::int8multirange, rows = rows + %s, updated_at = now()"
        " WHERE entity = %s",
        (multirange(ranges), rows, entity),
    )


def end(conn: Connection, entity: str) -> None:
    """Close the ledger: everything is read. The caller commits."""
    conn.execute("DELETE FROM app.full_syncs WHERE entity = %s", (entity,))


def closed(part: Range[int]) -> tuple[int, int]:
    """PostgreSQL writes whole-number ranges half open."""
    if part.lower is None or part.upper is None:
        raise ValueError("a range of ids has two ends")
    return part.lower, part.upper - 1

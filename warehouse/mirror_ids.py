"""The ids of a mirror table: counted, cut into ranges, compared with what the portal shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, LiteralString

from psycopg import Connection, sql
from psycopg.types.multirange import Multirange
from psycopg.types.range import Int8Range

from warehouse.columns import Table
from warehouse.tables import identifier

Range = tuple[int, int]
"""A closed range of ids."""


def multirange(ranges: Sequence[Range]) -> Multirange[int]:
    """Closed ranges as PostgreSQL writes them: half open."""
    return Multirange([Int8Range(low, high + 1) for low, high in ranges])


def cut(conn: Connection, table: Table, low: int, high: int, pieces: int) -> list[tuple[Range, int]]:
    """``low`` to ``high`` as up to ``pieces`` ranges that hold about as many live rows each, with their numbers."""
    rows = conn.execute(
        _sql(
            """SELECT max({key}), count(*) FROM (
                   SELECT {key}, ntile(%s) OVER (ORDER BY {key}) AS piece FROM {table}
                   WHERE _deleted_at IS NULL AND {key} BETWEEN %s AND %s) live
               GROUP BY piece ORDER BY 1""",
            table,
        ),
        (pieces, low, high),
    ).fetchall()
    if not rows:
        return [((low, high), 0)]
    lows = [low, *(last + 1 for last, _ in rows[:-1])]
    highs = [*(last for last, _ in rows[:-1]), high]
    return [((first, last), number) for first, last, (_, number) in zip(lows, highs, rows, strict=True)]


def live_ids(conn: Connection, table: Table, ranges: Sequence[Range]) -> set[int]:
    """The ids of live rows within the ranges."""
    found = conn.execute(
        _sql(
            """SELECT t.{key} FROM unnest(%s::int8[], %s::int8[]) AS r(low, high)
                   JOIN {table} t ON t.{key} BETWEEN r.low AND r.high WHERE t._deleted_at IS NULL""",
            table,
        ),
        ([low for low, _ in ranges], [high for _, high in ranges]),
    )
    return {row[0] for row in found}


def highest_id(conn: Connection, table: Table) -> int | None:
    """The highest id that was ever copied, of a row that may be gone by now; None in an empty table."""
    row = conn.execute(_sql("SELECT max({key}) FROM {table}", table)).fetchone()
    return row[0] if row else None


def only_within(conn: Connection, table: Table, ranges: Sequence[Range]) -> bool:
    """Whether every row, also those that are gone by now, has its id in one of the ranges."""
    statement = _sql("SELECT NOT EXISTS (SELECT FROM {table} WHERE NOT {key} <@ %s::int8multirange)", table)
    return conn.execute(statement, (multirange(ranges),)).fetchone() == (True,)


def live_keys(conn: Connection, table: Table) -> set[Any]:
    """The keys of all live rows of a small table."""
    return {row[0] for row in conn.execute(_sql("SELECT {key} FROM {table} WHERE _deleted_at IS NULL", table))}


def live_among(conn: Connection, table: Table, keys: Collection[Any]) -> set[Any]:
    """Those of the keys whose row is there and not marked as gone."""
    found = conn.execute(
        _sql("SELECT {key} FROM {table} WHERE {key} = ANY(%s) AND _deleted_at IS NULL", table), (sorted(keys),)
    )
    return {row[0] for row in found}


def mark_deleted(conn: Connection, table: Table, keys: Collection[Any]) -> int:
    """Mark live rows as gone from the portal; answers how many there were. The caller owns the transaction."""
    if not keys:
        return 0
    statement = _sql(
        "UPDATE {table} SET _deleted_at = now(), _synced_at = now() WHERE {key} = ANY(%s) AND _deleted_at IS NULL",
        table,
    )
    return conn.execute(statement, (sorted(keys),)).rowcount


def _sql(text: LiteralString, table: Table) -> sql.Composed:
    template = sql.SQL(text)
    return template.format(key=sql.Identifier(table.key), table=identifier(table))

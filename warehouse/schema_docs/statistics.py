"""How far columns are filled, how many different values they hold, and ranges: counted on live rows.

Counts say nothing about a person; ranges go through :mod:`warehouse.schema_docs.privacy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection, sql

from warehouse.schema_docs.catalog import Catalog, ColumnDoc, TableDoc
from warehouse.schema_docs.privacy import LEAST_ROWS, rounded_range
from warehouse.tables import identifier
from warehouse.views import VIEW_SCHEMA

EXACT_ROWS = 20_000
"""Up to here distinct values and derived columns are counted; beyond, PostgreSQL's own estimate of distinct values is
taken, which costs a sample, and derived columns have no counts."""
COLUMNS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """``filled`` is the share of rows with a value, 0 to 1. ``estimated``: ``distinct`` is an estimate."""

    filled: float | None = None
    distinct: int | None = None
    estimated: bool = False
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True)
class TableStatistics:
    """``rows`` are live rows; ``synced_at`` is when the last sync of the table was committed."""

    rows: int
    synced_at: datetime | None = None
    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict)


Statistics = Mapping[str, TableStatistics]
"""By table."""


def read_statistics(conn: Connection, catalog: Catalog) -> dict[str, TableStatistics]:
    """Count all tables of the catalogue. A second or two for 200,000 rows of 100 columns."""
    synced: dict[str, datetime | None] = dict(
        conn.execute("SELECT entity, last_sync_at FROM app.sync_state").fetchall()
    )
    return {table.name: _table(conn, table, synced.get(table.entity)) for table in catalog.tables}


def _table(conn: Connection, table: TableDoc, synced_at: datetime | None) -> TableStatistics:
    counted = conn.execute(
        sql.SQL("SELECT count(*) FROM {} WHERE _deleted_at IS NULL").format(identifier(table.name))
    ).fetchone()
    rows = int(counted[0]) if counted else 0
    stored = [column for column in table.columns if column.kind == "field"]
    derived = [column for column in table.columns if column.kind == "derived"]
    mirror = sql.SQL("{} WHERE _deleted_at IS NULL").format(identifier(table.name))
    found = _count(conn, mirror, stored, rows, distinct=rows <= EXACT_ROWS)
    if rows > EXACT_ROWS:
        found = _with_estimates(conn, table, found, rows)
    else:  # they look into other tables for each row
        found |= _count(conn, sql.Identifier(VIEW_SCHEMA, table.name), derived, rows, distinct=False)
    return TableStatistics(rows, synced_at, found)


def _count(
    conn: Connection, relation: sql.Composable, columns: Sequence[ColumnDoc], rows: int, *, distinct: bool
) -> dict[str, ColumnStatistics]:
    found = {}
    for start in range(0, len(columns), COLUMNS_AT_ONCE):
        part = columns[start : start + COLUMNS_AT_ONCE]
        expressions = sql.SQL(", ").join(one for column in part for one in _aggregates(column, distinct=distinct))
        values = conn.execute(sql.SQL("SELECT {} FROM {}").format(expressions, relation)).fetchone()
        it = iter(values or ())
        for column in part:
            found[column.name] = _statistics(column, it, rows, distinct=distinct)
    return found


def _aggregates(column: ColumnDoc, *, distinct: bool) -> Iterator[sql.Composable]:
    name = sql.Identifier(column.name)
    yield sql.SQL("count({})").format(name)
    yield sql.SQL("count(DISTINCT {})").format(name) if distinct else sql.SQL("NULL")
    for function in ("min", "max"):
        yield sql.SQL("{}({})").format(sql.SQL(function), name) if column.ranged else sql.SQL("NULL")


def _statistics(column: ColumnDoc, values: Iterator[Any], rows: int, *, distinct: bool) -> ColumnStatistics:
    filled, different, low, high = (next(values) for _ in range(4))
    ends = rounded_range(low, high) if filled >= LEAST_ROWS else None
    return ColumnStatistics(
        filled=round(filled / rows, 4) if rows else None,
        distinct=different if distinct else None,
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
    )


def _with_estimates(
    conn: Connection, table: TableDoc, found: Mapping[str, ColumnStatistics], rows: int
) -> dict[str, ColumnStatistics]:
    conn.execute(sql.SQL("ANALYZE {}").format(identifier(table.name)))
    estimates: dict[str, float] = dict(
        conn.execute(
            "SELECT attname, n_distinct FROM pg_stats WHERE schemaname = 'bitrix' AND tablename = %s", (table.name,)
        ).fetchall()
    )
    result = {}
    for name, known in found.items():
        estimate = estimates.get(name)
        # A negative figure is a share of the rows.
        number = None if estimate is None else round(estimate if estimate >= 0 else -estimate * rows)
        result[name] = ColumnStatistics(known.filled, number, number is not None, known.low, known.high)
    return result

"""What a look at the mirror's tables tells: how old they are, what did not fit, which codes nothing explains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import Connection, sql
from psycopg.rows import class_row

from warehouse.tables import identifier


@dataclass(frozen=True, slots=True)
class Age:
    """When an entity was last synced, how often it should be, and how the last attempt ended.

    ``expected`` is False where nobody wants it synced: it is switched off.
    """

    entity: str
    expected: bool
    interval_minutes: int
    synced_at: datetime | None
    age: timedelta | None
    error: str | None


@dataclass(frozen=True, slots=True)
class NulledCells:
    """Cells of one field that are null because the portal's values did not fit, and one of those."""

    entity: str
    field: str
    cells: int
    rows: int
    reason: str
    value: str

    @property
    def share(self) -> float:
        """Of the live rows."""
        return self.cells / self.rows if self.rows else 0.0


@dataclass(frozen=True, slots=True)
class Lookup:
    """A coded column and where its codes are explained. ``most`` is the share of rows that may hold unknown codes."""

    entity: str
    table: str
    column: str
    target: str
    target_column: str
    most: float


@dataclass(frozen=True, slots=True)
class UnknownCodes:
    """Codes of one column that nothing explains: in how many of the live ``rows``, and the most frequent of them."""

    lookup: Lookup
    unknown: int
    rows: int
    examples: str

    @property
    def share(self) -> float:
        """Of the live rows."""
        return self.unknown / self.rows if self.rows else 0.0


STAGES, PEOPLE = 0.01, 0.05
"""Stages that were deleted long ago live on in old deals. Bots and integrations own records and no list names them."""

LOOKUPS = (
    Lookup("deal", "deals", "stage_id", "statuses", "status_id", STAGES),
    Lookup("deal", "deals", "category_id", "pipelines", "id", STAGES),
    Lookup("deal", "deals", "assigned_by_id", "users", "id", PEOPLE),
    Lookup("lead", "leads", "status_id", "statuses", "status_id", STAGES),
    Lookup("lead", "leads", "assigned_by_id", "users", "id", PEOPLE),
    Lookup("contact", "contacts", "assigned_by_id", "users", "id", PEOPLE),
    Lookup("company", "companies", "assigned_by_id", "users", "id", PEOPLE),
)

_EXPLAINED_ELSEWHERE = {("pipelines", "id"): 0}
"""Codes that need no row: pipeline 0, the default one, is not listed by every portal."""


def ages(conn: Connection, entities: list[str], default_interval_minutes: int) -> list[Age]:
    """How old each entity's table is."""
    with conn.cursor(row_factory=class_row(Age)) as cursor:
        return cursor.execute(
            """SELECT e.entity, coalesce(c.enabled, true) AS expected,
                   coalesce(c.sync_interval_minutes, %s) AS interval_minutes, s.last_sync_at AS synced_at,
                   now() - s.last_sync_at AS age, CASE WHEN l.status = 'failed' THEN l.error END AS error
               FROM unnest(%s::text[]) WITH ORDINALITY e(entity, n) LEFT JOIN app.sync_config c USING (entity)
                   LEFT JOIN app.sync_state s USING (entity)
                   LEFT JOIN LATERAL (SELECT status, error FROM app.sync_logs WHERE entity = e.entity
                       ORDER BY started_at DESC, id DESC LIMIT 1) l ON true
               ORDER BY e.n""",
            (default_interval_minutes, entities),
        ).fetchall()


def nulled_cells(conn: Connection) -> list[NulledCells]:
    """The fields some of whose values did not fit, those with most cells first."""
    with conn.cursor(row_factory=class_row(NulledCells)) as cursor:
        return cursor.execute(
            """SELECT entity, field, count(*) AS cells, coalesce(max(s.rows_total), 0) AS rows,
                   min(reason) AS reason, coalesce((array_agg(left(value, 60) ORDER BY last_seen DESC))[1], '') AS value
               FROM app.sync_issues LEFT JOIN app.sync_state s USING (entity)
               GROUP BY entity, field ORDER BY cells DESC, entity, field"""
        ).fetchall()


def unknown_codes(conn: Connection, lookup: Lookup) -> UnknownCodes | None:
    """What is dangling in one column; None while a table or the column is not there."""
    have = conn.execute(
        """SELECT count(*) FROM app.table_columns WHERE (table_name, column_name) IN ((%s, %s), (%s, %s))""",
        (lookup.table, lookup.column, lookup.target, lookup.target_column),
    ).fetchone()
    if have != (2,):
        return None
    column, target = sql.Identifier(lookup.column), sql.Identifier(lookup.target_column)
    excepted = _EXPLAINED_ELSEWHERE.get((lookup.target, lookup.target_column))
    row = conn.execute(
        sql.SQL(
            """WITH codes AS (
                   SELECT {column} AS code, count(*) AS rows FROM {table} WHERE _deleted_at IS NULL GROUP BY 1),
               unknown AS (SELECT code, rows FROM codes WHERE code IS NOT NULL AND code IS DISTINCT FROM {excepted}
                   AND NOT EXISTS (SELECT FROM {target_table} t WHERE t.{target} = codes.code))
               SELECT coalesce((SELECT sum(rows) FROM unknown), 0)::int8, coalesce(sum(rows), 0)::int8,
                   (SELECT string_agg(format('%%s (%%s)', code, rows), ', ' ORDER BY rows DESC)
                    FROM (SELECT * FROM unknown ORDER BY rows DESC LIMIT 5) most)
               FROM codes"""
        ).format(
            column=column,
            table=identifier(lookup.table),
            excepted=sql.Literal(excepted),
            target_table=identifier(lookup.target),
            target=target,
        ),
        (),
    ).fetchone()
    unknown, rows, examples = row or (0, 0, None)
    return UnknownCodes(lookup, unknown, rows, examples or "")

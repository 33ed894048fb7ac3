"""Replacing a view in PostgreSQL under the eyes of its readers.

A view is never dropped: what others built on it, and the rights that they were given, would go with it. It keeps its
columns, their order and their types, and gets new ones at its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psycopg import Connection, errors, sql
from psycopg.rows import class_row

from warehouse.columns import MAX_COLUMNS
from warehouse.definition_locks import short_lock_waits
from warehouse.meanings import Text, comment
from warehouse.schema_changes import SchemaChange
from warehouse.tables import VIEW_SCHEMA
from warehouse.view import View, ViewColumn

IDLE = Text(
    "Этот столбец больше ничем не заполняется и остался ради отчётов, которые его читают",
    "Nothing fills this column any more; it stays for reports that read it",
)

_FIRST_TO_GO = ("derived", "label", "field", "service")
"""What a view that is full goes without, in this order."""

SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Existing:
    """A column that the view has. ``type_name`` is its type as SQL."""

    name: str
    type_oid: int
    type_name: str
    comment: str


def replace_view(conn: Connection, view: View) -> list[SchemaChange]:
    """Create the view or replace it, in the caller's transaction; answers what it could not do.

    A column that the portal's fields no longer give, or give in another type, stays and is null. Raises
    ``psycopg.errors.LockNotAvailable`` when a reader holds the view; see ``warehouse.definition_locks``.
    """
    table = view.entity.table
    have = _existing(conn, table)
    columns, left_out = _within_limit(view.columns, have)
    with short_lock_waits(conn):
        try:
            with conn.transaction():
                _create(conn, view, columns, have)
            refused: list[ViewColumn] = []
        except errors.InvalidTableDefinition:
            refused = _of_another_type(conn, view, columns, have)
            if not refused:
                raise
            _create(conn, view, [column for column in columns if column not in refused], have)
    return _notes(table, left_out, refused)


def write_comments(conn: Connection, table: str, view_comment: str, comments: Mapping[str, str]) -> None:
    """Bring the comments of a view and its columns up to date, in the caller's transaction. Readers need not wait.

    Columns without a comment of their own are those that nothing fills any more.
    """
    name = sql.Identifier(VIEW_SCHEMA, table)
    have = _existing(conn, table)
    statements: list[sql.Composable] = [sql.SQL("COMMENT ON VIEW {} IS {}").format(name, sql.Literal(view_comment))]
    for column in have:
        text = comments.get(column.name, comment("", IDLE))
        if text != column.comment:
            place = sql.SQL("{}.{}").format(name, sql.Identifier(column.name))
            statements.append(sql.SQL("COMMENT ON COLUMN {} IS {}").format(place, sql.Literal(text)))
    conn.execute(sql.SQL("; ").join(statements))  # one message: a table may have hundreds of columns


def _existing(conn: Connection, table: str) -> list[_Existing]:
    with conn.cursor(row_factory=class_row(_Existing)) as cursor:
        return cursor.execute(
            """SELECT attname AS name, atttypid::int8 AS type_oid, format_type(atttypid, atttypmod) AS type_name,
                   coalesce(col_description(attrelid, attnum), '') AS comment
               FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
               ORDER BY attnum""",
            (f"{VIEW_SCHEMA}.{table}",),
        ).fetchall()


def _within_limit(
    columns: Sequence[ViewColumn], have: Sequence[_Existing]
) -> tuple[list[ViewColumn], list[ViewColumn]]:
    """The columns that the view can have, and those for which PostgreSQL's limit leaves no room."""
    kept = {column.name for column in have}
    fresh = [column for column in columns if column.name not in kept]
    room = MAX_COLUMNS - len(have)
    ranked = sorted(fresh, key=lambda column: -_FIRST_TO_GO.index(column.kind))
    left_out = {column.name for column in ranked[room:]}
    return (
        [column for column in columns if column.name not in left_out],
        [column for column in fresh if column.name in left_out],
    )


def _create(conn: Connection, view: View, columns: Sequence[ViewColumn], have: Sequence[_Existing]) -> None:
    """``CREATE OR REPLACE`` with the columns that the view has in their order, then the new ones."""
    by_name = {column.name: column for column in columns}
    first = [by_name.pop(column.name) if column.name in by_name else _idle(column) for column in have]
    conn.execute(
        sql.SQL("CREATE OR REPLACE VIEW {} AS {}").format(
            sql.Identifier(VIEW_SCHEMA, view.entity.table), view.select([*first, *by_name.values()])
        )
    )


def _idle(column: _Existing) -> ViewColumn:
    # The type is spelled by PostgreSQL itself.
    null = sql.SQL("NULL::" + column.type_name)
    return ViewColumn(column.name, null, "derived", "", IDLE)


def _of_another_type(
    conn: Connection, view: View, columns: Sequence[ViewColumn], have: Sequence[_Existing]
) -> list[ViewColumn]:
    described = conn.execute(sql.SQL("{} LIMIT 0").format(view.select(columns))).description or []
    types = {column.name: column.type_oid for column in have}
    return [
        column
        for column, found in zip(columns, described, strict=True)
        if types.get(column.name, found.type_code) != found.type_code
    ]


def _notes(table: str, left_out: Sequence[ViewColumn], refused: Sequence[ViewColumn]) -> list[SchemaChange]:
    name = f"{VIEW_SCHEMA}.{table}"
    notes = []
    if left_out:
        text = (
            f"{name} has as many columns as PostgreSQL allows, {MAX_COLUMNS:,}. It goes without "
            f"{_shown(left_out)}; bitrix.{table} has what the portal holds."
        )
        notes.append(SchemaChange("view incomplete", name, text))
    if refused:
        text = (
            f"{name} has columns of another type under the names {_shown(refused)}. They stay, for what was built "
            "on them, and are null. To fill them, drop the view and what depends on it; the next sync makes it anew."
        )
        notes.append(SchemaChange("view incomplete", name, text))
    return notes


def _shown(columns: Sequence[ViewColumn]) -> str:
    names = ", ".join(column.name for column in columns[:SHOWN])
    return names if len(columns) <= SHOWN else f"{names} and {len(columns) - SHOWN:,} more"

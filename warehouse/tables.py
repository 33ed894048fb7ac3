"""Mirror tables in schema ``bitrix``: created from fields, and only ever added to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import LiteralString

from psycopg import Connection, sql
from psycopg.rows import class_row

from bitrix.entities import Entity
from bitrix.fields import Field
from warehouse.columns import Column, KnownColumn, Table, design

SCHEMA = "bitrix"


@dataclass(frozen=True, slots=True)
class Design:
    """A table as it now is, and the names of the columns that this call added."""

    table: Table
    added: tuple[str, ...]


def ensure_table(conn: Connection, entity: Entity, fields: Iterable[Field]) -> Design:
    """Create the entity's table or add the columns that its field list needs, in one transaction.

    Nothing is dropped or rewritten: a field that vanished keeps its column, a field of another type gets a new one.
    Concurrent callers for one table wait for each other.
    """
    with conn.transaction():
        lock(conn, f"table {entity.table}")
        known = _known_columns(conn, entity.table)
        table = design(
            entity.name, entity.table, fields, key=entity.key, modified=entity.modified, known=known.values()
        )
        added = [column for column in table.columns if column.name not in known]
        if known:
            _add_columns(conn, table, added)
        else:
            _create(conn, table)
        _record(conn, table)
    return Design(table, tuple(column.name for column in added))


def existing_tables(conn: Connection) -> frozenset[str]:
    """The names of the mirror tables that were made so far."""
    return frozenset(row[0] for row in conn.execute("SELECT DISTINCT table_name FROM app.table_columns"))


def lock(conn: Connection, what: str) -> None:
    """Wait for the right to change one object's definition, until the end of the transaction."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('b24 ' || %s, 0))", (what,))


def identifier(table: Table | str) -> sql.Identifier:
    """The table's qualified, quoted name."""
    return sql.Identifier(SCHEMA, table if isinstance(table, str) else table.name)


def _known_columns(conn: Connection, table: str) -> dict[str, KnownColumn]:
    with conn.cursor(row_factory=class_row(KnownColumn)) as cursor:
        rows = cursor.execute(
            """SELECT column_name AS name, field_code, part, pg_type FROM app.table_columns
               WHERE table_name = %s ORDER BY position""",
            (table,),
        )
        return {row.name: row for row in rows}


def _create(conn: Connection, table: Table) -> None:
    columns = sql.SQL(", ").join(_definition(column) for column in table.columns)
    conn.execute(
        sql.SQL(
            """CREATE TABLE {table} ({columns}, _synced_at timestamptz NOT NULL DEFAULT now(),
               _deleted_at timestamptz, _extra jsonb, PRIMARY KEY ({key}))"""
        ).format(table=identifier(table), columns=columns, key=sql.Identifier(table.key))
    )


def _add_columns(conn: Connection, table: Table, columns: list[Column]) -> None:
    if not columns:
        return
    # Without a default, adding columns changes the catalogue only: no row is rewritten.
    additions = sql.SQL(", ").join(sql.SQL("ADD COLUMN ") + _definition(column) for column in columns)
    conn.execute(sql.SQL("ALTER TABLE {} {}").format(identifier(table), additions))


def _definition(column: Column) -> sql.Composed:
    return sql.SQL("{} {}").format(sql.Identifier(column.name), pg_type(column.pg_type))


_PG_TYPES: tuple[LiteralString, ...] = ("int8", "numeric", "text", "bool", "date", "timestamptz", "jsonb")


def pg_type(name: str) -> sql.SQL:
    """A PostgreSQL type of ours as SQL. Raises ``KeyError`` for any other text, so that none reaches a statement."""
    known = {text: sql.SQL(text) for text in _PG_TYPES} | {text + "[]": sql.SQL(text + "[]") for text in _PG_TYPES}
    return known[name]


def _record(conn: Connection, table: Table) -> None:
    """Keep what each column is for. A column whose field is gone stays, marked with the time it vanished."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO app.table_columns AS known (table_name, column_name, entity, field_code, part, pg_type,
                   field_type, multiple, title, status_type, position)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
               ON CONFLICT (table_name, column_name) DO UPDATE SET field_type = excluded.field_type,
                   multiple = excluded.multiple, title = excluded.title, status_type = excluded.status_type,
                   position = excluded.position, vanished_at = NULL
               WHERE (known.field_type, known.multiple, known.title, known.status_type, known.position,
                      known.vanished_at)
                   IS DISTINCT FROM (excluded.field_type, excluded.multiple, excluded.title, excluded.status_type,
                      excluded.position, NULL)""",
            [
                (
                    table.name,
                    column.name,
                    table.entity,
                    column.field.code,
                    column.part,
                    column.pg_type,
                    column.field.type,
                    column.field.multiple,
                    column.field.title.replace("\x00", ""),
                    column.field.status_type,
                    position,
                )
                for position, column in enumerate(table.columns)
            ],
        )
        cursor.execute(
            """UPDATE app.table_columns SET vanished_at = now()
               WHERE table_name = %s AND vanished_at IS NULL AND NOT column_name = ANY(%s)""",
            (table.name, [column.name for column in table.columns]),
        )

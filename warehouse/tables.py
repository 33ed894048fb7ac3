"""Mirror tables in schema ``bitrix``: created from fields, and only ever added to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, LiteralString

from psycopg import Connection, sql
from psycopg.rows import class_row

from bitrix.entities import Entity
from bitrix.fields import Field
from warehouse.columns import MAX_COLUMNS, SERVICE_COLUMNS, Column, KnownColumn, Table, design, storable
from warehouse.definition_locks import short_lock_waits
from warehouse.row_width import idle_bytes, may_be_too_wide
from warehouse.schema_changes import SchemaChange, field_changes, is_another, named

SCHEMA = "bitrix"
VIEW_SCHEMA = "crm"


Reason = Literal["full", "locked"]
"""Why a field has no column: the table has as many as PostgreSQL allows, or a reader held the table."""


@dataclass(frozen=True, slots=True)
class Design:
    """A table as it now is, the names of the columns that this call added, and what differs from the last call.

    ``unread``: rows that were copied before lack values of some fields, so all have to be read.
    """

    table: Table
    added: tuple[str, ...]
    changes: tuple[SchemaChange, ...] = ()
    unread: bool = False


def ensure_table(conn: Connection, entity: Entity, fields: Iterable[Field], *, locked: str = "") -> Design:
    """Create the entity's table or add the columns that its field list needs, in one transaction.

    Nothing is dropped or rewritten: a field that vanished keeps its column, a field of another type gets a new one.
    What somebody dropped by hand is made again. Fields beyond PostgreSQL's limit of columns are left out. With
    ``locked``, why the table cannot be changed now, none is added and all that have no column are left out. Concurrent
    callers for one table wait for each other.

    Raises ``psycopg.errors.LockNotAvailable`` when a reader holds the table; see ``warehouse.definition_locks``.
    """
    fields = list(fields)
    with conn.transaction():
        lock(conn, f"table {entity.table}")
        there = _columns_there(conn, entity.table)
        known = _known_columns(conn, entity.table, there)
        aside = _fields_aside(conn, entity.name)
        table = design(
            entity.name,
            entity.table,
            fields,
            key=entity.key,
            modified=entity.modified,
            known=known.values(),
            taken=there.taken,
            room=0 if locked and there.exists else there.room,
        )
        added = [column for column in table.columns if column.name not in known]
        if not there.exists:
            _create(conn, table)
        elif added:
            with short_lock_waits(conn):
                _add_columns(conn, table, added)
        changes = field_changes(known.values(), aside, fields, table) if known else []
        changes += _record_aside(conn, table, aside, locked)
        idle = sorted(known.keys() - {column.name for column in table.columns})
        if may_be_too_wide(len(table.columns) + len(idle)):
            table = replace(table, idle=idle_bytes(conn, table, identifier(table), idle))
        unread = _record(conn, table, known)
    return Design(table, tuple(column.name for column in added), tuple(changes), unread)


def existing_tables(conn: Connection) -> frozenset[str]:
    """The names of the mirror tables that were made so far."""
    rows = conn.execute(
        "SELECT DISTINCT table_name FROM app.table_columns WHERE to_regclass(format('%%I.%%I', %s::text, table_name))"
        " IS NOT NULL",
        (SCHEMA,),
    )
    return frozenset(row[0] for row in rows)


def lock(conn: Connection, what: str) -> None:
    """Wait for the right to change one object's definition, until the end of the transaction."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('b24 ' || %s, 0))", (what,))


def identifier(table: Table | str) -> sql.Identifier:
    """The table's qualified, quoted name."""
    return sql.Identifier(SCHEMA, table if isinstance(table, str) else table.name)


@dataclass(frozen=True, slots=True)
class _Existing:
    """What PostgreSQL has: whether the table is there, its columns, names that a new column must not take (columns of
    the table and of its view), and how many columns more there may be."""

    exists: bool
    columns: frozenset[str]
    taken: frozenset[str]
    room: int


def _columns_there(conn: Connection, table: str) -> _Existing:
    rows = conn.execute(
        """SELECT attrelid = to_regclass(%(table)s), attname, attisdropped FROM pg_attribute
           WHERE attrelid IN (to_regclass(%(table)s), to_regclass(%(view)s)) AND attnum > 0""",
        {"table": f"{SCHEMA}.{table}", "view": f"{VIEW_SCHEMA}.{table}"},
    ).fetchall()
    of_table = [(name, dropped) for own, name, dropped in rows if own]
    columns = frozenset(name for name, dropped in of_table if not dropped)
    taken = frozenset(name for _, name, dropped in rows if not dropped)
    used = len(of_table) or len(SERVICE_COLUMNS)
    return _Existing(bool(of_table), columns, taken, MAX_COLUMNS - used)


def _known_columns(conn: Connection, table: str, there: _Existing) -> dict[str, KnownColumn]:
    """The columns that were made for fields. Those that somebody dropped since are forgotten."""
    with conn.cursor(row_factory=class_row(KnownColumn)) as cursor:
        rows = cursor.execute(
            """SELECT column_name AS name, field_code, part, pg_type, field_type, multiple, title,
                   vanished_at IS NOT NULL AS vanished, status_type, position, field_id
               FROM app.table_columns WHERE table_name = %s ORDER BY vanished_at NULLS LAST, position, column_name""",
            (table,),
        ).fetchall()
    gone = [row.name for row in rows if row.name not in there.columns]
    if gone:
        conn.execute("DELETE FROM app.table_columns WHERE table_name = %s AND column_name = ANY(%s)", (table, gone))
    return {row.name: row for row in rows if row.name in there.columns}


def _fields_aside(conn: Connection, entity: str) -> dict[str, str]:
    """The reasons why fields have no column, by field code."""
    rows = conn.execute("SELECT field_code, reason FROM app.fields_without_column WHERE entity = %s", (entity,))
    return dict(rows.fetchall())


def _create(conn: Connection, table: Table) -> None:
    columns = sql.SQL(", ").join(_definition(column) for column in table.columns)
    conn.execute(
        sql.SQL(
            """CREATE TABLE {table} ({columns}, _synced_at timestamptz NOT NULL DEFAULT now(),
               _deleted_at timestamptz, _extra jsonb, PRIMARY KEY ({key}))"""
        ).format(table=identifier(table), columns=columns, key=sql.Identifier(table.key))
    )


def _add_columns(conn: Connection, table: Table, columns: list[Column]) -> None:
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


def _record(conn: Connection, table: Table, known: Mapping[str, KnownColumn]) -> bool:
    """Keep what each column is for; nothing is written where nothing changed. A column whose field is gone stays,
    marked with the time it vanished.

    Answers whether rows have to be read for columns that are new or whose field was away.
    """
    rows = [_row(column, position) for position, column in enumerate(table.columns)]
    with conn.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO app.table_columns AS known (table_name, entity, column_name, field_code, part, pg_type,
                   field_type, multiple, title, status_type, position, field_id, unread)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
               ON CONFLICT (table_name, column_name) DO UPDATE SET field_type = excluded.field_type,
                   multiple = excluded.multiple, title = excluded.title, status_type = excluded.status_type,
                   position = excluded.position, field_id = excluded.field_id, vanished_at = NULL,
                   unread = known.unread OR excluded.unread""",
            [
                (
                    *(table.name, table.entity, row.name, row.field_code, row.part, row.pg_type, row.field_type),
                    *(row.multiple, row.title, row.status_type, row.position, row.field_id),
                    _needs_reading(row, known.get(row.name)),
                )
                for row in rows
                if row != known.get(row.name)
            ],
        )
    there = {row.name for row in rows}
    gone = [row.name for row in known.values() if not row.vanished and row.name not in there]
    if gone:
        conn.execute(
            "UPDATE app.table_columns SET vanished_at = now() WHERE table_name = %s AND column_name = ANY(%s)",
            (table.name, gone),
        )
    waits = conn.execute(
        """SELECT EXISTS (SELECT FROM app.table_columns WHERE table_name = %s AND vanished_at IS NULL AND unread)
               OR EXISTS (SELECT FROM app.fields_without_column WHERE entity = %s AND unread)""",
        (table.name, table.entity),
    ).fetchone()
    if any(_needs_reading(row, known.get(row.name)) for row in rows):
        # A full sync that did not end has read rows without these fields.
        conn.execute("DELETE FROM app.full_syncs WHERE entity = %s", (table.entity,))
    return bool(waits and waits[0])


def _needs_reading(now: KnownColumn, before: KnownColumn | None) -> bool:
    """Whether rows lack what a column is to hold: it is new, its field was away or is another one under the same code,
    or its values are read otherwise."""
    if before is None or before.vanished or is_another(before.field_id, now.field_id):
        return True
    return (before.field_type, before.multiple) != (now.field_type, now.multiple)


def _row(column: Column, position: int) -> KnownColumn:
    field = column.field
    return KnownColumn(
        name=column.name,
        field_code=storable(field.code),
        part=column.part,
        pg_type=column.pg_type,
        field_type=storable(field.type),
        multiple=field.multiple,
        title=storable(field.title),
        status_type=field.status_type and storable(field.status_type),
        position=position,
        field_id=field.id,
    )


def _record_aside(conn: Connection, table: Table, aside: Mapping[str, str], locked: str) -> list[SchemaChange]:
    """Keep which fields have no column; answers those of which nobody was told."""
    reason: Reason = "locked" if locked else "full"
    left_out = {storable(field.code): field for field in table.left_out}
    if not left_out and not aside:
        return []
    conn.execute(
        "DELETE FROM app.fields_without_column WHERE entity = %s AND NOT field_code = ANY(%s)",
        (table.entity, list(left_out)),
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO app.fields_without_column AS known (entity, field_code, title, reason, unread)
               VALUES (%s, %s, %s, %s, %s) ON CONFLICT (entity, field_code) DO UPDATE SET title = excluded.title,
                   reason = excluded.reason,
                   unread = known.unread OR known.reason <> excluded.reason AND excluded.unread""",
            [(table.entity, code, storable(field.title), reason, reason == "full") for code, field in left_out.items()],
        )
    why = (
        f"{SCHEMA}.{table.name} has as many columns as PostgreSQL allows, {MAX_COLUMNS:,} with those that were dropped."
    )
    if locked:
        why = f"{locked} The next sync tries again."
    return [
        SchemaChange(
            "field without column",
            code,
            f"{named(code, field.title)} has no column, its values are in _extra. {why}",
        )
        for code, field in left_out.items()
        if aside.get(code) != reason
    ]

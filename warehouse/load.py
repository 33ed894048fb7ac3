"""Rows into a mirror table: binary COPY to a staging table, then one merge that writes only what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from psycopg import Connection, sql

from warehouse.columns import Table
from warehouse.convert import Record, Unit
from warehouse.copy_format import HEADER, TRAILER
from warehouse.tables import identifier, pg_type


@dataclass(slots=True)
class Merge:
    """What became of the rows of one unit."""

    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    cells_nulled: int = 0

    def add(self, other: Merge) -> None:
        """Add another unit's counts to this one."""
        self.fetched += other.fetched
        self.inserted += other.inserted
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.deleted += other.deleted
        self.cells_nulled += other.cells_nulled


def merge(conn: Connection, table: Table, unit: Unit, *, since: datetime | None = None) -> Merge:
    """Upsert one unit of rows. The caller owns the transaction, so that progress commits with the rows.

    Rows equal to what is stored are not written. A row that was marked as deleted is live again. A row whose
    modification time is older than the stored one does not overwrite it, if that was written at ``since`` (the
    database's clock) or later: answers of one sync may cross. What an earlier sync wrote is older than any answer,
    whatever the times say: an import or a portal's clock may set them back.
    """
    result = Merge(fetched=unit.fetched, cells_nulled=len(unit.issues))
    if records := _unlike_stored(conn, table, unit.records):
        staging = _stage(conn, table, records)
        result.inserted, result.updated = _merge_staged(conn, table, staging, since)
    result.unchanged = result.fetched - result.inserted - result.updated
    return result


def _unlike_stored(conn: Connection, table: Table, records: Mapping[Any, Record]) -> list[Record]:
    """The records that are not stored byte for byte as they are.

    Most rows of most syncs did not change. To read them costs half of what it costs to send them, and nothing is
    written, not even PostgreSQL's catalogs. The same number or JSON may be stored in other bytes: the merge knows.
    """
    if not records:
        return []
    statement = sql.SQL("COPY (SELECT {} FROM {} WHERE {} AND _deleted_at IS NULL) TO STDOUT (FORMAT binary)").format(
        sql.SQL(", ").join(copied_columns(table)), identifier(table), _keys(table, list(records))
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        messages = map(bytes, copy)  # a row each; the first one begins with the header
        stored = {next(messages, b"").removeprefix(HEADER), *messages}
    return [record for record in records.values() if record.data not in stored]


def _keys(table: Table, keys: list[Any]) -> sql.Composed:
    """A condition that holds for the rows with these keys, and perhaps for some between them: ids that lie close
    together are a range, which is quicker to plan and to read than a list."""
    key = next(column for column in table.columns if column.name == table.key)
    low, high = min(keys), max(keys)
    if isinstance(low, int) and high - low < 2 * len(keys):
        return sql.SQL("{} BETWEEN {} AND {}").format(sql.Identifier(key.name), low, high)
    return sql.SQL("{} = ANY({}::{}[])").format(sql.Identifier(key.name), sql.Literal(keys), pg_type(key.pg_type))


_ROWS_AT_ONCE = 200
"""Rows in one message to the server: enough that messages cost nothing, few enough that copies of them do not."""


def _stage(conn: Connection, table: Table, records: Iterable[Record]) -> sql.Identifier:
    """Copy the records to a temporary table; answers its name.

    A temporary table writes no WAL, and a killed process leaves nothing behind. It is kept for the connection's later
    units: making one writes sixty rows to PostgreSQL's catalogs, and those do write WAL. Its name stands for its
    columns, so a table that gained some gets another one.
    """
    columns = sql.SQL(", ").join(copied_columns(table))
    shape = repr((table.name, [(column.name, column.pg_type) for column in table.columns]))
    staging = sql.Identifier("pg_temp", f"staging_{hashlib.sha256(shape.encode()).hexdigest()[:16]}")
    found = conn.execute("SELECT to_regclass(%s)", (staging.as_string(conn),)).fetchone()
    if found == (None,):
        conn.execute(
            sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DELETE ROWS AS SELECT {} FROM {} WITH NO DATA").format(
                staging, columns, identifier(table)
            )
        )
    else:
        conn.execute(sql.SQL("DELETE FROM {}").format(staging))  # several units may share a transaction
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(staging, columns)
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(HEADER)
        for part in _parts((record.data for record in records), _ROWS_AT_ONCE):
            copy.write(b"".join(part))
        copy.write(TRAILER)
    return staging


def _parts(rows: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    rest = iter(rows)
    while part := list(islice(rest, size)):
        yield part


def _merge_staged(conn: Connection, table: Table, staging: sql.Identifier, since: datetime | None) -> tuple[int, int]:
    """``(inserted, updated)``. Unchanged rows are sorted out by comparing whole rows before anything is written."""
    columns = copied_columns(table)
    key = sql.Identifier(table.key)
    newer: sql.Composable = sql.SQL("true")
    if table.modified:
        newer = sql.SQL(
            "(t.{m} IS NULL OR excluded.{m} IS NULL OR excluded.{m} >= t.{m} OR t._synced_at < {since})"
        ).format(m=sql.Identifier(table.modified), since=sql.Literal(since))
    statement = sql.SQL(
        """WITH written AS (
             INSERT INTO {target} AS t ({columns})
             SELECT {staged} FROM {staging} s LEFT JOIN {target} t ON t.{key} = s.{key}
             WHERE t.{key} IS NULL OR t._deleted_at IS NOT NULL OR ROW({staged}) IS DISTINCT FROM ROW({stored})
             ON CONFLICT ({key}) DO UPDATE SET {assignments}, _synced_at = now(), _deleted_at = NULL WHERE {newer}
             RETURNING xmax = 0 AS inserted)
           SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted) FROM written"""
    ).format(
        target=identifier(table),
        staging=staging,
        columns=sql.SQL(", ").join(columns),
        staged=sql.SQL(", ").join(sql.SQL("s.{}").format(column) for column in columns),
        stored=sql.SQL(", ").join(sql.SQL("t.{}").format(column) for column in columns),
        assignments=sql.SQL(", ").join(sql.SQL("{c} = excluded.{c}").format(c=column) for column in columns),
        key=key,
        newer=newer,
    )
    # Planned each time: a plan that is kept from when the table was empty would read all of it for each unit.
    row = conn.execute(statement, prepare=False).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def copied_columns(table: Table) -> list[sql.Identifier]:
    """The columns that a record holds, in its order."""
    return [*(sql.Identifier(column.name) for column in table.columns), sql.Identifier("_extra")]

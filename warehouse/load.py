"""Rows into a mirror table: binary COPY to a staging table, then one merge that writes only what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

from warehouse.columns import JSONB, Table
from warehouse.tables import identifier
from warehouse.values import Converter, Unfit, converter, to_json

VALUE_CAP = 500
"""Characters of a refused value that are kept."""

Record = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class CellIssue:
    """A value that did not fit: the cell became NULL, this says what it was."""

    row_id: str
    field: str
    value: str
    reason: str


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


@dataclass(slots=True)
class Unit:
    """Converted rows to be written in one transaction: records by key, in the order of the columns plus ``_extra``."""

    records: dict[Any, Record] = field(default_factory=dict)
    issues: list[CellIssue] = field(default_factory=list)
    fetched: int = 0
    done: list[tuple[int, int]] = field(default_factory=list)
    """Closed ranges of ids that these rows complete."""


class RowConverter:
    """Turns raw rows of one table into records. Pure computation, no database."""

    def __init__(self, table: Table) -> None:
        converters = [(column.field.code, converter(column)) for column in table.columns]
        self._cells = [(code, _Memo(convert), convert) for code, convert in converters]
        names = [column.name for column in table.columns]
        self._codes = table.codes
        self._key = names.index(table.key)
        self._key_code = table.columns[self._key].field.code
        self._modified = names.index(table.modified) if table.modified else None

    def convert(self, rows: Iterable[Mapping[str, Any]], unit: Unit) -> None:
        """Add rows to a unit. Of several with one key the newest stays; a row without a key becomes an issue."""
        for row in rows:
            unit.fetched += 1
            record = self._record(row, unit.issues)
            key = record[self._key]
            if key is None:
                unit.issues.append(_issue(row.get(self._key_code), self._key_code, row, "row without a usable key"))
            elif not self._is_stale(record, unit.records.get(key)):
                unit.records[key] = record

    def _record(self, row: Mapping[str, Any], issues: list[CellIssue]) -> Record:
        get = row.get
        cells: list[Any] = []
        for code, memo, convert in self._cells:
            value = get(code)
            if value is None:
                cells.append(None)
                continue
            try:
                cells.append(memo[value] if type(value) is str else convert(value))
            except Unfit as error:
                cells.append(None)
                issues.append(_issue(get(self._key_code), code, value, str(error)))
        extra = None if row.keys() <= self._codes else {key: row[key] for key in row.keys() - self._codes}
        cells.append(to_json(extra) if extra else None)
        return tuple(cells)

    def _is_stale(self, record: Record, other: Record | None) -> bool:
        if other is None or self._modified is None:
            return False
        mine, theirs = record[self._modified], other[self._modified]
        return mine is not None and theirs is not None and mine < theirs


class _Memo(dict[str, Any]):
    """Converted values of one column by their text. Most cells of a CRM repeat: flags, ids of people, codes, days."""

    ENTRIES, TEXT = 4096, 40

    def __init__(self, convert: Converter) -> None:
        super().__init__()
        self._convert = convert

    def __missing__(self, text: str) -> Any:
        value = self._convert(text)
        if len(text) <= self.TEXT and len(self) < self.ENTRIES:
            self[text] = value
        return value


def merge(conn: Connection, table: Table, unit: Unit, *, since: datetime | None = None) -> Merge:
    """Upsert one unit of rows. The caller owns the transaction, so that progress commits with the rows.

    Rows equal to what is stored are not written. A row that was marked as deleted is live again. A row whose
    modification time is older than the stored one does not overwrite it, if that was written at ``since`` (the
    database's clock) or later: answers of one sync may cross. What an earlier sync wrote is older than any answer,
    whatever the times say: an import or a portal's clock may set them back.
    """
    result = Merge(fetched=unit.fetched, cells_nulled=len(unit.issues))
    if unit.records:
        _stage(conn, table, unit.records.values())
        result.inserted, result.updated = _merge_staged(conn, table, since)
    result.unchanged = result.fetched - result.inserted - result.updated
    return result


def copy_binary(conn: Connection, target: sql.Composable, table: Table, records: Iterable[Record]) -> None:
    """``COPY … FROM STDIN (FORMAT binary)`` of records in the order of the table's columns plus ``_extra``."""
    columns = sql.SQL(", ").join(_columns(table))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(target, columns)
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([*(column.pg_type for column in table.columns), JSONB])
        for record in records:
            copy.write_row(record)


_STAGING = sql.Identifier("pg_temp", "staging")


def _stage(conn: Connection, table: Table, records: Iterable[Record]) -> None:
    # A temporary table writes no WAL, and a killed process leaves nothing behind.
    conn.execute(
        sql.SQL("CREATE TEMPORARY TABLE staging ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            sql.SQL(", ").join(_columns(table)), identifier(table)
        )
    )
    copy_binary(conn, _STAGING, table, records)


def _merge_staged(conn: Connection, table: Table, since: datetime | None) -> tuple[int, int]:
    """``(inserted, updated)``. Unchanged rows are sorted out by comparing whole rows before anything is written."""
    columns = _columns(table)
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
        staging=_STAGING,
        columns=sql.SQL(", ").join(columns),
        staged=sql.SQL(", ").join(sql.SQL("s.{}").format(column) for column in columns),
        stored=sql.SQL(", ").join(sql.SQL("t.{}").format(column) for column in columns),
        assignments=sql.SQL(", ").join(sql.SQL("{c} = excluded.{c}").format(c=column) for column in columns),
        key=key,
        newer=newer,
    )
    row = conn.execute(statement).fetchone()
    conn.execute("DROP TABLE pg_temp.staging")  # several units may share a transaction
    return (row[0], row[1]) if row else (0, 0)


def _columns(table: Table) -> list[sql.Identifier]:
    return [*(sql.Identifier(column.name) for column in table.columns), sql.Identifier("_extra")]


def _issue(row_id: Any, code: str, value: Any, reason: str) -> CellIssue:
    shown = to_json(value)
    text = shown.obj.decode() if isinstance(shown, Jsonb) else ""
    return CellIssue(str(row_id), code, text[:VALUE_CAP], reason)

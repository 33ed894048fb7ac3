"""Raw rows of a portal as rows of a mirror table: what fits, what does not, and what no column holds."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from warehouse.columns import BIGINT, Column, Table
from warehouse.copy_format import NULL, PageEncoder, json_cells, rows_of, whole_numbers
from warehouse.row_width import may_be_too_wide, surplus
from warehouse.values import Unfit, converter, to_json

TOO_WIDE = "the row is wider than a page of PostgreSQL, 8 kB: this value is in _extra"

_EMPTY: tuple[Any, ...] = (None, "", False, [])

_PAGE = 50
"""Rows that are converted together: few enough to stay in the processor's cache."""

VALUE_CAP = 500
"""Characters of a refused value that are kept."""


@dataclass(frozen=True, slots=True)
class CellIssue:
    """A value that did not fit: the cell became NULL, this says what it was."""

    row_id: str
    field: str
    value: str
    reason: str


class Record(NamedTuple):
    """One row, ready: ``data`` is a row of a binary COPY in the order of the columns plus ``_extra``; ``modified`` is
    its time of change as the portal prints it, for it is seldom asked for."""

    data: bytes
    modified: Any


@dataclass(slots=True)
class Unit:
    """Converted rows to be written in one transaction, by key."""

    records: dict[Any, Record] = field(default_factory=dict)
    issues: list[CellIssue] = field(default_factory=list)
    fetched: int = 0


class RowConverter:
    """Turns raw rows of one table into records. Pure computation, no database."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._wide = may_be_too_wide(len(table.columns)) or bool(table.idle)
        self._encoder = PageEncoder(table.columns)
        self._extra = json_cells(to_json)
        self._codes = [column.field.code for column in table.columns]
        self._left_out = frozenset(field.code for field in table.left_out)
        by_name = {column.name: at for at, column in enumerate(table.columns)}
        self._key_at = by_name[table.key]
        self._modified_at = by_name[table.modified] if table.modified else None
        self._key = _Reader(table.columns[self._key_at])
        self._modified = None if self._modified_at is None else _Reader(table.columns[self._modified_at])

    def convert(self, rows: Sequence[Mapping[str, Any]], unit: Unit) -> list[bytes]:
        """Add rows to a unit, and answer their data. Of several with one key the newest stays in the unit; a row
        without a key becomes an issue."""
        added: list[bytes] = []
        for start in range(0, len(rows), _PAGE):
            added += self._page(rows[start : start + _PAGE], unit)
        return added

    def _page(self, rows: Sequence[Mapping[str, Any]], unit: Unit) -> list[bytes]:
        unit.fetched += len(rows)
        values, extras = self._columns(rows)
        raw_keys = values[self._key_at]
        keys = self._key.values(raw_keys)
        cells = self._encoder.columns(values)
        for row, *refused in sorted(self._encoder.refused, key=itemgetter(0)):
            unit.issues.append(_issue(raw_keys[row], *refused))
        if self._wide:
            unit.issues += self._make_room(rows, keys, cells, extras)
        cells.append(self._extra.page(extras))
        modified = repeat(None) if self._modified_at is None else values[self._modified_at]
        data = rows_of(cells)
        records = list(map(Record, data, modified))
        if None in keys or len(set(keys)) < len(keys) or not unit.records.keys().isdisjoint(keys):
            return self._one_by_one(rows, keys, records, unit)
        unit.records.update(zip(keys, records, strict=True))
        return data

    def _columns(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Sequence[Any]], list[Any]]:
        """The values of each column, and what no column holds of each row."""
        codes = list(rows[0])
        named = self._table.codes
        values: list[Sequence[Any]]
        if all(list(row) == codes for row in rows):  # as a rule; then a code's values stand in one place of each row
            by_code = dict(zip(codes, zip(*(row.values() for row in rows), strict=True), strict=True))
            nothing = (None,) * len(rows)
            values = [by_code.get(code, nothing) for code in self._codes]
            if named.issuperset(codes):
                return values, [None] * len(rows)
        else:
            values = [[row.get(code) for row in rows] for code in self._codes]
        return values, [None if row.keys() <= named else self._beside(row) for row in rows]

    def _beside(self, row: Mapping[str, Any]) -> dict[str, Any] | None:
        """What no column holds: keys that the field list does not name, and values of fields without a column."""
        unnamed = row.keys() - self._table.codes
        return {code: row[code] for code in unnamed if code not in self._left_out or row[code] not in _EMPTY} or None

    def _make_room(
        self, rows: Sequence[Mapping[str, Any]], keys: list[Any], cells: list[list[bytes]], extras: list[Any]
    ) -> list[CellIssue]:
        """Move to ``extras`` what is too much for a page of PostgreSQL."""
        issues = []
        for at, row in enumerate(rows):
            codes = surplus(self._table, [None if cell[at] == NULL else cell[at][4:] for cell in cells], keys[at])
            if codes:
                issues += [_issue(row.get(self._key.code), code, row[code], TOO_WIDE) for code in codes]
                extras[at] = (extras[at] or {}) | {code: row[code] for code in codes}
                for code, column in zip(self._codes, cells, strict=True):
                    if code in codes:
                        column[at] = NULL
        return issues

    def _one_by_one(
        self, rows: Sequence[Mapping[str, Any]], keys: list[Any], records: list[Record], unit: Unit
    ) -> list[bytes]:
        """Add records of which some have no key, or one that another has, too."""
        added = []
        for row, key, record in zip(rows, keys, records, strict=True):
            if key is None:
                unit.issues.append(_issue(row.get(self._key.code), self._key.code, row, "row without a usable key"))
            elif key not in unit.records or not self._is_stale(record, unit.records[key]):
                unit.records[key] = record
                added.append(record.data)
        return added

    def _is_stale(self, record: Record, other: Record) -> bool:
        if self._modified is None:
            return False
        mine, theirs = self._modified.value(record.modified), self._modified.value(other.modified)
        return mine is not None and theirs is not None and bool(mine < theirs)


class _Reader:
    """Reads one column's values as Python values."""

    def __init__(self, column: Column) -> None:
        self.code = column.field.code
        self._convert = converter(column)
        self._whole = column.pg_type == BIGINT

    def values(self, raw: Sequence[Any]) -> list[Any]:
        """Raw values as the column's Python values, None where one does not fit: the column's cells say so."""
        if self._whole:
            with contextlib.suppress(TypeError, ValueError):
                return whole_numbers(raw)
        return list(map(self.value, raw))

    def value(self, raw: Any) -> Any:
        """One raw value, like ``values``."""
        try:
            return None if raw is None else self._convert(raw)
        except Unfit:
            return None


def _issue(row_id: Any, code: str, value: Any, reason: str) -> CellIssue:
    shown = to_json(value)
    text = shown.obj.decode() if isinstance(shown, Jsonb) else ""
    return CellIssue(str(row_id), code, text[:VALUE_CAP], reason)

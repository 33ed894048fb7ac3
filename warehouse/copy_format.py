"""Values as cells of PostgreSQL's binary COPY format.

Most cells of a CRM repeat (flags, ids of people, codes, days), and the portal sends nearly all of them as text. So each
column keeps a table of what its texts become; a row is a look-up for each column, and only what is new is converted.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import getitem
from typing import Any, NamedTuple, Protocol

from psycopg import adapters
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import Format

from warehouse.columns import BIGINT, JSONB, TIMESTAMP, Column
from warehouse.values import Converter, Unfit, converter

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""What a binary COPY begins with: signature, no flags, no extension
(https://www.postgresql.org/docs/current/sql-copy.html)."""
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"

_REMEMBERED, _SHORT, _FEW = 4096, 40, 8
"""How many values of a column are remembered, how many characters they may have, and how many items a list: bounds the
memory."""

_length = struct.Struct("!i").pack
_eight_bytes = struct.Struct("!iq").pack
_count = struct.Struct("!h").pack


class Refusal(NamedTuple):
    """A value that did not fit, so that its cell became NULL."""

    code: str
    value: Any
    reason: str


class Cells(Protocol):
    """The cells of one column by raw value: ``cells[value]`` is a length and bytes, or NULL. Raises ``TypeError`` for
    lists and objects in a column of single values: those ask ``cell``."""

    def __getitem__(self, value: Any, /) -> bytes: ...

    def cell(self, value: Any, /) -> bytes: ...


class RowEncoder:
    """Encodes rows of one table. ``refused`` holds what did not fit of the last one."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self.refused: list[Refusal] = []
        self._columns: list[Cells] = [
            cells_of(column.field.code, converter(column), column.pg_type, self.refused) for column in columns
        ]

    def cells(self, values: Iterable[Any]) -> list[bytes]:
        """The cells of a row, given a value for each column."""
        self.refused.clear()
        values = tuple(values)
        try:
            return list(map(getitem, self._columns, values))
        except TypeError:
            self.refused.clear()
            return [column.cell(value) for column, value in zip(self._columns, values, strict=True)]


def cells_of(code: str, convert: Converter, pg_type: str, refused: list[Refusal]) -> Cells:
    """The cells of the column of a field. ``convert`` makes a raw value into a Python value or raises Unfit, which
    ``refused`` gains."""
    encode = _Encode(code, convert, pg_type, refused)
    if pg_type == JSONB or pg_type.endswith("[]"):
        return _Many(encode)
    return {BIGINT: _Numbers, TIMESTAMP: _Moments}.get(pg_type, _Single)(encode)


def row_of(cells: Sequence[bytes]) -> bytes:
    """A row of a COPY from its cells."""
    return _count(len(cells)) + b"".join(cells)


class _Encode:
    """Converts and encodes a raw value: what psycopg would send for it."""

    def __init__(self, code: str, convert: Converter, pg_type: str, refused: list[Refusal]) -> None:
        self._code = code
        self._convert = convert
        transformer = Transformer()
        transformer.set_dumper_types([adapters.types.get_oid(pg_type)], Format.BINARY)
        self._dump: Callable[..., Sequence[Any]] = transformer.dump_sequence
        self._refused = refused

    def __call__(self, value: Any) -> tuple[bytes, bool]:
        """The cell, and whether the value fits."""
        try:
            converted = self._convert(value)
        except Unfit as error:
            self._refused.append(Refusal(self._code, value, str(error)))
            return NULL, False
        if converted is None:
            return NULL, True
        cell = self._dump((converted,), _BINARY)[0]
        return _length(len(cell)) + cell, True


_BINARY = (PyFormat.BINARY,)


class _Single(dict[Any, bytes]):
    """Cells of a column of single values: only texts are remembered, for 1, 1.0 and true are equal in Python."""

    def __init__(self, encode: _Encode) -> None:
        super().__init__({None: NULL})
        self._encode = encode

    def __missing__(self, value: Any) -> bytes:
        cell, fits = self._encode(value)
        if fits and type(value) is str and len(value) <= _SHORT and len(self) < _REMEMBERED:
            self[value] = cell
        return cell

    def cell(self, value: Any) -> bytes:
        """Like ``self[value]``, of any value."""
        return self[value] if value is None or type(value) is str else self.__missing__(value)


class _Numbers(_Single):
    """Cells of whole numbers. Ids differ from row to row, so what is new is quick, too."""

    def __missing__(self, value: Any) -> bytes:
        if type(value) is not str or len(value) > _DIGITS or not value.isdecimal():
            return super().__missing__(value)
        number = int(value)
        if not number:
            return super().__missing__(value)  # it may mean "none"
        cell = _eight_bytes(8, number)
        if len(self) < _REMEMBERED:
            self[value] = cell
        return cell


_DIGITS = 18
"""So many digits fit into 64 bits, whatever they are."""


class _Moments(_Single):
    """Cells of moments. They hardly ever repeat, but their days do: what is remembered is when a day began."""

    def __init__(self, encode: _Encode) -> None:
        super().__init__(encode)
        self[""] = NULL
        self._days: dict[str, int] = {}

    def __missing__(self, value: Any) -> bytes:
        try:
            # 2026-03-01T | 10:15: | 30 | +03:00
            begin = self._days[value[:11] + value[19:]]
            return _eight_bytes(8, begin + _MINUTES[value[11:17]] + _SECONDS[value[17:19]])
        except (KeyError, TypeError):
            return self._learn(value)

    def _learn(self, value: Any) -> bytes:
        """The cell of a moment of another day, or of what is no moment."""
        cell, fits = self._encode(value)
        plain = type(value) is str and value[11:17] in _MINUTES and value[17:19] in _SECONDS
        if fits and cell != NULL and plain and _DECADES[0] < value[:4] < _DECADES[1] and len(self._days) < _REMEMBERED:
            since_midnight = _MINUTES[value[11:17]] + _SECONDS[value[17:19]]
            self._days[value[:11] + value[19:]] = int.from_bytes(cell[4:], signed=True) - since_midnight
        return cell


_MINUTES = {f"{hour:02}:{minute:02}:": (hour * 60 + minute) * 60_000_000 for hour in range(24) for minute in range(60)}
_SECONDS = {f"{second:02}": second * 1_000_000 for second in range(60)}
"""Microseconds since midnight and since the minute."""
_DECADES = "1000", "9000"
"""Days in other years are not remembered: at the ends of the calendar some of their moments do not fit."""


class _Many:
    """Cells of a column of lists or of anything. Short lists repeat, too."""

    def __init__(self, encode: _Encode) -> None:
        self._known: dict[Hashable, bytes] = {None: NULL}
        self._encode = encode

    def __getitem__(self, value: Any) -> bytes:
        key = _known_as(value)
        if key in self._known:
            return self._known[key]
        cell, fits = self._encode(value)
        if fits and key is not _NEVER and len(self._known) < _REMEMBERED:
            self._known[key] = cell
        return cell

    cell = __getitem__


_NEVER, _FALSE = object(), object()
"""In place of the keys of a value that is not remembered, and of PHP's "no value", which is equal to 0."""
_ONE_KIND: tuple[set[type], ...] = (set(), {str}, {int})


def _known_as(value: Any) -> Hashable:
    if type(value) is list:
        return tuple(value) if len(value) <= _FEW and set(map(type, value)) in _ONE_KIND else _NEVER
    return _FALSE if value is False else None if value is None else _NEVER

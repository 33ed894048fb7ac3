"""Values as cells of PostgreSQL's binary COPY format, a page of rows at a time.

Most cells of a CRM repeat (flags, ids of people, codes, days), and the portal sends nearly all of them as text. So each
column keeps a table of what its texts become, and only what is new is converted. A page goes column by column, so that
a column's table, and what converts its new values, meets fifty of them in a row and in loops that are not Python's.
"""

from __future__ import annotations

import contextlib
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import repeat
from operator import add, itemgetter
from typing import Any, NamedTuple

from psycopg import adapters
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import Format

from warehouse.columns import JSONB, Column
from warehouse.values import (
    Converter,
    Unfit,
    converter,
    single_converter,
    to_file_id,
    to_integer,
    to_number,
    to_reference,
    to_text,
    to_timestamp,
)

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""What a binary COPY begins with: signature, no flags, no extension
(https://www.postgresql.org/docs/current/sql-copy.html)."""
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"

_REMEMBERED, _SHORT, _FEW = 4096, 40, 8
"""About how many values of a column are remembered, how many characters they may have, and how many items a list:
bounds the memory."""

_length = struct.Struct("!i").pack
_eight_bytes = struct.Struct("!iq").pack
_count = struct.Struct("!h").pack


class Refusal(NamedTuple):
    """A value that did not fit, so that its cell became NULL. ``row`` is its place on the page."""

    row: int
    code: str
    value: Any
    reason: str


class PageEncoder:
    """Encodes pages of one table's rows. ``refused`` holds what did not fit of the last one."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self.refused: list[Refusal] = []
        self._columns = [_column_cells(column, self.refused) for column in columns]

    def columns(self, values: Iterable[Sequence[Any]]) -> list[list[bytes]]:
        """The cells of each column, given its values."""
        self.refused.clear()
        return [cells.page(page) for cells, page in zip(self._columns, values, strict=True)]


def _column_cells(column: Column, refused: list[Refusal]) -> Cells:
    encode = _Encode(column.field.code, converter(column), column.pg_type, refused)
    if column.pg_type == JSONB or column.is_array:
        return _Many(encode)
    return _BY_CONVERTER.get(single_converter(column), _Single)(encode)


def json_cells(convert: Converter) -> Cells:
    """The cells of values that are no field's, as jsonb. ``convert`` takes whatever comes."""
    return _Many(_Encode("", convert, JSONB, []))


def rows_of(columns: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Rows of a COPY from the cells of all their columns."""
    return list(map(b"".join, zip(repeat(_count(len(columns))), *columns, strict=False)))


class _Encode:
    """Converts and encodes a raw value: what psycopg would send for it."""

    def __init__(self, code: str, convert: Converter, pg_type: str, refused: list[Refusal]) -> None:
        self._code = code
        self._convert = convert
        transformer = Transformer()
        transformer.set_dumper_types([adapters.types.get_oid(pg_type)], Format.BINARY)
        self._dump: Callable[..., Sequence[Any]] = transformer.dump_sequence
        self._refused = refused

    def __call__(self, row: int, value: Any) -> tuple[bytes, bool]:
        """The cell, and whether the value fits."""
        try:
            converted = self._convert(value)
        except Unfit as error:
            self._refused.append(Refusal(row, self._code, value, str(error)))
            return NULL, False
        if converted is None:
            return NULL, True
        cell = self._dump((converted,), _BINARY)[0]
        return _length(len(cell)) + cell, True


_BINARY = (PyFormat.BINARY,)


class Cells(ABC):
    """The cells of one column: a length and bytes each, or NULL."""

    def __init__(self, encode: _Encode) -> None:
        self._encode = encode
        self._known: dict[Hashable, bytes] = {None: NULL}

    @abstractmethod
    def page(self, values: Sequence[Any]) -> list[bytes]:
        """The cells of a page's values."""


class _Single(Cells):
    """Cells of a column of single values: only texts are remembered, for 1, 1.0 and true are equal in Python."""

    def __init__(self, encode: _Encode) -> None:
        super().__init__(encode)
        self._known[""] = NULL

    def page(self, values: Sequence[Any]) -> list[bytes]:
        try:
            try:
                return list(map(self._known.__getitem__, values))
            except KeyError:  # some are new
                cells: list[Any] = list(map(self._known.get, values))
        except TypeError:  # a list or an object cannot be looked up
            return [self._one(row, value) for row, value in enumerate(values)]
        new = [row for row, cell in enumerate(cells) if cell is None]
        for row, cell in zip(new, self._new(new, [values[row] for row in new]), strict=True):
            cells[row] = cell
        return cells

    def _new(self, rows: Sequence[int], values: Sequence[Any]) -> list[bytes]:
        """The cells of values that are not known, which stand in these rows of the page."""
        return list(map(self._one, rows, values))

    def _one(self, row: int, value: Any) -> bytes:
        text = type(value) is str
        if text and value in self._known:  # it is new to this page, but not for the first time on it
            return self._known[value]
        cell, fits = self._encode(row, value)
        if fits and text:
            self._remember([value], [cell])
        return cell

    def _remember(self, values: Sequence[str], cells: Sequence[bytes]) -> None:
        if len(self._known) < _REMEMBERED:
            for value, cell in zip(values, cells, strict=True):
                if len(value) <= _SHORT:
                    self._known[value] = cell


_NOT_PLAIN = TypeError, LookupError, ValueError, ArithmeticError


class _Plain(_Single):
    """Cells of values that are plain as a rule: those are made all together, and one by one where any is not."""

    _mostly_new = False
    """Whether values hardly ever repeat: then it costs more to look for them."""

    def page(self, values: Sequence[Any]) -> list[bytes]:
        if self._mostly_new and all(values):
            with contextlib.suppress(*_NOT_PLAIN):
                return self._together(values)
        return super().page(values)

    def _new(self, rows: Sequence[int], values: Sequence[Any]) -> list[bytes]:
        try:
            cells = self._together(values)
        except _NOT_PLAIN:
            return super()._new(rows, values)
        self._remember(values, cells)
        self._mostly_new |= len(self._known) >= _REMEMBERED and 2 * len(rows) > rows[-1]
        return cells

    @abstractmethod
    def _together(self, values: Sequence[Any]) -> list[bytes]:
        """Raises one of these errors when a value is not what this column's values are as a rule."""


class _Decimals(_Plain):
    def __init__(self, encode: _Encode) -> None:
        super().__init__(encode)
        dumper = adapters.get_dumper(Decimal, PyFormat.BINARY)
        self._dump: Callable[[Decimal], Any] = dumper(Decimal).dump

    def _together(self, values: Sequence[Any]) -> list[bytes]:
        if not "".join(values).replace(".", "").isdecimal() or max(map(len, values)) > _DIGITS:
            raise ValueError("not digits alone")
        return _with_lengths(list(map(self._dump, map(Decimal, values))))


class _Texts(_Plain):
    def _together(self, values: Sequence[Any]) -> list[bytes]:
        encoded = list(map(str.encode, values))  # raises for lone surrogates
        if b"\0" in b"".join(encoded):
            raise ValueError("a character that PostgreSQL does not store")
        return _with_lengths(encoded)


def _with_lengths(encoded: Sequence[bytes]) -> list[bytes]:
    return list(map(add, map(_length, map(len, encoded)), encoded))


class _Numbers(_Plain):
    def __init__(self, encode: _Encode) -> None:
        super().__init__(encode)
        self._one(0, "0")  # it means 0 or none

    def _together(self, values: Sequence[Any]) -> list[bytes]:
        return list(map(_eight_bytes, repeat(8), whole_numbers(values)))


_DIGITS = 18
"""So many digits fit into 64 bits, whatever they are."""


def whole_numbers(values: Sequence[Any]) -> list[int]:
    """Texts of digits as numbers above 0. Raises ``ValueError`` or ``TypeError`` when any is something else."""
    if not all(values) or not "".join(values).isdecimal() or max(map(len, values)) > _DIGITS:
        raise ValueError("not digits alone")
    numbers = list(map(int, values))
    if 0 in numbers:
        raise ValueError("0 may mean none")
    return numbers


class _Moments(_Plain):
    """Cells of moments. They hardly ever repeat, but their parts do: days, minutes, and seconds with an offset."""

    _mostly_new = True

    def __init__(self, encode: _Encode) -> None:
        super().__init__(encode)
        self._days = _Microseconds(_day)
        self._seconds = _Microseconds(_second)

    def _together(self, values: Sequence[Any]) -> list[bytes]:
        # 2026-03-01T | 10:15: | 30+03:00
        days = map(self._days.__getitem__, map(_DAY, values))
        minutes = map(_MINUTES.__getitem__, map(_MINUTE, values))
        seconds = map(self._seconds.__getitem__, map(_SECOND, values))
        return list(map(_eight_bytes, repeat(8), map(add, map(add, days, minutes), seconds)))

    def _remember(self, values: Sequence[str], cells: Sequence[bytes]) -> None:
        pass


class _Microseconds(dict[str, int]):
    """What parts of moments add up to, learned from each when it is first asked for."""

    def __init__(self, learn: Callable[[str], int]) -> None:
        super().__init__()
        self._learn = learn

    def __missing__(self, part: str) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[part] = microseconds = self._learn(part)
        return microseconds


def _day(part: str) -> int:
    """From PostgreSQL's epoch to a day. Raises ``ValueError`` where some moments of a day may not fit."""
    if not _DECADES[0] < part[:4] < _DECADES[1]:
        raise ValueError("at the ends of the calendar")
    return _since(_EPOCH, part + "00:00:00+00:00")


def _second(part: str) -> int:
    """From a minute to a second of it, less the offset. Raises ``ValueError``, also without an offset."""
    return _since(_A_MINUTE, _A_MINUTE.isoformat()[:17] + part)


def _since(begin: datetime, text: str) -> int:
    moment = to_timestamp(text)
    if moment is None:
        raise ValueError("no moment")
    return (moment - begin) // _MICROSECOND


_DAY, _MINUTE, _SECOND = (itemgetter(slice(*ends)) for ends in ((0, 11), (11, 17), (17, None)))
_MINUTES = {f"{hour:02}:{minute:02}:": (hour * 60 + minute) * 60_000_000 for hour in range(24) for minute in range(60)}
_DECADES = "1000", "9000"
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
"""PostgreSQL counts microseconds from there (https://www.postgresql.org/docs/current/datatype-datetime.html)."""
_A_MINUTE = datetime(2000, 6, 1, tzinfo=UTC)

_BY_CONVERTER: dict[Converter, type[_Single]] = {
    to_number: _Decimals,
    to_text: _Texts,
    to_integer: _Numbers,
    to_reference: _Numbers,
    to_file_id: _Numbers,
    to_timestamp: _Moments,
}


class _Many(Cells):
    """Cells of a column of lists or of anything. Short lists repeat, too."""

    def page(self, values: Sequence[Any]) -> list[bytes]:
        keys = list(map(_known_as, values))
        cells: list[Any] = list(map(self._known.get, keys))
        if not all(cells):
            for row, cell in enumerate(cells):
                if cell is None:
                    cells[row] = self._new(row, values[row], keys[row])
        return cells

    def _new(self, row: int, value: Any, key: Hashable) -> bytes:
        cell, fits = self._encode(row, value)
        if fits and key is not _NEVER and len(self._known) < _REMEMBERED:
            self._known[key] = cell
        return cell


_NEVER, _FALSE = object(), object()
"""In place of the keys of a value that is not remembered, and of PHP's "no value", which is equal to 0."""
_ONE_KIND: tuple[set[type], ...] = (set(), {str}, {int})


def _known_as(value: Any) -> Hashable:
    if type(value) is list:
        return tuple(value) if len(value) <= _FEW and set(map(type, value)) in _ONE_KIND else _NEVER
    return _FALSE if value is False else None if value is None else _NEVER

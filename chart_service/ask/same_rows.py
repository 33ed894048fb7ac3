"""Whether two statements say the same, judged by their rows: whatever the columns are called and however they stand."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from chart_service.rows import Rows

RELATIVE, ABSOLUTE = 0.005, 0.051
"""How far numbers may lie apart: one statement rounds to whole units or one decimal, the other does not."""
MORE_COLUMNS = 2
"""Columns that an answer may have beside those that are wanted, such as the order of stages."""

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_UNNAMED = frozenset({"не указано", "не указан", "не указана", "без названия", "not specified", "unknown", "none", ""})

Value = Any
Row = tuple[Value, ...]


def same_rows(wanted: Rows, got: Rows, *, ordered: bool) -> bool:
    """Whether ``got`` has the rows of ``wanted``. ``ordered``: their order counts, too, as far as values tell it."""
    if len(wanted.rows) != len(got.rows) or wanted.truncated != got.truncated:
        return False
    if not 0 <= len(got.columns) - len(wanted.columns) <= MORE_COLUMNS:
        return False
    ours, theirs = ([tuple(map(_plain, row)) for row in rows.rows] for rows in (wanted, got))
    return any(
        _alike(ours, picked) and (not ordered or _same_order(ours, picked))
        for columns in _columns(ours, theirs, len(wanted.columns), len(got.columns))
        for picked in [[tuple(row[at] for at in columns) for row in theirs]]
    )


def _plain(value: Value) -> Value:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.date() if value.time().replace(tzinfo=None).isoformat() == "00:00:00" else value.isoformat()
    if isinstance(value, date):
        return value
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    text = " ".join(str(value).split())
    if text.casefold() in _UNNAMED:
        return None
    if month := _MONTH.fullmatch(text):
        return date(int(month[1]), int(month[2]), 1) if 1 <= int(month[2]) <= 12 else text
    return text


def _columns(ours: Sequence[Row], theirs: Sequence[Row], wanted: int, got: int) -> Iterator[tuple[int, ...]]:
    """Ways to find our columns among theirs: only columns with the same values come into question."""
    choices = [[at for at in range(got) if _same_column(ours, own, theirs, at)] for own in range(wanted)]

    def pick(own: int, taken: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if own == wanted:
            yield taken
            return
        for at in choices[own]:
            if at not in taken:
                yield from pick(own + 1, (*taken, at))

    yield from pick(0, ())


def _same_column(ours: Sequence[Row], own: int, theirs: Sequence[Row], at: int) -> bool:
    one, other = [row[own] for row in ours], [row[at] for row in theirs]
    numbers, others = (sorted(value for value in values if isinstance(value, float)) for values in (one, other))
    rest, rest_other = (Counter(value for value in values if not isinstance(value, float)) for values in (one, other))
    return rest == rest_other and len(numbers) == len(others) and all(map(_close, numbers, others))


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _alike(ours: Sequence[Row], theirs: Sequence[Row]) -> bool:
    """Whether the same rows are there, in any order: sorted by texts first, so that rounding moves nothing."""
    pairs = zip(sorted(ours, key=_rank), sorted(theirs, key=_rank), strict=True)
    return all(_same_row(one, other) for one, other in pairs)


def _rank(row: Row) -> tuple[Any, ...]:
    exact = tuple(str(value) for value in row if not isinstance(value, float))
    return exact, tuple(value for value in row if isinstance(value, float))


def _same_row(one: Row, other: Row) -> bool:
    return all(
        _close(a, b) if isinstance(a, float) and isinstance(b, float) else a == b
        for a, b in zip(one, other, strict=True)
    )


def _same_order(ours: Sequence[Row], theirs: Sequence[Row]) -> bool:
    """Whether every column that rises (or falls) with ours does so with theirs. Ties may stand either way."""
    for at in range(len(ours[0]) if ours else 0):
        one, other = [row[at] for row in ours], [row[at] for row in theirs]
        for direction in (1, -1):
            if _monotone(one, direction) and not _monotone(one, -direction) and not _monotone(other, direction):
                return False
    return True


def _monotone(values: Sequence[Value], direction: int) -> bool:
    known = [value for value in values if value is not None]
    if len({type(value) for value in known}) > 1:
        return False
    return all(low <= high if direction > 0 else low >= high for low, high in pairwise(known))

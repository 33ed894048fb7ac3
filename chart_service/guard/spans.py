"""Moments and spans of time as PostgreSQL's literals spell them, with the least and the most that they can be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Literal

DAY = 86_400.0

Kind = Literal["number", "moment", "span", "text"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Numbers as they are, moments as seconds since 1970, spans in seconds; ``text`` is a literal without a type yet.

    ``from_data``: the value comes from a column, so the bounds are what CRM dates can sensibly be.
    """

    kind: Kind
    low: float = 0.0
    high: float = 0.0
    from_data: bool = False
    text: str = ""


def start_of_day(day: date) -> float:
    """Seconds since 1970 of a day's beginning in UTC."""
    return datetime.combine(day, time(), UTC).timestamp()


DATA_MOMENT = Bounds("moment", start_of_day(date(1990, 1, 1)), start_of_day(date(2100, 1, 1)), from_data=True)
"""A date column, or an aggregate of one."""


def now() -> Bounds:
    """This moment, give or take a day: statements are kept."""
    moment = datetime.now(UTC).timestamp()
    return Bounds("moment", moment - DAY, moment + DAY)


def read_moment(text: str) -> Bounds | None:
    """A literal of a date or timestamp; None where it is none that is known."""
    if text.strip().lower() in ("now", "today", "yesterday", "tomorrow"):
        return now()
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return Bounds("moment", at, at)


_SPAN = re.compile(r"\s*([+-]?\d{1,9}(?:\.\d{1,9})?)\s*([a-z]+)\s*")
_CLOCK = re.compile(r"\s*([+-]?)(\d{1,9}):(\d{1,2})(?::(\d{1,2})(?:\.\d{1,9})?)?\s*")
_UNITS: Mapping[str, tuple[float, float]] = {
    "millisecond": (0.001, 0.001),
    "second": (1, 1),
    "minute": (60, 60),
    "hour": (3600, 3600),
    "day": (DAY, DAY),
    "week": (7 * DAY, 7 * DAY),
    "month": (28 * DAY, 31 * DAY),
    "quarter": (89 * DAY, 92 * DAY),
    "year": (365 * DAY, 366 * DAY),
    "decade": (3652 * DAY, 3653 * DAY),
}
_SHORT = {"sec": "second", "min": "minute", "mon": "month", "hr": "hour", "d": "day", "h": "hour", "y": "year"}
_SHORT |= {"w": "week", "yr": "year", "m": "minute", "s": "second", "msec": "millisecond", "ms": "millisecond"}


def span_of(count: float, unit: str) -> Bounds:
    """A number of units: a month is 28 to 31 days."""
    low, high = _UNITS[_SHORT.get(unit, unit)]
    ends = (count * low, count * high)
    return Bounds("span", min(ends), max(ends))


def read_span(text: str) -> Bounds | None:
    """A literal of an interval, as ``1 year 2 months`` or ``01:30``; None where it is none that is known."""
    text = text.strip().lower().lstrip("@")
    sign = 1.0
    if text.endswith(" ago"):
        sign, text = -1.0, text[:-4]
    low = high = 0.0
    position = 0
    while position < len(text):
        part, position = _read_part(text, position)
        if part is None:
            return None
        low, high = low + part.low, high + part.high
    return Bounds("span", min(sign * low, sign * high), max(sign * low, sign * high)) if text else None


def _read_part(text: str, position: int) -> tuple[Bounds | None, int]:
    if clock := _CLOCK.match(text, position):
        minus, hours, minutes, seconds = clock.groups()
        total = (int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)) * (-1 if minus == "-" else 1)
        return Bounds("span", total, total), clock.end()
    if match := _SPAN.match(text, position):
        unit = match[2]
        singular = unit if unit in _UNITS or unit in _SHORT else unit.removesuffix("s")
        if singular in _UNITS or singular in _SHORT:
            return span_of(float(match[1]), singular), match.end()
    return None, position

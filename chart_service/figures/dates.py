"""Periods of time: which one the dates of a column are the starts of, what comes between them, how they are named."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from typing import Literal

from babel.dates import get_month_names

Grain = Literal["year", "quarter", "month", "week", "day", "hour", "moment"]
LONGEST_SEQUENCE = 1500
"""Periods that are filled in at most; sparser dates stay as they are."""

_TEXT_DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?\Z")
_ROMAN = ("I", "II", "III", "IV")
_SHORT = {  # three letters without a dot: a dozen must fit under a narrow chart
    "ru": ("янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}


def wall_clock(value: date | datetime) -> datetime:
    """The moment as its own zone's clock shows it, without the zone: what Plotly draws as it is."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime(value.year, value.month, value.day)


def from_texts(values: Sequence[object]) -> list[datetime | None] | None:
    """Moments of a text column that holds nothing but ``2026-01`` or ``2026-01-31`` and nulls; None for any other."""
    result: list[datetime | None] = []
    for value in values:
        if value is None:
            result.append(None)
        elif not isinstance(value, str) or not _TEXT_DATE.match(value):
            return None
        else:
            try:
                result.append(datetime.fromisoformat(value if len(value) == 10 else value + "-01"))
            except ValueError:
                return None
    return result if any(result) else None


def grain_of(moments: Sequence[datetime], column: str) -> Grain:
    """The longest period that all moments are starts of. Weeks start on Monday; a quarter shows in the column's name,
    since months that happen to lie a quarter apart look the same."""
    distinct = sorted(set(moments))
    if any(moment.minute or moment.second or moment.microsecond for moment in distinct):
        return "moment"
    if any(moment.hour for moment in distinct):
        return "hour"
    name = column.casefold()
    if all(moment.day == 1 for moment in distinct):
        if "month" not in name and "мес" not in name:
            if ("quarter" in name or "кварт" in name) and all(moment.month % 3 == 1 for moment in distinct):
                return "quarter"
            if all(moment.month == 1 for moment in distinct) and (len(distinct) > 1 or "year" in name or "год" in name):
                return "year"
        return "month" if len(distinct) > 1 or "day" not in name else "day"
    gaps = {(after - before).days for before, after in itertools.pairwise(distinct)}
    mondays = all(moment.weekday() == 0 for moment in distinct)
    if mondays and ("week" in name or "недел" in name or (len(distinct) > 2 and all(gap % 7 == 0 for gap in gaps))):
        return "week"
    return "day"


def following(moment: datetime, grain: Grain) -> datetime:
    """The start of the next period. Raises ``OverflowError`` or ``ValueError`` past the year 9999."""
    months = {"year": 12, "quarter": 3, "month": 1}.get(grain)
    if months:
        index = moment.year * 12 + moment.month - 1 + months
        return moment.replace(year=index // 12, month=index % 12 + 1)
    return moment + {"week": timedelta(7), "day": timedelta(1)}.get(grain, timedelta(hours=1))


def sequence(moments: Sequence[datetime], grain: Grain) -> list[datetime]:
    """Every period from the first to the last; only the moments themselves, sorted, where that would be too long."""
    distinct = sorted(set(moments))
    if grain == "moment" or not distinct:
        return distinct
    result, at = [], distinct[0]
    try:
        while at <= distinct[-1]:
            result.append(at)
            if len(result) > LONGEST_SEQUENCE:
                return distinct
            at = following(at, grain)
    except (OverflowError, ValueError):
        return distinct
    return result if set(distinct) <= set(result) else distinct


@cache
def _months(lang: str, context: Literal["format", "stand-alone"]) -> list[str]:
    names = get_month_names("wide", context, lang)
    return [names[number] for number in range(1, 13)]


def period(moment: datetime, grain: Grain, lang: str) -> str:
    """The period in full: "Январь 2026", "I кв. 2026", "5 января 2026"."""
    if grain == "year":
        return str(moment.year)
    if grain == "quarter":
        number = (moment.month - 1) // 3
        return f"{_ROMAN[number]} кв. {moment.year}" if lang == "ru" else f"Q{number + 1} {moment.year}"
    if grain == "month":
        name = _months(lang, "stand-alone")[moment.month - 1]
        return f"{name[:1].upper()}{name[1:]} {moment.year}"
    name = _months(lang, "format")[moment.month - 1]
    day = f"{moment.day} {name} {moment.year}" if lang == "ru" else f"{name} {moment.day}, {moment.year}"
    if grain == "week":
        return f"Неделя с {day}" if lang == "ru" else f"Week of {day}"
    return day if grain == "day" else f"{day}, {moment:%H:%M}"


def short(moment: datetime, grain: Grain, lang: str) -> str:
    """The period on an axis, without its year: "янв", "5 янв"."""
    if grain == "year":
        return str(moment.year)
    if grain == "quarter":
        number = (moment.month - 1) // 3
        return f"{_ROMAN[number]} кв." if lang == "ru" else f"Q{number + 1}"
    name = _SHORT[lang][moment.month - 1]
    if grain == "month":
        return name
    return f"{moment.day} {name}" if lang == "ru" else f"{name} {moment.day}"


_STEPS = (  # from minutes to months between the ticks of an axis of moments
    *(("minutes", count) for count in (1, 5, 15, 30)),
    *(("hours", count) for count in (1, 3, 6, 12)),
    *(("days", count) for count in (1, 2, 7, 14)),
    *(("months", count) for count in (1, 2, 3, 6, 12, 24, 60, 120, 600, 1200, 6000, 24000)),
)


def axis_moments(first: datetime, last: datetime, lang: str, most: int = 7) -> list[tuple[datetime, str]]:
    """At most ``most`` round moments between two, and their texts, with the day or the year where it begins."""
    kind, count = next(step for step in _STEPS if _span(first, last, step[0]) / step[1] <= most)
    places: list[datetime] = []
    if kind == "months":
        index = -(-(first.year * 12 + first.month - 1) // count) * count
        while index // 12 <= 9999 and (at := datetime(max(1, index // 12), index % 12 + 1, 1)) <= last:
            if at >= first:
                places.append(at)
            index += count
    else:
        start = first.replace(hour=0, minute=0, second=0, microsecond=0)
        size = timedelta(**{kind: count})
        steps = range(int((last - start) / size) + 1)
        places = [at for step in steps if (at := start + step * size) >= first]
    grain: Grain = {"minutes": "hour", "hours": "hour", "days": "day"}.get(kind, "month" if count < 12 else "year")  # type: ignore[assignment]
    places = places or [first]
    texts = axis_texts(places, grain, lang, len(places), thin=False)
    return [(places[at], text) for at, text in texts]


def _span(first: datetime, last: datetime, kind: str) -> float:
    hours = (last - first).total_seconds() / 3600
    return hours / {"minutes": 1 / 60, "hours": 1, "days": 24}.get(kind, 730)


def axis_texts(
    moments: Sequence[datetime], grain: Grain, lang: str, most: int = 12, *, thin: bool = True
) -> list[tuple[int, str]]:
    """Positions and texts of at most ``most`` ticks for periods in order. The year stands on a second line, where it
    begins; hours show the day there instead."""
    most = min(most, 8) if thin and grain in ("day", "week", "hour", "moment") else most
    step = max(1, -(-len(moments) // most))
    if grain == "month" and step > 1:
        step = next((good for good in (2, 3, 4, 6, 12) if good >= step), -(-step // 12) * 12)
    result: list[tuple[int, str]] = []
    before: object = None
    for at in range(0, len(moments), step):
        moment = moments[at]
        if grain in ("hour", "moment"):
            group: object = moment.date()
            first, second = f"{moment:%H:%M}", short(moment, "day", lang)
        else:
            group = moment.year
            first, second = short(moment, grain, lang), str(moment.year)
        result.append((at, first if group == before or grain == "year" else f"{first}<br>{second}"))
        before = group
    return result

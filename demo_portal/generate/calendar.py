"""When things happen: growth, seasons, weekdays, holidays, working hours."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from itertools import accumulate

from demo_portal.clock import DAY, OFFSET_SECONDS
from demo_portal.generate.staff import DAYS

HOUR = 3600

_MONTHS = (0.72, 0.95, 1.08, 1.05, 0.86, 0.9, 0.74, 0.76, 1.04, 1.12, 1.18, 1.42)  # a summer dip, a December peak
_WEEKDAYS = (1.12, 1.1, 1.05, 1.0, 0.9, 0.16, 0.08)
_HOURS = tuple(accumulate((0, 0, 0, 0, 0, 0, 0, 0.1, 0.6, 1.4, 1.8, 1.7, 1.4, 1.0, 1.4, 1.6, 1.5, 1.1, 0.6, 0.3, 0.2)))


def moments(generator: random.Random, count: int, now: int) -> list[int]:
    """So many instants within the two years before ``now``, ascending, in seconds since 1970."""
    first = (now + OFFSET_SECONDS) // DAY - DAYS  # days are the portal's, counted in its own offset
    weights = list(accumulate(_weight(first + day, day) for day in range(DAYS + 1)))
    days = generator.choices(range(DAYS + 1), cum_weights=weights, k=count)
    hours = generator.choices(range(len(_HOURS)), cum_weights=_HOURS, k=count)
    seconds = generator.choices(range(HOUR), k=count)
    result = [
        (first + day) * DAY - OFFSET_SECONDS + hour * HOUR + second
        for day, hour, second in zip(days, hours, seconds, strict=True)
    ]
    return sorted(min(moment, now - second % 600 - 1) for moment, second in zip(result, seconds, strict=True))


def _weight(day: int, passed: int) -> float:
    date = datetime.fromtimestamp(day * DAY, UTC)
    weight = (0.75 + 0.65 * passed / DAYS) * _MONTHS[date.month - 1] * _WEEKDAYS[date.weekday()]
    if date.month == 1 and date.day <= 8:
        weight *= 0.08
    elif date.month == 5 and (date.day <= 2 or date.day == 9):
        weight *= 0.25
    elif date.month == 12 and date.day >= 30:
        weight *= 0.3
    return weight


def to_working_hours(moment: int, chance: float) -> int:
    """The same instant, or a later one on a working day between nine and seven; ``chance`` spreads the beginnings."""
    day, second = divmod(moment + OFFSET_SECONDS, DAY)
    if second < 9 * HOUR:
        second = 9 * HOUR + int(chance * 2 * HOUR)
    elif second > 19 * HOUR:
        day, second = day + 1, 9 * HOUR + int(chance * 3 * HOUR)
    weekday = (day + 3) % 7  # the first of January 1970 was a Thursday
    if weekday >= 5 and chance < 0.93:
        day += 7 - weekday
    return day * DAY - OFFSET_SECONDS + second

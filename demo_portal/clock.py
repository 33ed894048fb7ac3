"""The portal's clock: its offset from UTC and how instants and days are printed.

A portal prints every datetime with its server's offset. A date is printed as midnight UTC shifted to that offset, so on
this portal, three hours east of UTC, every date ends in ``T03:00:00+03:00``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

OFFSET_SECONDS = 3 * 3600
SERVER_ZONE = timezone(timedelta(seconds=OFFSET_SECONDS))
DAY = 86_400

_TIMES = tuple(
    f"T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}+03:00" for second in range(DAY)
)  # generating 200,000 deals prints some four million instants; strftime would take half of that time


@lru_cache(maxsize=8192)
def _day_text(day: int) -> str:
    return datetime.fromtimestamp(day * DAY, UTC).strftime("%Y-%m-%d")


def print_datetime(epoch: int) -> str:
    """Seconds since 1970 as ``2024-09-02T18:37:18+03:00``."""
    day, second = divmod(epoch + OFFSET_SECONDS, DAY)
    return _day_text(day) + _TIMES[second]


def print_date(epoch: int) -> str:
    """The server's day of an instant, as the API prints a date: ``2024-09-02T03:00:00+03:00``."""
    return _date_text((epoch + OFFSET_SECONDS) // DAY)


@lru_cache(maxsize=8192)
def _date_text(day: int) -> str:
    return _day_text(day) + "T03:00:00+03:00"


def parse_instant(text: str) -> float | None:
    """Read ISO or ``dd.mm.yyyy [hh:mm:ss]`` text; without an offset it is the server's time. None if it is no date."""
    text = text.strip()
    if len(text) < 8:
        return None
    if text[2:3] == "." and text[5:6] == ".":
        text = f"{text[6:10]}-{text[3:5]}-{text[:2]}{text[10:]}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=SERVER_ZONE)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()


class Clock:
    """Runs like the machine's clock, from ``start`` on (default: the machine's time)."""

    def __init__(self, start: datetime | None = None) -> None:
        if start is None:
            self._shift = 0.0
        else:
            aware = start if start.tzinfo else start.replace(tzinfo=SERVER_ZONE)
            self._shift = aware.timestamp() - time.time()

    def time(self) -> float:
        """Seconds since 1970 on the portal."""
        return time.time() + self._shift

    def advance(self, seconds: float) -> None:
        """Move the portal's clock forward, as if that much time had passed."""
        self._shift += seconds

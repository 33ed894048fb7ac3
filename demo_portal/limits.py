"""The two limits of a portal: how many requests, and how much of its time a method may take.

Figures are from the Bitrix24 REST documentation, page "Limits": a leaky bucket of 50 that leaks two requests a second,
and 480 seconds of operating time per method within ten minutes.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

WINDOW = 600
SLOT = 60


@dataclass(slots=True)
class LimitSettings:
    """Sizes and costs; times in seconds.

    ``enforced=False`` counts but never refuses. ``page_cost`` is the operating time charged for a page of 50 rows,
    ``latency`` delays every answer, ``page_latency`` delays it by so much for every page that it holds.
    """

    enforced: bool = True
    bucket_size: float = 50
    leak_per_second: float = 2
    operating_limit: float = 480
    page_cost: float = 0.02
    latency: float = 0
    page_latency: float = 0


class LeakyBucket:
    """Admits a request while the bucket has room; a refused request adds nothing."""

    def __init__(self, settings: LimitSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._level = 0.0
        self._at = clock()

    def admit(self) -> bool:
        """Count one request. False if it overflows the bucket and limits are enforced."""
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._at) * self._settings.leak_per_second)
        self._at = now
        if self._settings.enforced and self._level + 1 > self._settings.bucket_size:
            return False
        self._level += 1
        return True

    def reset(self) -> None:
        """Empty the bucket."""
        self._level = 0.0


class OperatingTime:
    """Seconds that each method took within a sliding window of ten one-minute slots."""

    def __init__(self, settings: LimitSettings) -> None:
        self._settings = settings
        self._slots: dict[str, deque[tuple[int, float]]] = defaultdict(deque)

    def charge(self, method: str, pages: int, now: float) -> float:
        """Bill pages to a method; returns the seconds used in the window so far."""
        seconds = pages * self._settings.page_cost
        slot = int(now // SLOT)
        slots = self._slots[method]
        if slots and slots[-1][0] == slot:
            slots[-1] = (slot, slots[-1][1] + seconds)
        else:
            slots.append((slot, seconds))
        return self.used(method, now)

    def used(self, method: str, now: float) -> float:
        """Seconds within the window that ends now."""
        slots = self._slots.get(method)
        if not slots:
            return 0.0
        while slots and slots[0][0] * SLOT + WINDOW <= now:
            slots.popleft()
        return sum(seconds for _, seconds in slots)

    def exhausted(self, method: str, now: float) -> bool:
        """Whether the method must be refused. Asked before a call, so a call may overshoot."""
        return self._settings.enforced and self.used(method, now) >= self._settings.operating_limit

    def reset_at(self, method: str, now: float) -> int:
        """When the oldest slot drops out, in seconds since 1970."""
        self.used(method, now)
        slots = self._slots.get(method)
        oldest = slots[0][0] * SLOT if slots else int(now)
        return oldest + WINDOW

    def totals(self, now: float) -> dict[str, float]:
        """Seconds used by each method."""
        return {method: round(self.used(method, now), 6) for method in self._slots}

    def reset(self) -> None:
        """Forget everything."""
        self._slots.clear()

"""The portal's two limits: requests a second (one bucket for the portal) and operating seconds of each method.

Figures are those of the Bitrix24 REST documentation, page "Limits": a leaky bucket of 50 requests that leaks 2 a
second, and about 480 seconds of operating time for a method in ten minutes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bitrix.errors import LongRestError

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class RateBucket(Protocol):
    """Counts requests to one portal. All clients behind one IP address share the portal's bucket."""

    @property
    def leak(self) -> float:
        """Requests a second that the portal takes in the long run."""
        ...

    async def acquire(self, cost: int = 1) -> float:
        """Count ``cost`` requests *before* they are sent, waiting for room; returns the seconds waited."""
        ...

    async def penalize(self) -> None:
        """The portal answered that its bucket is full: someone else fills it too."""
        ...


class LeakyBucket:
    """A bucket for one process.

    ``margin`` is kept free: requests of other programs, and the difference between our clock and the portal's.
    """

    def __init__(
        self,
        capacity: float = 50,
        leak: float = 2.0,
        margin: float = 5,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        if leak <= 0 or capacity - margin < 1:
            raise ValueError("a bucket needs a positive leak and room for one request beside its margin")
        self.capacity, self.leak, self.limit = capacity, leak, capacity - margin
        self._clock, self._sleep = clock, sleep
        self._level = 0.0
        self._at = clock()

    async def acquire(self, cost: int = 1) -> float:
        """Count first, then wait until what was counted fits: callers are served in the order they came."""
        self._drain()
        self._level += cost
        wait = max(0.0, (self._level - self.limit) / self.leak)
        if wait:
            try:
                await self._sleep(wait)
            except asyncio.CancelledError:
                self._drain()
                self._level = max(0.0, self._level - cost)  # it will not be sent
                raise
        return wait

    async def penalize(self) -> None:
        """Take the bucket as full, whatever was counted here."""
        self._drain()
        self._level = max(self._level, self.capacity)

    def _drain(self) -> None:
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._at) * self.leak)
        self._at = now


@dataclass(slots=True)
class MethodUse:
    """What is known of one method's operating time: seconds ``used`` as reported ``at``, when they are forgotten, the
    ``cost`` of the latest request, when the next may be sent, and until when the method rests. Unix seconds."""

    used: float = 0.0
    at: float = 0.0
    reset_at: float | None = None
    cost: float = 0.0
    next_send: float = 0.0
    rest_until: float = 0.0


class MethodStore(Protocol):
    """What all processes that call one portal know of its methods."""

    async def exchange(self, uses: Mapping[str, MethodUse]) -> None:
        """Tell what this process knows, and bring it up to date."""
        ...


class OperatingBudget:
    """Operating seconds that each method has used, as its answers tell.

    Above ``slow_from`` of ``limit`` requests of the method are spread at the pace at which the portal forgives; a
    method that hit the limit rests until its reset. Other methods are not touched. Times are Unix seconds. With a
    ``store``, what one process learns holds for all of them, and for those that come later.
    """

    def __init__(
        self,
        limit: float = 480.0,
        window: float = 600.0,
        slow_from: float = 0.8,
        *,
        store: MethodStore | None = None,
        longest_rest: float = 660.0,
        clock: Clock = time.time,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.limit, self.window, self.slow_from, self.longest_rest = limit, window, slow_from, longest_rest
        self._clock, self._sleep = clock, sleep
        self._store = store
        self._methods: dict[str, MethodUse] = {}

    async def ready(self, methods: Iterable[str]) -> float:
        """Wait until requests of these methods may be sent; returns the seconds waited.

        Raises :class:`~bitrix.errors.LongRestError` when a method would rest longer than ``longest_rest``.
        """
        methods = set(methods)
        waited = 0.0
        await self.share(methods)
        while (wait := max((self._due(name) for name in methods), default=0.0)) > 0:
            if waited + wait > self.longest_rest + 1:
                name = max(methods, key=self._due)
                patience = f"of {self.longest_rest:.0f} s that a sync waits for it, {waited:.0f} s are over"
                error = LongRestError(name, f"rests for {wait:.0f} s more, and {patience}")
                error.reset_at = self._clock() + wait
                raise error
            await self._sleep(wait)
            waited += wait
            await self.share(methods)
        for name in methods:
            self._book(name)
        return waited

    async def share(self, methods: Iterable[str] | None = None) -> None:
        """Exchange what is known of these methods, or of all that were called, with the other processes."""
        if self._store is not None:
            names = set(self._methods if methods is None else methods)
            await self._store.exchange({name: self._methods.setdefault(name, MethodUse()) for name in names})

    def observe(self, method: str, operating: float | None, reset_at: float | None, cost: float) -> None:
        """Take what an answer says: seconds used so far, when that resets, and this request's own time."""
        if operating is None:
            return
        state = self._methods.setdefault(method, MethodUse())
        now = self._clock()
        state.cost = max(cost, operating - state.used if state.used else 0.0)  # short calls are not billed in full
        # Answers of requests in flight may arrive out of order; within a second the larger figure is the newer.
        state.used = max(operating, state.used) if now - state.at < 1 else operating
        state.at, state.reset_at = now, reset_at

    def rest(self, method: str, reset_at: float | None = None) -> float:
        """The method hit its limit: let it rest. Returns when it works again.

        Without a known reset it rests one minute: the portal's window forgets in steps of a minute.
        """
        state = self._methods.setdefault(method, MethodUse())
        now = self._clock()
        known = reset_at if reset_at is not None else state.reset_at
        until = known if known is not None and now < known <= now + self.longest_rest else now + 60
        state.rest_until = max(state.rest_until, until)
        state.used = 0.0
        return state.rest_until

    def resting_until(self, method: str) -> float:
        """When the method's rest ends; 0 if it never rested."""
        state = self._methods.get(method)
        return state.rest_until if state else 0.0

    def _due(self, method: str) -> float:
        state = self._methods.get(method)
        if state is None:
            return 0.0
        return max(state.rest_until, state.next_send) - self._clock()

    def _book(self, method: str) -> None:
        state = self._methods.get(method)
        if state is None:
            return
        now = self._clock()
        forgotten = now - state.at > self.window or (state.reset_at is not None and state.reset_at <= now)
        over = state.used / self.limit - self.slow_from
        if forgotten or over <= 0:
            return
        pace = state.cost * self.window / self.limit  # seconds in which the portal forgives one such request
        urgency = min(2.0, 2.0 * over / (1.0 - self.slow_from))
        all_forgiven = now + self.window if state.reset_at is None else state.reset_at
        state.next_send = min(now + pace * urgency, all_forgiven)

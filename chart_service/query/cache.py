"""Results kept in memory by what they depend on, within a limit of bytes, each computed once however many ask."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from chart_service.query.flights import Flights

Value = TypeVar("Value")

CACHE_BYTES = 128 * 1024 * 1024


class ResultCache(Generic[Value]):
    """The least recently used values go first. A value larger than an eighth of the cache is not kept."""

    def __init__(self, size_of: Callable[[Value], int], limit: int = CACHE_BYTES) -> None:
        self._size_of = size_of
        self._limit = limit
        self._kept: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._flights: Flights[Hashable, Value] = Flights()
        self.size = 0
        """Bytes of all values kept."""

    def peek(self, key: Hashable) -> Value | None:
        """The value of this key, if it is kept."""
        known = self._kept.get(key)
        if known is None:
            return None
        self._kept.move_to_end(key)
        return known[0]

    async def get(
        self, key: Hashable, compute: Callable[[], Awaitable[Value]], *, refresh: bool = False
    ) -> tuple[Value, bool]:
        """The value of this key and whether it was kept from before; ``refresh`` computes it anew.

        Errors of ``compute`` reach everybody who waits, and are not kept.
        """
        known = None if refresh else self.peek(key)
        if known is not None:
            return known, True

        async def computed() -> Value:
            value = await compute()
            self._keep(key, value)
            return value

        return await self._flights.join((key, refresh), computed), False

    def _keep(self, key: Hashable, value: Value) -> None:
        size = self._size_of(value)
        before = self._kept.pop(key, None)
        if before is not None:
            self.size -= before[1]
        if size > self._limit // 8:
            return
        self._kept[key] = (value, size)
        self.size += size
        while self.size > self._limit:
            _, (_, gone) = self._kept.popitem(last=False)
            self.size -= gone

"""Single flight: whoever asks for what is being computed waits for it instead of computing it again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True)
class _Flight(Generic[Value]):
    task: asyncio.Task[Value]
    waiting: int = 0


class Flights(Generic[Key, Value]):
    """Computations by key, each going on once. A computation is cancelled when nobody waits for it any more."""

    def __init__(self) -> None:
        self._flights: dict[Key, _Flight[Value]] = {}

    async def join(self, key: Key, compute: Callable[[], Awaitable[Value]]) -> Value:
        """The value of ``compute``, started here unless it is going on. Its error is everybody's error."""
        flight = self._flights.get(key)
        if flight is None:
            flight = _Flight(asyncio.ensure_future(_call(compute)))
            self._flights[key] = flight
            flight.task.add_done_callback(lambda _: self._landed(key, flight))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                self._remove(key, flight)  # who comes now begins anew, not with what is being cancelled
                flight.task.cancel()
                await asyncio.wait([flight.task])

    def _landed(self, key: Key, flight: _Flight[Value]) -> None:
        self._remove(key, flight)
        if not flight.task.cancelled():
            flight.task.exception()  # seen: perhaps nobody waits any more

    def _remove(self, key: Key, flight: _Flight[Value]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


async def _call(compute: Callable[[], Awaitable[Value]]) -> Value:
    return await compute()

"""Portals for the client's tests: a simulated one, and time that passes at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bitrix import LeakyBucket, OperatingBudget, PortalClient, WebhookUrl


class FakeTime:
    """A clock that only its own ``sleep`` moves, so that waits of minutes are tested in no time."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


Connect = Callable[..., PortalClient]


@pytest.fixture
def connect(time: FakeTime) -> Connect:
    """Clients whose waits take no time: ``async with connect(url) as client``."""

    def make(url: str, **options: object) -> PortalClient:
        options.setdefault("bucket", LeakyBucket(clock=time, sleep=time.sleep))
        options.setdefault("budget", OperatingBudget(clock=time, sleep=time.sleep))
        options.setdefault("timeout", 5.0)
        return PortalClient(WebhookUrl.parse(url), sleep=time.sleep, **options)  # type: ignore[arg-type]

    return make

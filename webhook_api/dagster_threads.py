"""Dagster's blocking client beside the event loop: in threads of its own, so that a Dagster that hangs holds up nothing
but what needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from webhook_api.dagster_api import TIMEOUT_SECONDS, DagsterTimeout

THREADS = 8

Answer = TypeVar("Answer")

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="dagster")


async def ask_dagster(call: Callable[[], Answer], seconds: float = TIMEOUT_SECONDS) -> Answer:
    """What ``call`` returns or raises, within ``seconds``.

    Raises ``DagsterTimeout`` otherwise. A call that no thread was free for is then not made any more.
    """
    try:
        return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(_threads, call), seconds)
    except TimeoutError:
        raise DagsterTimeout(f"Dagster did not answer in {seconds:.0f} s") from None

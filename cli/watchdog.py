"""The process beside ``b24 up`` that ends its services when it is gone, however it went (``kill -9`` included).

Run as a program with the interpreter's ``-I -S``: only the standard library. It reads lines ``+ID`` and ``-ID``
(process groups begun and ended) from standard input until the other end closes, then ends the groups that are left.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

GRACE_SECONDS = 10.0


def watch(lines: list[str] | None = None) -> None:
    """Follow standard input to its end (or ``lines``), then end every group that was begun and not ended."""
    groups: set[int] = set()
    for line in sys.stdin if lines is None else lines:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    end_groups(groups)


def end_groups(groups: set[int], grace: float = GRACE_SECONDS) -> None:
    """SIGTERM to these process groups, SIGKILL to those that still have a member ``grace`` seconds later."""
    deadline = time.monotonic() + grace
    alive = {group for group in groups if _signal(group, signal.SIGTERM)}
    while alive and time.monotonic() < deadline:
        time.sleep(0.05)
        alive = {group for group in alive if _signal(group, 0)}
    for group in alive:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        return True
    return False


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    watch()

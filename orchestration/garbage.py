"""Python's garbage collector while rows stream through.

Rows hold no cycles, so nothing that a sync reads is ever found by the collector; but each batch makes thousands of
dictionaries, and with Python's own threshold they set it off so often, each time over all that Dagster holds in memory,
that it took a quarter of a sync's processor time.
"""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator

CONTAINERS = 50_000
"""So many more containers than were freed before the collector looks: several batches' worth."""

_lock = threading.Lock()
_syncs = 0
_before = gc.get_threshold()


@contextlib.contextmanager
def few_collections() -> Iterator[None]:
    """Let the collector look seldom until the last of the syncs of this process that are inside has left."""
    global _syncs, _before
    with _lock:
        if not _syncs:
            _before = gc.get_threshold()
            gc.set_threshold(CONTAINERS, *_before[1:])
        _syncs += 1
    try:
        yield
    finally:
        with _lock:
            _syncs -= 1
            if not _syncs:
                gc.set_threshold(*_before)

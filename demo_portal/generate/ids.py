"""Ids with gaps: a few records of every hundred were deleted."""

from __future__ import annotations

import random
from collections.abc import Iterator


def ids(generator: random.Random, share: float = 0.03) -> Iterator[int]:
    """Rising ids from 1 on, of which about this share is left out, mostly single ones."""
    chance, current = generator.random, 0
    while True:
        current += 1
        while chance() < share:
            current += 1
        yield current

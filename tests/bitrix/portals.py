"""Simulated portals with the ids that a test wants."""

from __future__ import annotations

import random
from collections.abc import Iterable

from demo_portal.portal import Portal


def portal_with(ids: Iterable[int], entity: str = "deal") -> Portal:
    """A portal whose only rows are of one entity, with these ids in rising order."""
    portal = Portal(seed=1)
    for number in ids:
        portal.tables[entity].last_id = number - 1
        portal.add(entity, {"TITLE": f"{entity} {number}"})
    return portal


def one_in(share: int, count: int, seed: int = 1) -> list[int]:
    """About ``count`` ids, one of ``share`` consecutive ones each."""
    generator = random.Random(seed)
    return [number for number in range(1, count * share + 1) if generator.random() < 1 / share]

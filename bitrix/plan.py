"""Planning a walk over ids: which ranges to ask for, and how many pages each may need. Nothing here speaks to a portal.

A page holds 50 rows, a batch 50 pages. Where nearly every id exists, closed ranges of 50 ids fill a page each. Where
ids are sparse, a chain of pages through a longer stretch wastes none: each page begins behind the previous one's last
id. Counts only size the chains; a page shorter than 50 rows is what ends a stretch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bitrix.listing import PAGE

Range = tuple[int, int]
"""A closed range of ids: low, high."""

# Ranges may cost this many times the pages of a chain: they depend on less of the portal's behaviour.
_RANGES_MAY_COST = 1.1


@dataclass(frozen=True, slots=True)
class Stretch:
    """Ids ``low`` to ``high``, both included, with about ``expected`` rows among them."""

    low: int
    high: int
    expected: int

    @property
    def width(self) -> int:
        """Number of ids."""
        return self.high - self.low + 1

    @property
    def pages(self) -> int:
        """Pages to ask for: one more than the full ones, for only a short page shows the end."""
        return 1 if self.width <= PAGE else self.expected // PAGE + 1

    @property
    def dense(self) -> bool:
        """Whether ranges of 50 ids are about as cheap as a chain."""
        return -(-self.width // PAGE) <= _RANGES_MAY_COST * self.pages


def subtract(whole: Range, done: Iterable[Range]) -> list[Range]:
    """What of ``whole`` lies in none of the ``done`` ranges, in rising order."""
    low, high = whole
    left = []
    for first, last in sorted(done):
        if first > high:
            break
        if first > low:
            left.append((low, first - 1))
        low = max(low, last + 1)
    if low <= high:
        left.append((low, high))
    return left


def split(ranges: Iterable[Range], pieces: int) -> list[Range]:
    """Cut ranges into about ``pieces`` pieces of one width, a multiple of 50 ids."""
    ranges = list(ranges)
    ids = sum(high - low + 1 for low, high in ranges)
    width = max(1, -(-ids // (pieces * PAGE))) * PAGE
    return [(first, min(first + width - 1, high)) for low, high in ranges for first in range(low, high + 1, width)]


def work_items(stretches: Sequence[Stretch], most_pages: int = PAGE) -> Iterator[Stretch]:
    """Turn counted stretches, in rising order, into what is asked for: ranges of 50 ids, or stretches for chains.

    Neighbouring sparse stretches are joined as long as a chain of ``most_pages`` reads them. A stretch counted as
    empty is asked for too: the count may be wrong or old.
    """
    joined: Stretch | None = None
    for stretch in stretches:
        sparse = not stretch.dense
        if joined and sparse and joined.high + 1 == stretch.low:
            both = replace(joined, high=stretch.high, expected=joined.expected + stretch.expected)
            if both.pages <= most_pages:
                joined = both
                continue
        if joined:
            yield joined
            joined = None
        if sparse:
            joined = stretch
        else:
            yield from _ranges(stretch)
    if joined:
        yield joined


def take(queue: deque[Stretch], commands: int) -> list[tuple[Stretch, int]]:
    """Take from the queue what fills one batch: stretches, each with the number of pages to ask for now."""
    taken = []
    while queue and commands:
        stretch = queue.popleft()
        pages = min(stretch.pages, commands)
        taken.append((stretch, pages))
        commands -= pages
    return taken


def _ranges(stretch: Stretch) -> Iterator[Stretch]:
    for low in range(stretch.low, stretch.high + 1, PAGE):
        high = min(low + PAGE - 1, stretch.high)
        yield Stretch(low, high, high - low + 1)

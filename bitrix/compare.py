"""Finding where a copy differs from the portal without listing it all.

A portal tells nobody what was deleted. But it counts: one batch compares the numbers of rows in 50 ranges of ids, and
where a number differs its range is cut and counted again, until what is left fits a page and is listed. So one request
shows that nothing is gone, and what is gone is found in a few. It rests on ids that only grow and are never used again:
within a range that was copied whole, rows can only vanish or, when lost rights come back, reappear.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from bitrix.client import PortalClient
from bitrix.decode import Response
from bitrix.entities import Entity
from bitrix.errors import AnswerTimeoutError, BitrixError, MalformedAnswerError
from bitrix.listing import PAGE, check_page, list_command, row_id, rows_of
from bitrix.plan import Range, subtract
from bitrix.walk import walk

log = structlog.get_logger("bitrix.compare")

_LEAST_PIECES = 4
"""Into how many pieces a differing range is cut at least. Cutting few ranges finely and many coarsely keeps requests
full: twenty rows gone of 500,000 are found with 8 requests, and with 23 when every range is cut in 50."""

_DEARER_FROM = 300, 20
"""More differences than one in so many rows, plus so many: then listing ids costs fewer requests than more counts."""
_SPARE_REQUESTS = 4
_ROWS_A_REQUEST = 50 * PAGE
_TOP = 1 << 62
"""Above every id."""


Allowed = Callable[[int], int | None]
"""How many of so many rows may be gone; None for any number."""


class Copy(Protocol):
    """The copy's live rows of one entity, by id. Ranges are closed."""

    async def cut(self, low: int, high: int, pieces: int) -> list[tuple[Range, int]]:
        """``low`` to ``high`` as up to ``pieces`` ranges that hold about as many rows each, with their numbers."""
        ...

    async def ids(self, ranges: Sequence[Range]) -> set[int]:
        """The ids within the ranges."""
        ...


@dataclass(slots=True)
class Difference:
    """How a copy differs from the portal between two ids.

    ``gone`` are ids of the copy that the portal does not show when asked for them by name, ``missing`` those that the
    portal shows and the copy lacks. ``copied`` is the number of rows of the copy, ``shown`` that of the portal (None
    when it cannot count). ``too_many`` rows, if not 0, are gone, more than was allowed: then nothing is in ``gone``.
    ``counted`` is False when the portal's counts were of no use and its ids were listed instead.
    """

    copied: int = 0
    shown: int | None = None
    gone: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    too_many: int = 0
    counted: bool = True


class CountsUnusableError(Exception):
    """The portal does not count, counts wrongly, or takes too long to."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """A range and its numbers of rows on both sides."""

    range: Range
    copied: int
    shown: int

    @property
    def differs(self) -> bool:
        return self.copied != self.shown


async def compare(
    client: PortalClient, entity: Entity, copy: Copy, high: int, *, most_gone: Allowed, count: bool = True
) -> Difference:
    """Compare the ids from 1 to ``high``, all of which the copy has read once; later ones may be added meanwhile.

    When more of the copy's rows are gone than ``most_gone`` allows, nothing more is asked: lost rights look the same.
    ``count=False`` lists the portal's ids at once. Raises :class:`~bitrix.errors.BitrixError`.
    """
    whole = (1, high)
    if count:
        tree = _Tree(client, entity, copy, most_gone)
        try:
            found = await tree.grow(whole)
        except CountsUnusableError as reason:
            log.warning("listing ids to find deleted rows", method=entity.list_method, reason=str(reason))
            count = False
    if not count:
        found = Difference(copied=sum(number for _, number in await copy.cut(*whole, 1)), counted=False)
        found.shown = await _sweep(client, entity, copy, [whole], found)
    return await _confirmed(client, entity, found, most_gone)


async def shown_ids(client: PortalClient, entity: Entity, ids: Collection[int]) -> set[int]:
    """Those of the ids that the portal shows when asked for them by name."""
    wanted = sorted(ids)
    groups = [wanted[at : at + PAGE] for at in range(0, len(wanted), PAGE)]
    commands = [list_command(entity, {f"@{entity.key}": group}, select=[entity.key]) for group in groups]
    found: set[int] = set()
    for group, answer in zip(groups, await client.call_many(commands), strict=True):
        rows = rows_of(entity, _good(answer))
        check_page(entity, rows, group[0], group[-1])
        found |= {row_id(entity, row) for row in rows} & set(group)
    return found


async def _confirmed(client: PortalClient, entity: Entity, found: Difference, most_gone: Allowed) -> Difference:
    most = most_gone(found.copied)
    if most is not None and len(found.gone) > most:
        found.too_many = len(found.gone)
    if found.too_many:
        found.gone = set()
    elif found.gone:
        found.gone -= await shown_ids(client, entity, found.gone)
    return found


class _Tree:
    """Compares counts of ever smaller ranges."""

    def __init__(self, client: PortalClient, entity: Entity, copy: Copy, most_gone: Allowed) -> None:
        self._client = client
        self._entity = entity
        self._copy = copy
        self._most_gone = most_gone

    async def grow(self, whole: Range) -> Difference:
        """The difference, unconfirmed. Raises ``CountsUnusableError``."""
        level = await self._count(await self._copy.cut(*whole, self._client.batch_size))
        found = Difference(sum(item.copied for item in level), sum(item.shown for item in level))
        await self._check(found)
        surplus = found.copied - (found.shown or 0)
        most = self._most_gone(found.copied)
        if most is not None and surplus > most:
            found.too_many = surplus
            return found
        far = [item.range for item in level if item.differs]
        if sum(abs(item.copied - item.shown) for item in level) > found.copied // _DEARER_FROM[0] + _DEARER_FROM[1]:
            await _sweep(self._client, self._entity, self._copy, far, found)
            return found
        left = _SPARE_REQUESTS + 2 * (found.copied // _ROWS_A_REQUEST)
        while differing := [item for item in level if item.differs]:
            small = [item for item in differing if item.shown <= PAGE]
            large = [item for item in differing if item.shown > PAGE]
            await self._list(small, found)
            if not large:
                break
            pieces = max(_LEAST_PIECES, self._client.batch_size // len(large))
            left -= -(-pieces * len(large) // self._client.batch_size)
            if left < 0:  # by now listing every id would be cheaper: very many differences, or counts that are wrong
                raise CountsUnusableError("too many ranges differ in their numbers of rows")
            cut = [piece for item in large for piece in await self._copy.cut(*item.range, pieces)]
            level = await self._count(cut)
            # Rows may have gone since the larger range was counted.
            found.shown = (found.shown or 0) + sum(item.shown for item in level) - sum(item.shown for item in large)
        return found

    async def _count(self, ranges: Sequence[tuple[Range, int]]) -> list[_Compared]:
        commands = [
            list_command(self._entity, self._within(low, high), start=0, select=[self._entity.key])
            for (low, high), _ in ranges
        ]
        try:
            answers = await self._client.call_many(commands)
        except (AnswerTimeoutError, MalformedAnswerError) as error:
            raise CountsUnusableError(str(error)) from None
        compared = []
        for (bounds, copied), answer in zip(ranges, answers, strict=True):
            if isinstance(answer, AnswerTimeoutError):
                raise CountsUnusableError(str(answer))
            total = _good(answer).total
            if total is None:
                raise CountsUnusableError("the portal's answers tell no total")
            compared.append(_Compared(bounds, copied, total))
        return compared

    async def _check(self, found: Difference) -> None:
        """A portal that counts nothing although it shows rows does not count at all."""
        if found.shown or not found.copied:
            return
        [answer] = await self._client.call_many([list_command(self._entity, select=[self._entity.key])])
        if rows_of(self._entity, _good(answer)):
            raise CountsUnusableError("the portal counts no rows but shows some")

    async def _list(self, ranges: Sequence[_Compared], found: Difference) -> None:
        """List ranges that fit a page each, and compare ids."""
        asked = [item.range for item in ranges if item.shown]
        commands = [list_command(self._entity, self._within(*bounds), select=[self._entity.key]) for bounds in asked]
        shown: set[int] = set()
        read = [item.range for item in ranges if not item.shown]
        for (low, high), answer in zip(asked, await self._client.call_many(commands) if commands else [], strict=True):
            rows = rows_of(self._entity, _good(answer))
            last = check_page(self._entity, rows, low, high)
            shown |= {row_id(self._entity, row) for row in rows}
            # A full page may not be all: rows came back since they were counted. The rest is for the next time.
            read.append((low, high if last is None or len(rows) < PAGE else last))
        found.shown = (found.shown or 0) + len(shown) - sum(item.shown for item in ranges)
        _compare_ids(found, await self._copy.ids(read), shown)

    def _within(self, low: int, high: int) -> dict[str, int]:
        return {f">={self._entity.key}": low, f"<={self._entity.key}": high}


async def _sweep(client: PortalClient, entity: Entity, copy: Copy, ranges: Sequence[Range], found: Difference) -> int:
    """Find the difference within ranges by listing the portal's ids; answers how many there are."""
    thin = replace(entity, select=(entity.key,))
    total = 0
    async with walk(client, thin, skip=subtract((-_TOP, _TOP), ranges)) as reading:
        first, last = reading.low, reading.high
        async for part in reading:
            ids = {row_id(entity, row) for row in part.rows}
            total += len(ids)
            _compare_ids(found, await copy.ids(part.done), ids)
    # Below the portal's first row and above its last one there are none.
    empty = ranges if first is None or last is None else [*subtract((-_TOP, _TOP), [(first, last)])]
    outside = [(max(a, low), min(b, high)) for a, b in empty for low, high in ranges]
    _compare_ids(found, await copy.ids([(a, b) for a, b in outside if a <= b]), set())
    return total


def _compare_ids(found: Difference, copied: Iterable[int], shown: set[int]) -> None:
    copied = set(copied)
    found.gone |= copied - shown
    found.missing |= shown - copied


def _good(answer: Response | BitrixError) -> Response:
    if isinstance(answer, BitrixError):
        raise answer
    return answer

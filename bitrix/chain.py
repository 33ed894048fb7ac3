"""Chains: pages of one batch, each of which begins behind the last id of the one before it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bitrix.command import Command, Ref
from bitrix.decode import Response
from bitrix.entities import Entity
from bitrix.errors import BitrixError, MalformedAnswerError
from bitrix.listing import PAGE, Row, check_page, list_command, rows_of
from bitrix.plan import Range, Stretch


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """Where reading a chain of pages ended: the range that its rows complete, what is left of the stretch, and why."""

    done: Range | None
    left: Stretch | None
    error: BitrixError | None = None


def chain(entity: Entity, filters: Mapping[str, Any], pages: int, *, first: int) -> list[Command]:
    """Commands for ``pages`` pages under the same filters; ``first`` is the index of the first of them in its batch.

    Filters should hold a lower bound of the key: behind a short page the reference means nothing, the page starts over,
    and the bound keeps it from reading the whole list again.
    """
    behind = (Ref(index, (*entity.rows_at, PAGE - 1, entity.key)) for index in range(first, first + pages - 1))
    return [
        list_command(entity, filters),
        *(list_command(entity, {**filters, f">{entity.key}": reference}) for reference in behind),
    ]


def read_chain(
    entity: Entity, stretch: Stretch, answers: Iterable[Response | BitrixError]
) -> Generator[list[Row], None, ChainEnd]:
    """The rows of a chain page by page, up to the first short or failed one; what follows it is the stretch over again.

    When a short page comes before the counted rows are all there, what is behind it is asked once more: a portal that
    leaves out a row of a page must not end the stretch. Raises :class:`~bitrix.errors.WrongRowsError` when rows are
    not those that were asked for.
    """
    error: BitrixError | None = None
    count, low = 0, stretch.low
    for answer in answers:
        if isinstance(answer, BitrixError):
            error = answer
            break
        try:
            page = rows_of(entity, answer)
        except MalformedAnswerError as malformed:
            error = malformed
            break
        last = check_page(entity, page, low, stretch.high)
        count += len(page)
        if page:
            yield page
        if last is not None:
            low = last + 1
        if len(page) < PAGE:
            doubtful = page and stretch.width > PAGE and count < stretch.expected
            if not doubtful:
                low = stretch.high + 1
            return _chain_end(stretch, low, expected=0)
        if low > stretch.high:
            break
    expected = stretch.expected - count
    if expected <= 0 and error is None:
        expected = 2 * count  # the count was too low by nobody knows how much: ask for more each time
    return _chain_end(stretch, low, max(0, expected), error)


def _chain_end(stretch: Stretch, low: int, expected: int, error: BitrixError | None = None) -> ChainEnd:
    done = (stretch.low, low - 1) if low > stretch.low else None
    left = Stretch(low, stretch.high, expected) if low <= stretch.high else None
    return ChainEnd(done, left, error)

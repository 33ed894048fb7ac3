"""Chains: pages of one batch, each of which begins behind the last id of the one before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bitrix.command import Command, Ref
from bitrix.decode import Response
from bitrix.entities import Entity
from bitrix.errors import BitrixError
from bitrix.listing import PAGE, Row, check_page, list_command, rows_of
from bitrix.plan import Range, Stretch


@dataclass(frozen=True, slots=True)
class ChainResult:
    """What a chain of pages brought: rows, the range they complete, what is left of the stretch, and why."""

    rows: list[Row]
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


def read_chain(entity: Entity, stretch: Stretch, answers: Sequence[Response | BitrixError]) -> ChainResult:
    """Read the pages of a chain up to the first short or failed one; what follows it is the stretch read over again.

    When a short page comes before the counted rows are all there, what is behind it is asked once more: a portal that
    leaves out a row of a page must not end the stretch. Raises :class:`~bitrix.errors.WrongRowsError` when rows are
    not those that were asked for.
    """
    rows: list[Row] = []
    low, error = stretch.low, None
    for answer in answers:
        if isinstance(answer, BitrixError):
            error = answer
            break
        page = rows_of(entity, answer)
        last = check_page(entity, page, low, stretch.high)
        rows += page
        if last is not None:
            low = last + 1
        if len(page) < PAGE:
            doubtful = page and stretch.width > PAGE and len(rows) < stretch.expected
            if not doubtful:
                low = stretch.high + 1
            return _chain_result(stretch, rows, low, expected=0)
        if low > stretch.high:
            break
    expected = stretch.expected - len(rows)
    if expected <= 0 and error is None:
        expected = 2 * len(rows)  # the count was too low by nobody knows how much: ask for more each time
    return _chain_result(stretch, rows, low, max(0, expected), error)


def _chain_result(
    stretch: Stretch, rows: list[Row], low: int, expected: int, error: BitrixError | None = None
) -> ChainResult:
    done = (stretch.low, low - 1) if low > stretch.low else None
    if low > stretch.high:
        return ChainResult(rows, done, None)
    return ChainResult(rows, done, Stretch(low, stretch.high, expected), error)

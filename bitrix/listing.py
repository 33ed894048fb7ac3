"""How the rows of an entity are asked for, and how they are found in the answer and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bitrix.command import Command
from bitrix.decode import Response, as_int
from bitrix.entities import Entity
from bitrix.errors import MalformedAnswerError, WrongRowsError

PAGE = 50
"""Rows on a page of every list method; the portal does not let a caller change it."""

Row = dict[str, Any]


def list_command(
    entity: Entity,
    filters: Mapping[str, Any] | None = None,
    *,
    start: int = -1,
    select: Sequence[str] | None = None,
    descending: bool = False,
) -> Command:
    """One page of an entity's list in the order of its key. ``start=-1`` spares the portal counting the rows."""
    direction = "DESC" if descending else "ASC"
    params: dict[str, Any] = dict(entity.params)
    if entity.sort_pair:
        params |= {"SORT": entity.key, "ORDER": direction, "FILTER": dict(filters or {})}
    else:
        params |= {"order": {entity.key: direction}, "filter": dict(filters or {})}
        params |= {"select": list(entity.select if select is None else select)}
    params["start"] = start
    return Command(entity.list_method, {name: value for name, value in params.items() if value not in ({}, [])})


def rows_of(entity: Entity, response: Response) -> list[Row]:
    """The rows of a list answer.

    Raises :class:`~bitrix.errors.MalformedAnswerError` when they are not where they belong.
    """
    value = response.result
    for step in entity.rows_at:
        if isinstance(value, Mapping):
            value = value.get(step, [])
        elif value != []:  # an empty map arrives as a list
            raise MalformedAnswerError(entity.list_method, f"the answer has no {'.'.join(entity.rows_at)}")
    if isinstance(value, Mapping) and all(key.isdigit() for key in value):
        value = list(value.values())  # PHP prints a list with gaps as a map
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise MalformedAnswerError(entity.list_method, "the answer holds no list of rows")
    return value


def row_id(entity: Entity, row: Row) -> int:
    """A row's numeric key. Raises :class:`~bitrix.errors.WrongRowsError` when it has none."""
    value = as_int(row.get(entity.key))
    if value is None:
        raise WrongRowsError(entity.list_method, f"a row has no numeric {entity.key}")
    return value


def check_page(entity: Entity, rows: Sequence[Row], low: int, high: int | None) -> int | None:
    """Verify that a page's ids rise within ``low`` to ``high``; returns the last of them, None if empty.

    A row may come twice in a row, as from a join of the portal's. A portal ignores filters that it does not understand
    and answers from the beginning: such rows must not pass.
    Raises :class:`~bitrix.errors.WrongRowsError`.
    """
    if len(rows) > PAGE:
        raise WrongRowsError(entity.list_method, f"a page has {len(rows)} rows, more than {PAGE}")
    last = low - 1
    for row in rows:
        number = row_id(entity, row)
        if number == last and number >= low:
            continue
        if number < last or number < low or (high is not None and number > high):
            asked = f"{entity.key} from {low}" + (f" to {high}" if high is not None else "")
            problem = "out of order" if low <= number <= last else "outside the range"
            raise WrongRowsError(
                entity.list_method, f"asked for {asked}, got {entity.key} {number}, which is {problem}"
            )
        last = number
    return last if rows else None

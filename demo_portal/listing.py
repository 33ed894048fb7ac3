"""Pages of 50: what every list method does after its filter.

``start=-1`` asks for no count, so ``total`` is 0 and there is no ``next``. Without an order rows come as they lie in
storage, not by id, and pages overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo_portal.clock import parse_instant
from demo_portal.filters import Condition, select_rows, to_number
from demo_portal.schema import MULTIFIELDS, FieldSpec
from demo_portal.table import MISSING, Table

PAGE = 50


@dataclass(frozen=True, slots=True)
class Page:
    """One page. ``next`` is None on the last page and where nothing was counted."""

    indexes: Sequence[int]
    total: int
    next: int | None


def page_of(
    table: Table,
    fields: Mapping[str, FieldSpec],
    conditions: Sequence[Condition],
    order: Mapping[str, Any],
    start: int,
) -> Page:
    """The page at an offset; an offset within a page is floored to its start, -1 is the first page uncounted."""
    found = select_rows(table, conditions)
    offset = 0 if start < 0 else start // PAGE * PAGE
    indexes = _in_order(table, fields, found, order, offset)
    if start < 0:
        return Page(indexes, 0, None)
    following = offset + PAGE
    return Page(indexes, len(found), following if following < len(found) else None)


def _in_order(
    table: Table, fields: Mapping[str, FieldSpec], found: Sequence[int], order: Mapping[str, Any], offset: int
) -> Sequence[int]:
    keys = [(code.upper(), str(way).upper() == "DESC") for code, way in order.items() if code.upper() in fields]
    keys = [(code, descending) for code, descending in keys if code not in MULTIFIELDS]
    if not keys:
        return _as_stored(found, offset)
    if keys[0][0] == "ID":
        if not keys[0][1]:
            return found[offset : offset + PAGE]
        stop = max(len(found) - offset, 0)
        return found[max(stop - PAGE, 0) : stop][::-1]
    ordered = list(found)
    for code, descending in reversed(keys):
        at, field = table.position[code], fields[code]
        ordered.sort(key=lambda index: _sort_key(field, table.rows[index][at]), reverse=descending)
    return ordered[offset : offset + PAGE]


def _as_stored(found: Sequence[int], offset: int) -> Sequence[int]:
    """An order that is not by id and shifts by a row from page to page, as an unordered SQL query may."""
    if len(found) <= 1 or offset >= len(found):
        return found[offset : offset + PAGE]
    shift = len(found) // 3 + 1 - offset // PAGE % 2
    count = min(PAGE, len(found) - offset)
    return [found[(offset + shift + step) % len(found)] for step in reversed(range(count))]


def _sort_key(field: FieldSpec, value: Any) -> tuple[int, Any]:
    if value is MISSING or value is None or value is False or value == "" or isinstance(value, list):
        return (0, 0)
    if field.type in ("date", "datetime"):
        return (1, parse_instant(str(value)) or 0)
    if field.type in ("string", "char", "url", "crm_status", "crm_currency"):
        return (1, str(value).casefold())
    return (1, to_number(value))

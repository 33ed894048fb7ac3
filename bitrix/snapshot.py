"""Reading small lists whole, and the portal's clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bitrix.changes import walk_above
from bitrix.client import PortalClient
from bitrix.entities import Entity
from bitrix.errors import MalformedAnswerError, WrongRowsError
from bitrix.listing import Row, rows_of

_FIRST_PAGES = 3
_MOST_PAGES = 2000


async def snapshot(client: PortalClient, entity: Entity) -> list[Row]:
    """All rows of a small list, such as statuses, pipelines, currencies, users or departments.

    Raises :class:`~bitrix.errors.BitrixError`.
    """
    if entity.by_id:
        parts = walk_above(client, entity, 0, first_pages=_FIRST_PAGES)
        return [row async for part in parts for row in part.rows]
    return await _by_offset(client, entity)


async def _by_offset(client: PortalClient, entity: Entity) -> list[Row]:
    """Page by page while the portal names a next one: lists that are documented as unpaged end after one."""
    params = dict(entity.params)
    rows: list[Row] = []
    seen: set[Any] = set()
    start = 0
    for _ in range(_MOST_PAGES):
        response = await client.call(entity.list_method, {**params, "start": start} if start else params)
        page = rows_of(entity, response)
        # Past the end some methods answer the first page again.
        fresh = [row for row in page if str(row.get(entity.key)) not in seen]
        seen.update(str(row.get(entity.key)) for row in fresh)
        rows += fresh
        if response.next is None or not page:
            return rows
        if not fresh or response.next <= start:
            raise WrongRowsError(entity.list_method, f"page {start} brought the rows of an earlier page again")
        start = response.next
    raise MalformedAnswerError(entity.list_method, f"the list does not end after {_MOST_PAGES} pages")


async def portal_clock(client: PortalClient) -> datetime:
    """The portal's own time now, with its offset. Raises :class:`~bitrix.errors.BitrixError`."""
    response = await client.call("server.time")
    if response.time.started is None:
        raise MalformedAnswerError("server.time", "the answer does not tell the portal's time")
    return response.time.started

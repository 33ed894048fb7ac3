"""Reading small lists whole, and the portal's clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bitrix.client import PortalClient
from bitrix.command import Command, Ref
from bitrix.decode import Response
from bitrix.entities import Entity
from bitrix.errors import BitrixError, MalformedAnswerError, WrongRowsError
from bitrix.listing import PAGE, Row, check_page, list_command, rows_of

_BY_KEYSET = frozenset({"user.get"})
_UNPAGED = frozenset({"crm.status.list", "crm.category.list", "crm.currency.list"})
_CHAINED_PAGES = 10
_MOST_PAGES = 2000


async def snapshot(client: PortalClient, entity: Entity) -> list[Row]:
    """All rows of a small list, such as statuses, pipelines, currencies, users or departments.

    Raises :class:`~bitrix.errors.BitrixError`.
    """
    if entity.list_method in _BY_KEYSET:
        return await _by_keyset(client, entity)
    return await _by_offset(client, entity)


async def _by_offset(client: PortalClient, entity: Entity) -> list[Row]:
    """Page by page while the portal names a next one: lists that are documented as unpaged end after one."""
    params = dict(entity.params)
    if entity.list_method not in _UNPAGED:
        params |= {"SORT": entity.key, "ORDER": "ASC"}
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


async def _by_keyset(client: PortalClient, entity: Entity) -> list[Row]:
    """Chains of pages by rising id, until a short one."""
    rows: list[Row] = []
    above = 0
    pages = min(_CHAINED_PAGES, client.batch_size)
    while True:
        first = list_command(entity, {f">{entity.key}": above})
        answers: list[Response | BitrixError]
        if not rows:
            answers = [await client.call(first.method, first.params)]  # most portals have no second page
        else:
            answers = await client.batch([first, *_behind(entity, above, pages - 1)])
        for answer in answers:
            if isinstance(answer, BitrixError):
                raise answer
            page = rows_of(entity, answer)
            last = check_page(entity, page, above + 1, None)
            rows += page
            if last is None or len(page) < PAGE:
                return rows
            above = last


def _behind(entity: Entity, above: int, pages: int) -> list[Command]:
    return [
        list_command(
            entity,
            {f">={entity.key}": above + 1, f">{entity.key}": Ref(index, (*entity.rows_at, PAGE - 1, entity.key))},
        )
        for index in range(pages)
    ]


async def portal_clock(client: PortalClient) -> datetime:
    """The portal's own time now, with its offset. Raises :class:`~bitrix.errors.BitrixError`."""
    response = await client.call("server.time")
    if response.time.started is None:
        raise MalformedAnswerError("server.time", "the answer does not tell the portal's time")
    return response.time.started

"""Reading what changed: rows modified since a moment, rows created above an id, rows named by id."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from bitrix.chain import chain
from bitrix.client import PortalClient, back_off
from bitrix.command import Command
from bitrix.decode import Response
from bitrix.entities import Entity, Walk
from bitrix.errors import BitrixError, WrongRowsError
from bitrix.listing import PAGE, Row, check_page, list_command, row_id, rows_of
from bitrix.walk import Opened, RowWalk, Slice, started

log = structlog.get_logger("bitrix.changes")

_FIRST_PAGES = 10
"""Pages of each chain in the first batch: little has changed as a rule, and pages cost the portal time."""

_NEARLY_FULL = PAGE - 5
"""A page that lacks only a few rows may be one that the portal left rows out of: what is behind it is asked for too."""

_TOLERANCE = timedelta(hours=15)
"""A portal that ignores the offset of a filter's time shifts the window by 14 hours at most. Rows older than this
were not filtered at all."""


@dataclass(slots=True)
class _Chain:
    """Pages by rising id above ``above``, all under ``filters``."""

    entity: Entity
    filters: dict[str, Any]
    above: int
    below: int | None = None
    since: datetime | None = None
    over: bool = False
    failures: int = 0

    def commands(self, pages: int, first: int) -> list[Command]:
        key = self.entity.key
        filters: dict[str, Any] = {**self.filters, f">={key}": self.above + 1}
        if self.below is not None:
            filters[f"<={key}"] = self.below
        return chain(self.entity, filters, pages, first=first)

    def read(self, answers: Sequence[Response | BitrixError]) -> tuple[list[Row], BitrixError | None]:
        """Rows up to the first short page; what follows it is the same page again."""
        rows: list[Row] = []
        for answer in answers:
            if isinstance(answer, BitrixError):
                return rows, answer
            page = rows_of(self.entity, answer)
            last = check_page(self.entity, page, self.above + 1, self.below)
            if self.since is not None:
                check_modified(self.entity, page, self.since)
            rows += page
            self.failures = 0
            if last is None or len(page) < _NEARLY_FULL:
                self.over = True
                return rows, None
            self.above = last
            if len(page) < PAGE:
                return rows, None
        return rows, None


def walk_changes(client: PortalClient, entity: Entity, *, since: datetime | None, above_id: int) -> RowWalk:
    """Read the rows modified at or after ``since`` and all rows with ids above ``above_id``; no row comes twice.

    ``since`` carries its offset; give it an overlap, for modification times have a precision of one second. Rows that
    an import created with old times are found by their ids. Append-only entities need no ``since``. One request when
    little changed. Iterating raises :class:`~bitrix.errors.WrongRowsError` when the portal ignores the time filter.
    """
    if entity.walk is not Walk.APPEND_ONLY and (since is None or since.tzinfo is None):
        raise ValueError(f"changes of {entity.name} need a moment, with its time zone, to begin at")

    chains = [_Chain(entity, {}, above_id)]
    if since is not None and entity.modified and above_id > 0:
        window = {f">={entity.modified}": since}
        chains.insert(0, _Chain(entity, window, 0, below=above_id, since=since))
    return _chains(client, entity, chains, _FIRST_PAGES)


def walk_above(client: PortalClient, entity: Entity, above_id: int, *, first_pages: int = _FIRST_PAGES) -> RowWalk:
    """Read the rows with ids above ``above_id`` in rising order, ``first_pages`` pages in the first request."""
    return _chains(client, entity, [_Chain(entity, {}, above_id)], first_pages)


def _chains(client: PortalClient, entity: Entity, chains: list[_Chain], first_pages: int) -> RowWalk:
    async def start() -> Opened:
        first = await _ask(client, chains, first_pages)
        return Opened(started(entity, first.response), _follow(client, chains, first.rows))

    return RowWalk(entity.list_method, start)


@dataclass(frozen=True, slots=True)
class _Round:
    rows: list[Row]
    response: Response


async def _follow(client: PortalClient, chains: Sequence[_Chain], rows: list[Row]) -> AsyncGenerator[Slice, None]:
    yield Slice([rows])
    while unfinished := [item for item in chains if not item.over]:
        found = await _ask(client, unfinished, max(1, client.batch_size // len(unfinished)))
        yield Slice([found.rows])


async def _ask(client: PortalClient, chains: Sequence[_Chain], pages: int) -> _Round:
    """One batch that moves the chains on, as many as fit. Asks again while a chain fails in a way that passes, and for
    fewer pages where the portal cannot answer as many at once."""
    chains = chains[: client.batch_size]
    pages = max(1, min(pages, client.batch_size // len(chains)))
    while True:
        commands: list[Command] = []
        for item in chains:
            commands += item.commands(pages, first=len(commands))
        try:
            answers = await client.batch(commands)
        except BitrixError as refusal:
            if pages == 1 or not refusal.too_much:
                raise
            pages //= 2
            log.warning("asking for less at once", method=refusal.method, pages=pages, reason=str(refusal))
            continue
        rows: list[Row] = []
        wait = 0.0
        for index, item in enumerate(chains):
            found, error = item.read(answers[index * pages : (index + 1) * pages])
            rows += found
            if error is not None:
                wait = max(wait, _may_fail(item, error))
        if wait:
            await client.sleep(wait)
        response = next((answer for answer in answers if isinstance(answer, Response)), None)
        if response is not None:
            return _Round(rows, response)


def _may_fail(item: _Chain, error: BitrixError) -> float:
    """Count a failure of a chain; returns the seconds to wait, or raises when it cannot or did not pass."""
    item.failures += 1
    if error.retry is None or item.failures >= error.retry.attempts:
        raise error
    return back_off(error, item.failures)


def check_modified(entity: Entity, rows: Collection[Row], since: datetime) -> None:
    """Verify that rows are not older than ``since``: a portal ignores filters that it does not know.

    Raises :class:`~bitrix.errors.WrongRowsError`.
    """
    oldest: datetime | None = None
    for row in rows:
        moment = _moment(row.get(entity.modified or ""))
        if moment is not None and (oldest is None or moment < oldest):
            oldest = moment
    if rows and oldest is None:
        raise WrongRowsError(
            entity.list_method, f"no row tells its {entity.modified}, so the filter cannot be verified"
        )
    if oldest is not None and oldest < since - _TOLERANCE:
        text = f"asked for rows modified since {since.isoformat()}, got one of {oldest.isoformat()}"
        raise WrongRowsError(entity.list_method, text)
    if oldest is not None and oldest < since - timedelta(minutes=1):
        log.warning("the portal reads filter times in another zone", method=entity.list_method, oldest=str(oldest))


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


async def by_ids(client: PortalClient, entity: Entity, ids: Iterable[int]) -> AsyncGenerator[Slice, None]:
    """Read the rows with these ids, 50 in a command. Ids that the portal does not show are simply not among the rows.

    Raises :class:`~bitrix.errors.BitrixError` when a part cannot be read.
    """
    wanted = sorted(set(ids))
    size = PAGE * client.batch_size
    for first in range(0, len(wanted), size):
        part = wanted[first : first + size]
        asked = [part[at : at + PAGE] for at in range(0, len(part), PAGE)]
        commands = [list_command(entity, {f"@{entity.key}": group}) for group in asked]
        rows: list[Row] = []
        for group, answer in zip(asked, await client.call_many(commands), strict=True):
            if isinstance(answer, BitrixError):
                raise answer
            page = rows_of(entity, answer)
            check_page(entity, page, group[0], group[-1])
            if not {row_id(entity, row) for row in page} <= set(group):
                raise WrongRowsError(entity.list_method, "got rows with other ids than those asked for")
            rows += page
        yield Slice([rows])

"""Reading every row of a large entity, however many there are and whatever changes meanwhile.

Rows are asked for by id, never by offset: a row deleted during the walk shifts no page, so none is missed. Several
batches are in flight; what was fetched waits for the consumer, and no more is fetched than that.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import structlog

from bitrix.chain import ChainEnd, chain, read_chain
from bitrix.client import PortalClient, back_off
from bitrix.command import Command
from bitrix.decode import Response
from bitrix.entities import Entity
from bitrix.errors import BitrixError, MalformedAnswerError, WrongRowsError
from bitrix.listing import PAGE, Row, list_command, row_id, rows_of
from bitrix.plan import Range, Stretch, split, subtract, take, work_items

log = structlog.get_logger("bitrix.walk")

_STRETCHES = 50
_RECOUNTS = 2
_WAITING = 2
"""Slices that may wait for a slow consumer before no more are fetched."""
_FULL_FLIGHT_SECONDS = 1.6
"""A portal that takes so long for a batch is asked for as many at once as may be in flight, a quicker one for fewer,
down to one: that is as fast, takes less memory, and whatever is in flight is lost when this process is killed."""
_PLENTY = 20.0
"""Requests a second. Where so many are allowed, as by a portal on a server of one's own, batches are half as long and
one is fetched while the consumer is busy with the other. Elsewhere requests are what is scarce."""


class Slice:
    """Rows of one batch, decoded page by page while they are read, in any thread.

    Iterate once over ``pages``, or take all ``rows``. What was not read when the next slice is asked for is read then.
    Reading raises :class:`~bitrix.errors.WrongRowsError` when rows are not those that were asked for.
    """

    def __init__(self, pages: Iterable[list[Row]], done: list[Range] | None = None) -> None:
        self.pages: Iterator[list[Row]] = iter(pages)
        self.done: list[Range] = [] if done is None else done
        """Closed ranges of ids of which every row has been read, once the pages have been (none for changes)."""
        self._rows: list[Row] | None = None

    @property
    def rows(self) -> list[Row]:
        """All rows whose pages were not taken from ``pages``."""
        if self._rows is None:
            self._rows = [row for page in self.pages for row in page]
        return self._rows


class RowWalk:
    """A walk over rows: iterate over it once for its slices; inside ``async with`` its requests end with the block.

    Nothing is sent before it is entered or iterated. From then on ``started_at`` is the portal's own clock before the
    first row was read: the next watermark. ``low`` and ``high`` are the ids that the walk covers, ``expected`` about
    how many rows; None where that is not known.
    """

    def __init__(self, method: str, start: Callable[[], Awaitable[Opened]]) -> None:
        self._method = method
        self._start = start
        self._opened: Opened | None = None

    @property
    def started_at(self) -> datetime:
        """The portal's clock at the start. Raises ``RuntimeError`` before the walk was entered or iterated."""
        if self._opened is None:
            raise RuntimeError(f"the walk over {self._method} has not begun")
        return self._opened.started_at

    @property
    def low(self) -> int | None:
        """The lowest id that the walk covers."""
        return self._opened.low if self._opened else None

    @property
    def high(self) -> int | None:
        """The highest id that the walk covers: later rows are left to the next reading of changes."""
        return self._opened.high if self._opened else None

    @property
    def expected(self) -> int | None:
        """About how many rows will come."""
        return self._opened.expected if self._opened else None

    async def __aenter__(self) -> Self:
        if self._opened is None:
            self._opened = await self._start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the requests in flight."""
        if self._opened is not None:
            await self._opened.slices.aclose()

    def __aiter__(self) -> AsyncGenerator[Slice, None]:
        # Inside ``async with`` the block ends the requests; a second generator around them would race it.
        return self._opened.slices if self._opened is not None else self._alone()

    async def _alone(self) -> AsyncGenerator[Slice, None]:
        async with self:
            async for part in self:
                yield part


@dataclass(frozen=True, slots=True)
class Opened:
    """A walk whose first answer has come."""

    started_at: datetime
    slices: AsyncGenerator[Slice, None]
    low: int | None = None
    high: int | None = None
    expected: int | None = None


def walk(client: PortalClient, entity: Entity, *, skip: Iterable[Range] = (), in_flight: int = 8) -> RowWalk:
    """Read all rows of an entity, except the id ranges in ``skip``, which an earlier walk has read.

    Slices come in no particular order of ids; at most ``in_flight`` of them are fetched or wait at a time, fewer of a
    quick portal. Rows created after the walk began are left to the next reading of changes. Iterating raises
    :class:`~bitrix.errors.BitrixError` when a part cannot be read: what was not yielded is not done.
    """
    done = list(skip)
    return RowWalk(entity.list_method, lambda: _open(client, entity, done, in_flight))


async def _open(client: PortalClient, entity: Entity, skip: list[Range], in_flight: int) -> Opened:
    probe = [list_command(entity, start=0, select=[entity.key]), _last_row(entity)]
    first, last = [_good(answer) for answer in await client.call_many(probe)]
    started_at = started(entity, first)
    lowest, highest = rows_of(entity, first), rows_of(entity, last)
    if not lowest or not highest:
        return Opened(started_at, _Walk(client, entity, [], in_flight).slices(), expected=0)
    low, high = row_id(entity, lowest[0]), row_id(entity, highest[0])
    if high < low:
        raise WrongRowsError(entity.list_method, "the portal ignored the order of the list")
    stretches = await _plan(
        client, entity, subtract((low, high), skip), Stretch(low, high, first.total or 0), in_flight
    )
    run = _Walk(client, entity, work_items(stretches, client.batch_size), in_flight)
    expected = sum(stretch.expected for stretch in stretches)
    return Opened(started_at, run.slices(), low=low, high=high, expected=expected)


def _last_row(entity: Entity) -> Command:
    return list_command(entity, select=[entity.key], descending=True)


def _good(answer: Response | BitrixError) -> Response:
    if isinstance(answer, BitrixError):
        raise answer
    return answer


def started(entity: Entity, response: Response) -> datetime:
    """The portal's clock at an answer. Raises :class:`~bitrix.errors.MalformedAnswerError` when it shows none."""
    if response.time.started is None:
        raise MalformedAnswerError(entity.list_method, "the answer does not tell the portal's time")
    return response.time.started


async def _plan(
    client: PortalClient, entity: Entity, left: list[Range], whole: Stretch, in_flight: int
) -> list[Stretch]:
    """Count rows by stretches of ids where they are sparse; count again within stretches that hold very many."""
    share = whole.expected / whole.width
    guess = [Stretch(low, high, round((high - low + 1) * share)) for low, high in left]
    if whole.dense or all(stretch.pages <= 1 for stretch in guess):
        return guess
    if sum(stretch.pages for stretch in guess) <= client.batch_size:
        return guess  # one batch reads it all
    stretches = await _count(client, entity, split(left, _STRETCHES), share)
    for _ in range(_RECOUNTS):
        most = max(2 * client.batch_size * PAGE, whole.expected // (2 * in_flight))
        heavy = [item for item in stretches if item.expected > most and not item.dense]
        if not heavy:
            break
        pieces = split([(item.low, item.high) for item in heavy], _STRETCHES)
        kept = [item for item in stretches if item not in heavy]
        stretches = sorted(kept + await _count(client, entity, pieces, share), key=lambda item: item.low)
    return stretches


async def _count(client: PortalClient, entity: Entity, ranges: Sequence[Range], share: float) -> list[Stretch]:
    commands = [
        list_command(entity, {f">={entity.key}": low, f"<={entity.key}": high}, start=0, select=[entity.key])
        for low, high in ranges
    ]
    stretches = []
    for (low, high), answer in zip(ranges, await client.call_many(commands), strict=True):
        total = _good(answer).total
        width = high - low + 1
        stretches.append(Stretch(low, high, min(width, round(width * share) if total is None else max(0, total))))
    return stretches


class _Walk:
    """Sends batches for the stretches in its queue and puts back what they did not finish."""

    def __init__(self, client: PortalClient, entity: Entity, work: Iterable[Stretch], in_flight: int) -> None:
        self.client = client
        self.entity = entity
        self.queue = deque(work)
        self.in_flight = in_flight
        plenty = client.bucket.leak >= _PLENTY and client.batch_size > 1
        self.least_flights = self.flights = 2 if plenty else 1
        self.took: deque[float] = deque(maxlen=3)  # seconds of the last batches
        self.running = 0
        self.width = -(-client.batch_size // 2) if plenty else client.batch_size
        self.progress = 0
        self.failures: dict[int, tuple[int, int]] = {}  # low end of a stretch: how often, and the progress by then
        self.pause = 0.0

    async def slices(self) -> AsyncGenerator[Slice, None]:
        running: set[asyncio.Task[_Batch | None]] = set()
        ready: deque[_Batch] = deque()
        try:
            while self.queue or running or ready:
                if self.pause:
                    pause, self.pause = self.pause, 0.0
                    await self.client.sleep(pause)
                # Slices that wait for the consumer count as in flight, and few may wait: that bounds the memory.
                waiting = len(ready) + sum(task.done() for task in running)
                while self.queue and waiting < _WAITING and len(running) + len(ready) < self.flights:
                    running.add(asyncio.create_task(self._batch(take(self.queue, self.width))))
                if not ready:
                    finished, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    for outcome in await asyncio.gather(*finished, return_exceptions=True):
                        if isinstance(outcome, BaseException):
                            raise outcome
                        if outcome is not None:
                            ready.append(outcome)
                    continue  # what could not be asked at once goes out again before the consumer takes its time
                found = ready.popleft()
                yield found
                self._go_on(found)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _batch(self, taken: Sequence[tuple[Stretch, int]]) -> _Batch | None:
        """One batch's answers; None when it has to be asked again for less at once."""
        commands: list[Command] = []
        for stretch, pages in taken:
            bounds = {f">={self.entity.key}": stretch.low, f"<={self.entity.key}": stretch.high}
            commands += chain(self.entity, bounds, pages, first=len(commands))
        begun = time.monotonic()
        self.running += 1
        try:
            answers = await self.client.batch(commands)
            self._pace(answers, time.monotonic() - begun)
        except BitrixError as error:
            self._shrink(error, len(commands))
            self.queue.extendleft(stretch for stretch, _ in reversed(taken))
            return None
        finally:
            self.running -= 1
        return _Batch(self.entity, taken, answers)

    def _go_on(self, read: _Batch) -> None:
        """Put back what the pages of a batch did not finish."""
        _ = read.rows  # of pages that the consumer left alone
        self.progress += len(read.done)
        for end in read.ends:
            if end.left:
                self._put_back(end.left, end.error)
        failed = sum(end.error is not None for end in read.ends)
        if failed:
            log.warning("asking again for parts of a batch", method=self.entity.list_method, parts=failed)

    def _pace(self, answers: Sequence[Response | BitrixError], seconds: float) -> None:
        """Have as many batches in flight as one of them takes long: what the portal says it worked, and the way."""
        work = sum(answer.time.duration for answer in answers if isinstance(answer, Response))
        way = max(0.0, seconds - work * self.running)  # beyond a portal that works off one after the other
        self.took.append(work + way)
        wanted = math.ceil(self.in_flight * min(self.took) / _FULL_FLIGHT_SECONDS)
        self.flights = max(self.least_flights, min(self.in_flight, wanted))

    def _put_back(self, left: Stretch, error: BitrixError | None) -> None:
        if error is not None:
            if error.retry is None:
                raise error
            # Failures add up while nothing at all moves: a method that rests again and again does not use them up.
            failures, seen = self.failures.pop(left.low, (0, self.progress))
            failures = failures + 1 if seen == self.progress else 1
            if failures >= error.retry.attempts:
                raise error
            self.failures[left.low] = failures, self.progress
            self.pause = max(self.pause, back_off(error, failures))
        self.queue.appendleft(left)

    def _shrink(self, error: BitrixError, commands: int) -> None:
        """After a batch that the portal could not answer as a whole, ask for half as much; raise when that is over."""
        if not error.too_much or commands == 1:
            raise error
        self.width = max(1, min(self.width, commands // 2))
        log.warning("asking for less at once", method=self.entity.list_method, commands=self.width, reason=str(error))


class _Batch(Slice):
    """A slice that knows where each of its chains ended."""

    def __init__(
        self, entity: Entity, taken: Sequence[tuple[Stretch, int]], answers: Sequence[Response | BitrixError]
    ) -> None:
        super().__init__(self._read(entity, taken, answers))
        self.ends: list[ChainEnd] = []

    def _read(
        self, entity: Entity, taken: Sequence[tuple[Stretch, int]], answers: Sequence[Response | BitrixError]
    ) -> Iterator[list[Row]]:
        at = 0
        for stretch, pages in taken:
            end = yield from read_chain(entity, stretch, answers[at : at + pages])
            at += pages
            self.ends.append(end)
            if end.done:
                self.done.append(end.done)

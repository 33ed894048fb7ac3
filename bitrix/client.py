"""The client of one portal: single calls and batches, within the portal's limits, retried, without leaking secrets."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx
import structlog
import tenacity

from bitrix.command import Command, command_key
from bitrix.decode import Response, Timing, as_int, as_map, error_from, excerpt, parse_timing
from bitrix.errors import (
    BitrixError,
    MalformedAnswerError,
    OperatingLimitError,
    RateLimitError,
)
from bitrix.http import PortalHttp
from bitrix.limits import LeakyBucket, OperatingBudget, RateBucket, Sleep
from bitrix.webhook_url import WebhookUrl

MAX_BATCH = 50
"""Commands that a portal takes in one ``batch``."""

log = structlog.get_logger("bitrix.client")


class PortalClient:
    """Calls a portal's REST methods through an incoming webhook. Use as ``async with``; safe for concurrent tasks.

    ``bucket`` counts requests (in-process by default; share one for all processes of a portal), ``budget`` keeps
    operating time, ``batch_size`` is the number of commands in a batch (1-50), ``concurrency`` the number of requests
    in flight, ``timeout`` the seconds to wait for an answer (the cloud itself gives up after 60).

    ``requests`` counts HTTP requests sent, ``retries`` those that were repetitions, ``waited`` the seconds spent
    waiting for the portal's limits. ``portal_time`` is the portal's clock at its last answer.
    """

    def __init__(
        self,
        url: WebhookUrl,
        *,
        bucket: RateBucket | None = None,
        budget: OperatingBudget | None = None,
        batch_size: int = MAX_BATCH,
        concurrency: int = 8,
        timeout: float = 75.0,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        if not 1 <= batch_size <= MAX_BATCH:
            raise ValueError(f"batch_size must be 1 to {MAX_BATCH}, not {batch_size}")
        self.batch_size = batch_size
        self.concurrency = concurrency
        self.bucket: RateBucket = bucket if bucket is not None else LeakyBucket()
        self.budget = budget if budget is not None else OperatingBudget()
        self.sleep = sleep
        self.retries = 0
        self.waited = 0.0
        self.portal_time: datetime | None = None
        self._slots = asyncio.Semaphore(concurrency)
        self._http = PortalHttp(url, concurrency=concurrency, timeout=timeout, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.budget.share()
        await self._http.aclose()

    def __repr__(self) -> str:
        return f"PortalClient({self.url})"

    @property
    def url(self) -> WebhookUrl:
        """The webhook in use: on the new host after the portal was renamed."""
        return self._http.url

    @property
    def requests(self) -> int:
        """HTTP requests sent, repetitions and redirects included."""
        return self._http.requests

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Response:
        """Call one method. Raises a :class:`~bitrix.errors.BitrixError` once its retries are used up."""
        response = await self._retrying(method, params or {}, (method,))
        self._observe(method, [response.time])
        return response

    async def batch(self, commands: Sequence[Command]) -> list[Response | BitrixError]:
        """Send up to ``batch_size`` commands as one request; the portal runs them in order, past failed ones.

        Returns one item a command, in order: its response, or the error of that command alone. Raises only when the
        request as a whole failed.
        """
        if not 1 <= len(commands) <= self.batch_size:
            raise ValueError(f"a batch takes 1 to {self.batch_size} commands, not {len(commands)}")
        encoded = {command_key(index): command.encode() for index, command in enumerate(commands)}
        methods = {command.method for command in commands}
        answer = await self._retrying("batch", {"halt": 0, "cmd": encoded}, ("batch", *methods))
        self._observe("batch", [answer.time])
        results = split_batch(commands, answer)
        await self._learn(commands, results)
        return results

    async def call_many(self, commands: Sequence[Command]) -> list[Response | BitrixError]:
        """Run any number of commands that do not refer to each other, in as few batches as they fit.

        Commands that failed in a way that passes are asked again, alone; what is still an error is returned in place.
        """
        results: list[Response | BitrixError | None] = [None] * len(commands)
        waiting = list(range(len(commands)))
        attempt = 0
        while waiting:
            attempt += 1
            for first in range(0, len(waiting), self.batch_size):
                indexes = waiting[first : first + self.batch_size]
                for index, result in zip(indexes, await self.batch([commands[i] for i in indexes]), strict=True):
                    results[index] = result
            failed = [(i, r) for i, r in enumerate(results) if isinstance(r, BitrixError)]
            again = [(i, r) for i, r in failed if r.retry is not None and attempt < r.retry.attempts]
            waiting = [i for i, _ in again]
            if again:
                await self.sleep(max(back_off(error, attempt) for _, error in again))
        return [result for result in results if result is not None]

    async def _retrying(self, method: str, params: Mapping[str, Any], methods: Iterable[str]) -> Response:
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(_passes),
            stop=_used_up,
            wait=_wait,
            sleep=self.sleep,
            before_sleep=self._before_retry,
            reraise=True,
        )
        return await retrying(self._attempt, method, params, tuple(methods))

    def _before_retry(self, state: tenacity.RetryCallState) -> None:
        self.retries += 1
        error = _failure(state)
        wait = state.next_action.sleep if state.next_action else 0.0
        log.warning(
            "retrying a request",
            method=error.method,
            attempt=state.attempt_number,
            wait_seconds=round(wait, 2),
            reason=type(error).__name__,
            status=error.status,
            code=error.code,
        )

    async def _attempt(self, method: str, params: Mapping[str, Any], methods: tuple[str, ...]) -> Response:
        self.waited += await self.budget.ready(methods)  # outside the slot: a resting method holds up no other
        async with self._slots:
            try:
                answer = await self._http.post(method, params, before=self._count)
                self.portal_time = answer.time.started or self.portal_time
                return answer
            except OperatingLimitError as error:
                self._rest(error)
                raise
            except BitrixError as error:
                if isinstance(error, RateLimitError) or error.status == 503:
                    await self.bucket.penalize()
                raise

    async def _count(self) -> None:
        self.waited += await self.bucket.acquire()

    def _observe(self, method: str, times: Sequence[Timing]) -> None:
        known = [item for item in times if item.operating is not None]
        if known:
            latest = max(known, key=lambda item: item.operating or 0.0)
            cost = sum(item.processing or item.duration for item in known)
            self.budget.observe(method, latest.operating, latest.operating_reset_at, cost)

    async def _learn(self, commands: Sequence[Command], results: Sequence[Response | BitrixError]) -> None:
        """Take from a batch's inner answers what they say about the limits."""
        times: dict[str, list[Timing]] = defaultdict(list)
        for command, result in zip(commands, results, strict=True):
            if isinstance(result, Response):
                times[command.method].append(result.time)
        for method, items in times.items():
            self._observe(method, items)
        if any(isinstance(result, RateLimitError) for result in results):
            await self.bucket.penalize()
        for result in results:
            if isinstance(result, OperatingLimitError):
                self._rest(result)

    def _rest(self, error: OperatingLimitError) -> None:
        """Let the method of an error rest; one log line a batch at most, however many of its commands were refused."""
        before = self.budget.resting_until(error.method)
        error.reset_at = self.budget.rest(error.method, error.reset_at)
        if error.reset_at > before:
            until = datetime.fromtimestamp(error.reset_at, UTC).isoformat(timespec="seconds")
            log.warning("a method rests at its operating limit", method=error.method, until=until)


def back_off(error: BitrixError, attempt: int) -> float:
    """Seconds to wait before the next attempt: doubling, with jitter so that clients do not come back together."""
    policy = error.retry
    if policy is None:
        return 0.0
    if isinstance(error, OperatingLimitError):
        return 0.0  # the budget itself waits for the method's reset
    return min(policy.most, policy.first * 2.0 ** (attempt - 1)) * random.uniform(0.75, 1.25)  # noqa: S311


def split_batch(commands: Sequence[Command], answer: Response) -> list[Response | BitrixError]:
    """What the answer to a ``batch`` says of each of its commands, whose keys are those of ``command_key``.

    Raises :class:`~bitrix.errors.MalformedAnswerError` when it is no such answer.
    """
    block = answer.result if isinstance(answer.result, Mapping) else {}
    if "result" not in block and "result_error" not in block:
        raise MalformedAnswerError("batch", f"the answer holds no batch: {excerpt(str(answer.result)[:400])!r}")
    names = ("result", "result_error", "result_total", "result_next", "result_time")
    values, errors, totals, nexts, times = (as_map(block.get(name)) for name in names)
    results: list[Response | BitrixError] = []
    for index, command in enumerate(commands):
        key = command_key(index)
        if key in errors:
            results.append(error_from(command.method, errors[key], None))
        elif key in values:
            timing = parse_timing(times.get(key))
            if timing.started is None:
                timing = replace(timing, started=answer.time.started)
            results.append(Response(values[key], as_int(totals.get(key)), as_int(nexts.get(key)), timing))
        else:
            results.append(MalformedAnswerError(command.method, "the batch's answer left out this command"))
    return results


def _failure(state: tenacity.RetryCallState) -> BitrixError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, BitrixError):
        raise TypeError(f"only portal errors are retried, not {type(error).__name__}")
    return error


def _passes(error: BaseException) -> bool:
    return isinstance(error, BitrixError) and error.retry is not None


def _used_up(state: tenacity.RetryCallState) -> bool:
    policy = _failure(state).retry
    return policy is None or state.attempt_number >= policy.attempts


def _wait(state: tenacity.RetryCallState) -> float:
    return back_off(_failure(state), state.attempt_number)

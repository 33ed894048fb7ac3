"""An answer as server-sent events: each stage when it begins, then the answer or the error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event

from chart_service.ask.ask_errors import error_answer
from chart_service.ask.progress import STAGES, Progress, Stage

EVENT_STREAM = "text/event-stream"
PING_SECONDS = 15.0
"""Proxies cut connections on which nothing happens."""


def wants_events(request: Request) -> bool:
    """Whether the client asks for events rather than for one answer."""
    return EVENT_STREAM in request.headers.get("accept", "")


def event_stream(request: Request, lang: str, answer: Callable[[Progress], Awaitable[bytes]]) -> StreamingResponse:
    """Stream the stages of ``answer``, which gets a way to tell of them and gives the answer's JSON.

    When the client leaves, ``answer`` is cancelled.
    """
    return StreamingResponse(
        _events(request, lang, answer), media_type=EVENT_STREAM, headers={"X-Accel-Buffering": "no"}
    )


async def _events(request: Request, lang: str, answer: Callable[[Progress], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    stages: asyncio.Queue[Stage | None] = asyncio.Queue()
    working = asyncio.ensure_future(answer(stages.put_nowait))
    working.add_done_callback(lambda _: stages.put_nowait(None))
    try:
        while True:
            try:
                stage = await asyncio.wait_for(stages.get(), PING_SECONDS)
            except TimeoutError:
                yield KEEPALIVE_COMMENT
                continue
            if stage is None:
                break
            told = orjson.dumps({"stage": stage, "text": STAGES[stage].of(lang)})
            yield format_sse_event(event="stage", data_str=told.decode())
        yield await _last_event(request, working)
    finally:
        working.cancel()


async def _last_event(request: Request, working: asyncio.Future[bytes]) -> bytes:
    try:
        content = working.result()
    except Exception as error:  # whatever it is, the stream has begun, and only an event can tell of it
        response = await error_answer(request, error)
        return format_sse_event(event="error", data_str=bytes(response.body).decode())
    return format_sse_event(event="answer", data_str=content.decode())

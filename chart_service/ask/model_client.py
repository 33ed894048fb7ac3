"""The language model behind any server that speaks OpenAI's protocol: one call, streamed, within a time limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypedDict

import httpx2
import structlog
from openai import APIError, APIStatusError, AsyncOpenAI, AsyncStream
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import ValidationError

from chart_service.ask.dialect import Dialect
from chart_service.ask.model_errors import ModelError, Usage, explained, said
from warehouse.schema_docs.prompt import estimated_tokens
from warehouse.settings import Settings

CONNECT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 10.0
"""A person waits for the answer: a server that asks for more time is reported as busy instead."""
FIRST_PAUSE_SECONDS = 0.5
ADAPTATIONS = 8
LONGEST_ANSWER = 200_000

log = structlog.get_logger(__name__)


class Message(TypedDict):
    """One message of a conversation with the model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Schema:
    """What the answer has to keep to. ``in_words`` is added to the system message where the server takes no schema."""

    name: str
    json_schema: Mapping[str, Any]
    in_words: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model wrote, what it cost, how long it took, and how often the server was called for it."""

    text: str
    usage: Usage
    milliseconds: int
    tries: int


@dataclass(slots=True)
class _Answer:
    """The answer of one call while it comes in."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    refusal: bool = False
    finish: str | None = None
    usage: CompletionUsage | None = None
    choices: int = 0

    def add(self, content: str | None, refusal: str | None, finish: str | None) -> None:
        self.choices += 1
        if content:
            self.parts.append(content)
            self.length += len(content)
        self.refusal |= bool(refusal)
        self.finish = finish or self.finish

    @property
    def text(self) -> str:
        return "".join(self.parts)


class ModelClient:
    """Calls one model of one server and remembers what it understands (:class:`Dialect`). Use with ``async with``."""

    def __init__(self, *, key: str, base_url: str, model: str, timeout: float, retries: int) -> None:
        """``timeout``: seconds that a person waits for one answer at most, tries and pauses included. ``retries``: how
        often a call that failed for a passing reason is made again."""
        self.model = model
        self._timeout = timeout
        self._retries = retries
        self._dialect = Dialect()
        self._readable = False
        # Trying again is done here: what a server cannot do must not be tried again, and nobody waits two minutes.
        self._client = AsyncOpenAI(
            api_key=key, base_url=base_url, timeout=httpx2.Timeout(timeout, connect=CONNECT_SECONDS), max_retries=0
        )

    def __repr__(self) -> str:
        return f"ModelClient({self.model})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def reply(
        self, messages: Sequence[Message], schema: Schema, on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """The model's answer to a conversation. ``on_text`` is told all of its text so far, as it grows.

        Raises ``ModelError``. When the caller is cancelled, the server is hung up on and stops writing.
        """
        began = time.monotonic()
        tries = 0
        failed = 0
        try:
            async with asyncio.timeout(self._timeout):
                for _ in range(1 + self._retries + ADAPTATIONS):
                    tries += 1
                    dialect = self._dialect
                    try:
                        answer = await self._call(messages, schema, dialect, on_text)
                    except APIError as error:
                        if self._adapt(dialect, error):
                            continue
                        failed += 1
                        await self._pause(explained(error, self._timeout), failed)
                        continue
                    usage = _usage(answer, messages)
                    _judge(answer, usage)
                    return Reply(answer.text, usage, round((time.monotonic() - began) * 1000), tries)
        except TimeoutError:
            raise ModelError("model_timeout", seconds=self._timeout) from None
        raise ModelError("model_rejected")

    def was_readable(self, *, readable: bool) -> None:
        """Tell whether the last answer held the object that was asked for.

        A server that takes a schema and ignores it is asked in the next form from then on, with the schema in words.
        """
        if readable:
            self._readable = True
        elif not self._readable and (lower := self._dialect.lower()):
            self._dialect = lower

    def _adapt(self, used: Dialect, error: APIError) -> bool:
        """Whether the complaint says how to ask otherwise, and the next call will."""
        if not isinstance(error, APIStatusError):
            return False
        adapted = used.adapted(error.status_code, said(error))
        if adapted is None:
            return False
        if self._dialect == used:  # another question may have found it out in the meantime
            self._dialect = adapted
        log.info("the model's server is asked otherwise", form=adapted.form, left_out=sorted(adapted.left_out))
        return True

    async def _pause(self, problem: ModelError, failed: int) -> None:
        """Wait before the next try, or raise the problem when there shall be none."""
        if not problem.again or failed > self._retries:
            raise problem from None
        pause = problem.retry_after if problem.retry_after is not None else FIRST_PAUSE_SECONDS * 2 ** (failed - 1)
        if pause > LONGEST_WAIT_SECONDS:
            raise problem from None
        await asyncio.sleep(pause)

    async def _call(
        self, messages: Sequence[Message], schema: Schema, dialect: Dialect, on_text: Callable[[str], None] | None
    ) -> _Answer:
        told: list[Any] = [*messages]
        if dialect.schema_in_prompt:
            told[0] = {**told[0], "content": f"{told[0]['content']}\n{schema.in_words}"}
        arguments = dialect.arguments(schema.name, schema.json_schema)
        try:
            stream: AsyncStream[ChatCompletionChunk] = await self._client.chat.completions.create(
                model=self.model, messages=told, stream=True, **arguments
            )
            async with stream:
                if "text/event-stream" in stream.response.headers.get("content-type", ""):
                    return await _streamed(stream, on_text)
                return _whole(await stream.response.aread())
        except (ValueError, TypeError, AttributeError, httpx2.HTTPError) as error:
            # Neither the client nor pydantic wraps what it cannot read of a server that answers with something else.
            log.warning("the model's server answers with something else", error=type(error).__name__)
            raise ModelError("model_protocol") from None


async def _streamed(stream: AsyncStream[ChatCompletionChunk], on_text: Callable[[str], None] | None) -> _Answer:
    answer = _Answer()
    async for chunk in stream:
        answer.usage = chunk.usage or answer.usage
        for choice in (chunk.choices or [])[:1]:
            answer.add(choice.delta.content, choice.delta.refusal, choice.finish_reason)
            if choice.delta.content and on_text:
                on_text(answer.text)
        if answer.length > LONGEST_ANSWER:
            answer.finish = "length"
            break
    return answer


def _whole(body: bytes) -> _Answer:
    """The answer of a server that does not stream."""
    answer = _Answer()
    try:
        completion = ChatCompletion.model_validate_json(body)
    except ValidationError:
        raise ModelError("model_protocol") from None
    answer.usage = completion.usage
    for choice in completion.choices[:1]:
        answer.add(choice.message.content, choice.message.refusal, choice.finish_reason)
    return answer


def _judge(answer: _Answer, usage: Usage) -> None:
    """Raise ``ModelError`` for an answer that is none."""
    if answer.refusal:
        raise ModelError("model_refused", usage=usage)
    if answer.finish == "content_filter":
        raise ModelError("model_content_filter", usage=usage)
    if answer.finish == "length":
        raise ModelError("model_length", usage=usage)
    if not answer.choices:
        raise ModelError("model_protocol")


def _usage(answer: _Answer, messages: Sequence[Message]) -> Usage:
    counted = answer.usage
    if counted is None or not (counted.prompt_tokens or counted.completion_tokens):
        # A budget must not be dodged by a server that does not count.
        prompt = sum(estimated_tokens(message["content"]) for message in messages)
        return Usage(prompt, 0, estimated_tokens(answer.text), reported=False)
    details = counted.prompt_tokens_details
    cached = (details.cached_tokens if details else None) or 0
    return Usage(counted.prompt_tokens, min(cached, counted.prompt_tokens), counted.completion_tokens)


def model_client(settings: Settings) -> ModelClient | None:
    """The client of these settings, or None without a key."""
    if settings.openai_api_key is None:
        return None
    return ModelClient(
        key=settings.openai_api_key.get_secret_value(),
        base_url=settings.openai_base_url,
        model=settings.openai_model,
        timeout=settings.openai_timeout_seconds,
        retries=settings.openai_max_retries,
    )

"""One question's conversation with the model: what was said, what it cost, and how often it was told to mend."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from chart_service.ask.intent import Intent, IntentInvalid, Read, read_intent
from chart_service.ask.model_client import Message, ModelClient
from chart_service.ask.model_errors import ModelError, Usage
from chart_service.ask.progress import Progress
from chart_service.ask.prompt import answer_schema
from warehouse.schema_docs.prompt import estimated_tokens

REPAIRS = 2

_SQL_BEGINS = '"sql"'


@dataclass(frozen=True, slots=True)
class Spoken:
    """One call of the model. ``outcome``: ``answered``, ``cancelled`` or the code of its error."""

    purpose: str
    usage: Usage
    milliseconds: int
    tries: int
    outcome: str


@dataclass(slots=True)
class Conversation:
    """Asks the model, and asks it again with what was wrong. ``repairs`` counts the latter, at most ``REPAIRS``.

    ``allowed`` is waited for before each call and raises when there shall be none.
    """

    client: ModelClient
    messages: list[Message]
    progress: Progress
    allowed: Callable[[], Awaitable[None]]
    repairs: int = 0
    calls: list[Spoken] = field(default_factory=list)
    _last: str = ""

    @property
    def may_repair(self) -> bool:
        """Whether the model may be told to mend its answer once more."""
        return self.repairs < REPAIRS

    async def ask(self) -> Read:
        """The model's answer. One that is no intent is mended as any other fault. Raises ``ModelError``."""
        while True:
            text = await self._call("repair" if self.repairs else "ask")
            try:
                read = read_intent(text)
            except IntentInvalid as error:
                self.client.was_readable(readable=False)
                if not self.may_repair:
                    raise ModelError("model_invalid") from None
                self._complain(f"{error} Answer with the whole JSON object as described, and nothing else.")
            else:
                self.client.was_readable(readable=True)
                return read

    async def mend(self, complaint: str) -> Read:
        """The model's answer once it was told what is wrong with the last. Raises ``ModelError``."""
        self._complain(complaint)
        return await self.ask()

    def recall(self, known: Intent) -> None:
        """Take an answer that is known already for the model's last one, in case it has to be mended."""
        self._last = known.model_dump_json()

    def _complain(self, complaint: str) -> None:
        self.repairs += 1
        self.messages = [
            *self.messages,
            {"role": "assistant", "content": self._last},
            {"role": "user", "content": complaint},
        ]

    async def _call(self, purpose: str) -> str:
        await self.allowed()
        began = time.monotonic()
        self._last = ""
        try:
            reply = await self.client.reply(self.messages, answer_schema(), self._watch)
        except ModelError as error:
            # Whoever is hung up on in the middle counts nothing, and is paid nevertheless.
            usage = error.usage or (self._estimated() if error.code == "model_timeout" else Usage())
            self._spoken(purpose, began, usage, error.code)
            raise
        except asyncio.CancelledError:
            self._spoken(purpose, began, self._estimated(), "cancelled")
            raise
        self._last = reply.text
        self._spoken(purpose, began, reply.usage, "answered", reply.tries)
        return reply.text

    def _watch(self, text: str) -> None:
        if _SQL_BEGINS in text and _SQL_BEGINS not in self._last:
            self.progress("writing_sql")
        self._last = text

    def _estimated(self) -> Usage:
        prompt = sum(estimated_tokens(message["content"]) for message in self.messages)
        return Usage(prompt, 0, estimated_tokens(self._last), reported=False)

    def _spoken(self, purpose: str, began: float, usage: Usage, outcome: str, tries: int = 1) -> None:
        milliseconds = round((time.monotonic() - began) * 1000)
        self.calls.append(Spoken(purpose, usage, milliseconds, tries, outcome))


def total(calls: Sequence[Spoken]) -> Usage:
    """What all calls cost together."""
    return Usage(
        sum(call.usage.prompt_tokens for call in calls),
        sum(call.usage.cached_tokens for call in calls),
        sum(call.usage.output_tokens for call in calls),
        all(call.usage.reported for call in calls),
    )

"""Why the model gave no answer: one error for all of it, with what to do and without keys, addresses or texts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

from warehouse.meanings import Text

_CONTEXT_FULL = re.compile(r"context.?(length|window|size)|maximum context|too many tokens|prompt is too long|n_ctx")
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. ``reported``: the server counted them; otherwise they are estimated here."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reported: bool = True


MESSAGES: Mapping[str, Text] = {
    "no_model": Text(
        "Чтобы спрашивать словами, нужна языковая модель: задайте OPENAI_API_KEY (для своего сервера и "
        "OPENAI_BASE_URL) и перезапустите сервис. Всё остальное работает и без неё.",
        "Asking in words needs a language model: set OPENAI_API_KEY (for another server OPENAI_BASE_URL, too) and "
        "restart the service. Everything else works without it.",
    ),
    "model_timeout": Text(
        "Модель не ответила за {seconds:.0f} с. Повторите; больше времени даёт OPENAI_TIMEOUT_SECONDS.",
        "The model did not answer within {seconds:.0f} s. Try again; OPENAI_TIMEOUT_SECONDS allows more time.",
    ),
    "model_protocol": Text(
        "То, что отвечает по OPENAI_BASE_URL, не говорит на протоколе OpenAI. Адрес обычно кончается на /v1.",
        "What answers at OPENAI_BASE_URL does not speak OpenAI's protocol. The address usually ends in /v1.",
    ),
    "model_unreachable": Text(
        "Сервер модели не отвечает. Проверьте OPENAI_BASE_URL и сеть.",
        "The model's server does not answer. Check OPENAI_BASE_URL and the network.",
    ),
    "model_key_refused": Text(
        "Сервер модели не принимает ключ. Исправьте OPENAI_API_KEY.",
        "The model's server refuses the key. Correct OPENAI_API_KEY.",
    ),
    "model_context_full": Text(
        "Схема и вопрос длиннее, чем модель читает. Задайте в OPENAI_MODEL модель с большим контекстом.",
        "Schema and question are longer than the model reads. Set OPENAI_MODEL to one with a larger context.",
    ),
    "model_not_found": Text(
        "Сервер не знает такой модели или адреса. Проверьте OPENAI_MODEL и OPENAI_BASE_URL.",
        "The model's server does not know the model or the address. Check OPENAI_MODEL and OPENAI_BASE_URL.",
    ),
    "model_failed": Text(
        "Сервер модели дал сбой{status}. Повторите через минуту.",
        "The model's server failed{status}. Try again in a minute.",
    ),
    "model_rejected": Text(
        "Сервер модели не принимает запрос{status}. Проверьте OPENAI_MODEL.",
        "The model's server rejects the request{status}. Check OPENAI_MODEL.",
    ),
    "model_busy": Text(
        "У сервера модели сейчас слишком много запросов. Повторите через {seconds:.0f} с.",
        "The model's server has too many requests at the moment. Try again in {seconds:.0f} s.",
    ),
    "model_no_credit": Text(
        "На счёте, которому принадлежит OPENAI_API_KEY, нет средств. Пополните его у поставщика модели.",
        "The account behind OPENAI_API_KEY has no credit left. Top it up at the model's provider.",
    ),
    "model_content_filter": Text(
        "Вопрос остановлен фильтром модели. Скажите другими словами.",
        "The model's content filter stopped this question. Put it in other words.",
    ),
    "model_refused": Text(
        "Модель отказалась отвечать на этот вопрос. Переформулируйте его.",
        "The model declines to answer this question. Rephrase it.",
    ),
    "model_length": Text(
        "Ответ модели вышел слишком длинным и оборвался. Спросите о меньшем за один раз.",
        "The model's answer grew too long and was cut off. Ask for less at once.",
    ),
    "model_invalid": Text(
        "Модель отвечает не в той форме, о которой её просят. Повторите или переформулируйте вопрос.",
        "The model's answers are not in the form that was asked for. Try again, or rephrase the question.",
    ),
}
"""Every code, in Russian and English."""

_STATUSES: Mapping[str, int] = {
    **dict.fromkeys(("no_model", "model_unreachable", "model_busy", "model_no_credit"), 503),
    **dict.fromkeys(("model_content_filter", "model_refused"), 422),
    "model_timeout": 504,
}
_AGAIN = frozenset({"model_unreachable", "model_failed", "model_busy"})
_USUAL_WAIT_SECONDS = 60.0


class ModelError(Exception):
    """The model gave no answer. ``text`` says why; ``status`` is what the service answers with.

    ``usage``: what it cost nevertheless. ``again``: the same call may succeed when it is tried again. ``retry_after``:
    seconds that the server asks for.
    """

    def __init__(
        self, code: str, *, retry_after: float | None = None, usage: Usage | None = None, **parts: object
    ) -> None:
        wait = _USUAL_WAIT_SECONDS if retry_after is None else retry_after
        words: dict[str, object] = {"seconds": wait, "status": "", **parts}
        self.text = Text(MESSAGES[code].ru.format(**words), MESSAGES[code].en.format(**words))
        super().__init__(self.text.en)
        self.code = code
        self.status = _STATUSES.get(code, 502)
        self.again = code in _AGAIN
        self.retry_after = retry_after
        self.usage = usage


def explained(error: APIError, seconds: float) -> ModelError:
    """The client's error as ours. ``seconds``: the time limit that was set."""
    if isinstance(error, APITimeoutError):
        return ModelError("model_timeout", seconds=seconds)
    if isinstance(error, APIConnectionError):
        return ModelError("model_unreachable")
    if isinstance(error, APIStatusError):
        return _of_status(error)
    return ModelError("model_failed")  # in the middle of a stream


def said(error: APIError) -> str:
    """All that the server says about an error, in small letters, for recognising it; never shown."""
    return f"{error.message} {error.code} {error.param} {error.body}".lower()


def _of_status(error: APIStatusError) -> ModelError:
    status, complaint = error.status_code, said(error)
    told = f" ({status})"
    if status in (401, 403):
        return ModelError("model_key_refused")
    if status == 429:
        if any(code in complaint for code in _NO_CREDIT):
            return ModelError("model_no_credit")
        return ModelError("model_busy", retry_after=_retry_after(error))
    if _CONTEXT_FULL.search(complaint):
        return ModelError("model_context_full")
    if status == 404:
        return ModelError("model_not_found")
    if "content_filter" in complaint or "content_policy" in complaint:
        return ModelError("model_content_filter")
    if status in (408, 409) or status >= 500:
        return ModelError("model_failed", retry_after=_retry_after(error), status=told)
    return ModelError("model_rejected", status=told)


def _retry_after(error: APIStatusError) -> float | None:
    """Seconds that the server asks to wait, or None where it says nothing that can be read."""
    for header, divisor in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(error.response.headers.get(header, "")) / divisor
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None

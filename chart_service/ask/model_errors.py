"""Why the model gave no answer: one error for all of it, with what to do and without keys, addresses or texts."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError

_CONTEXT_FULL = re.compile(r"context.?(length|window|size)|maximum context|too many tokens|prompt is too long|n_ctx")
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. ``reported``: the server counted them; otherwise they are estimated here."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reported: bool = True


class ModelError(Exception):
    """The model gave no answer. ``status`` is what the service answers with; ``usage`` what it cost nevertheless.

    ``again``: the same call may succeed when it is tried again. ``retry_after``: seconds that the server asks for.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int = 502,
        again: bool = False,
        retry_after: float | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.again = again
        self.retry_after = retry_after
        self.usage = usage


def no_model() -> ModelError:
    """There is no key, so there is no model to ask."""
    detail = (
        "Asking in words needs a language model: set OPENAI_API_KEY (and OPENAI_BASE_URL for another server) and "
        "restart the service. Everything else works without it."
    )
    return ModelError("no_model", detail, status=503)


def too_slow(seconds: float) -> ModelError:
    """The answer did not come in time."""
    detail = f"The model did not answer within {seconds:.0f} s. Try again; OPENAI_TIMEOUT_SECONDS allows more time."
    return ModelError("model_timeout", detail, status=504)


def not_the_protocol() -> ModelError:
    """Something answers, but it is no model."""
    detail = "What answers at OPENAI_BASE_URL does not speak OpenAI's protocol. The address usually ends in /v1."
    return ModelError("model_protocol", detail)


def explained(error: APIError, seconds: float) -> ModelError:
    """The client's error as ours. ``seconds``: the time limit that was set."""
    if isinstance(error, APITimeoutError):
        return too_slow(seconds)
    if isinstance(error, APIConnectionError):
        detail = "The model's server does not answer. Check OPENAI_BASE_URL and the network."
        return ModelError("model_unreachable", detail, status=503, again=True)
    if isinstance(error, APIStatusError):
        return _of_status(error)
    # An error in the middle of a stream has no status.
    return ModelError("model_failed", "The model's server broke off its answer. Try again.", again=True)


def said(error: APIError) -> str:
    """All that the server says about an error, in small letters, for recognising it; never shown."""
    return f"{error.message} {error.code} {error.param} {error.body}".lower()


def _of_status(error: APIStatusError) -> ModelError:
    status = error.status_code
    if status in (401, 403):
        return ModelError("model_key_refused", "The model's server refuses the key. Correct OPENAI_API_KEY.")
    if status == 429:
        return _busy(error)
    if _CONTEXT_FULL.search(said(error)):
        detail = "Schema and question are longer than the model reads. Set OPENAI_MODEL to one with a larger context."
        return ModelError("model_context_full", detail)
    if status == 404:
        detail = "The model's server does not know the model or the address. Check OPENAI_MODEL and OPENAI_BASE_URL."
        return ModelError("model_not_found", detail)
    if "content_filter" in said(error) or "content_policy" in said(error):
        return filtered()
    if status in (408, 409) or status >= 500:
        detail = f"The model's server failed (status {status}). Try again in a moment."
        return ModelError("model_failed", detail, again=True, retry_after=_retry_after(error))
    return ModelError("model_rejected", f"The model's server rejected the request (status {status}).")


def filtered() -> ModelError:
    """The server's filter of contents stopped the question or the answer."""
    detail = "The model's content filter stopped this question. Put it in other words."
    return ModelError("model_content_filter", detail, status=422)


def _busy(error: APIStatusError) -> ModelError:
    if (error.code or error.type) in _NO_CREDIT or any(code in said(error) for code in _NO_CREDIT):
        detail = "The account behind OPENAI_API_KEY has no credit left. Top it up at the model's provider."
        return ModelError("model_no_credit", detail, status=503)
    seconds = _retry_after(error)
    when = f"in {seconds:.0f} s" if seconds is not None else "in a minute"
    detail = f"The model's server has too many requests at the moment. Try again {when}."
    return ModelError("model_busy", detail, status=503, again=True, retry_after=seconds)


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

"""From the bytes of an answer to a :class:`Response`, or to the error that it stands for.

Portals answer more than clean JSON: PHP warnings and a byte order mark before it, lone surrogates and broken UTF-8
inside, HTML pages of a proxy instead of it.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import orjson

from bitrix.errors import BitrixError, MalformedAnswerError, OperatingLimitError, error_class
from bitrix.webhook_url import redact

_EXCERPT = 200
_TEXT = 400
_TAG = re.compile(r"<[^>]{0,200}>")
_STARTS_TRIED = 20


@dataclass(frozen=True, slots=True)
class Timing:
    """An answer's ``time`` block: seconds, the portal's own clock, and operating seconds used by the method so far."""

    started: datetime | None = None
    duration: float = 0.0
    processing: float = 0.0
    operating: float | None = None
    operating_reset_at: float | None = None
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Response:
    """A successful answer. ``total`` and ``next`` come with lists only, and ``total`` is 0 with ``start=-1``.

    ``content`` is the result, or the part of the answer's bytes that holds it. A batch brings thousands of rows: a page
    that is decoded where it is read needs no room beside the others, and is still in the processor's cache.
    """

    content: Any
    total: int | None = None
    next: int | None = None
    time: Timing = Timing()

    @property
    def result(self) -> Any:
        """The result, decoded anew each time. Raises :class:`~bitrix.errors.MalformedAnswerError`."""
        if not isinstance(self.content, msgspec.Raw):
            return self.content
        shown = None
        try:
            return decode_json(memoryview(self.content))
        except NotJsonError as exc:
            shown = str(exc)
        raise MalformedAnswerError("batch", f"a part of the answer cannot be read: {shown!r}")


class NotJsonError(ValueError):
    """The body holds no JSON document. The text is a capped, redacted excerpt of it."""


def decode_json(body: bytes | memoryview) -> Any:
    """The JSON document in a body, whatever surrounds it.

    Lone surrogates stay in the strings as they came; bytes that are no UTF-8 become lone surrogates too
    (``surrogateescape``), so that one broken character never costs an answer: whoever stores text must scrub them.
    Raises :class:`NotJsonError`.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass  # slower and more tolerant below
    text = bytes(body).decode("utf-8-sig", errors="surrogateescape")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass  # something stands around the document, or it is cut off
    decoder = json.JSONDecoder()
    start = -1
    for _ in range(_STARTS_TRIED):
        start = text.find("{", start + 1)
        if start < 0:
            break
        try:
            document, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict) and ("result" in document or "error" in document):
            return document
    raise NotJsonError(excerpt(text))


def parse_answer(method: str, status: int, body: bytes) -> Response:
    """Read one HTTP answer. Raises the :class:`~bitrix.errors.BitrixError` that it stands for."""
    shown = None
    try:
        document = _document(method, body)
    except NotJsonError as exc:
        shown = str(exc)
    if shown is not None:  # raised here so that no exception in its context carries the body
        raise _no_json(method, status, shown, truncated=body.lstrip()[:1] == b"{")
    if isinstance(document, dict) and "error" in document:
        raise error_from(method, document, status)
    if status >= 400:
        raise error_class(status, None)(method, "the portal answered with an error status and no error", status)
    if not isinstance(document, dict) or "result" not in document:
        shown = excerpt(body[:1000].decode("utf-8", errors="replace"))
        raise MalformedAnswerError(method, f"the answer has neither a result nor an error: {shown!r}", status)
    return Response(
        document["result"],
        total=as_int(document.get("total")),
        next=as_int(document.get("next")),
        time=parse_timing(document.get("time")),
    )


class _BatchBlock(msgspec.Struct):
    """The result of a ``batch``, whose own results are not decoded yet."""

    result: dict[str, msgspec.Raw] | list[msgspec.Raw]
    result_error: Any = None
    result_total: Any = None
    result_next: Any = None
    result_time: Any = None


class _BatchAnswer(msgspec.Struct):
    result: _BatchBlock
    time: Any = None
    error: Any = msgspec.UNSET


_BATCH_ANSWER = msgspec.json.Decoder(_BatchAnswer)


def _document(method: str, body: bytes) -> Any:
    """The document in a body; in a batch's usual answer its own results are not decoded yet. Raises
    :class:`NotJsonError`."""
    if method == "batch":
        with contextlib.suppress(msgspec.MsgspecError):  # something stands around it, or it is an error
            answer = _BATCH_ANSWER.decode(body)
            if answer.error is msgspec.UNSET:
                return {"result": msgspec.structs.asdict(answer.result), "time": answer.time}
    return decode_json(body)


def error_from(method: str, envelope: Any, status: int | None) -> BitrixError:
    """The error of ``{"error": code, "error_description": text}``; the code may be text, a number or empty."""
    envelope = envelope if isinstance(envelope, Mapping) else {"error": envelope}
    raw = envelope.get("error")
    if isinstance(raw, Mapping):  # REST v3 nests code and message
        envelope = {"error": raw.get("code"), "error_description": raw.get("message")}
        raw = envelope["error"]
    code = "" if raw is None or isinstance(raw, bool) else str(raw).strip()
    text = plain(str(envelope.get("error_description") or envelope.get("error_message") or ""))
    error = error_class(status, code, text)(method, text or "the portal answered with an error", status, code[:80])
    if isinstance(error, OperatingLimitError):
        error.reset_at = parse_timing(envelope.get("time")).operating_reset_at or _seconds(
            envelope.get("operating_reset_at")
        )
    return error


def parse_timing(block: Any) -> Timing:
    """Read a ``time`` block. Whatever is missing or odd takes its default; nothing is raised."""
    if not isinstance(block, Mapping):
        return Timing()
    return Timing(
        started=_datetime(block.get("date_start")),
        duration=_float(block.get("duration")) or 0.0,
        processing=_float(block.get("processing")) or 0.0,
        operating=_float(block.get("operating")),
        operating_reset_at=_seconds(block.get("operating_reset_at")),
    )


def as_map(value: Any) -> Mapping[str, Any]:
    """A PHP map: empty maps arrive as ``[]``, and maps with keys 0..n-1 as lists."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return {}


def as_int(value: Any) -> int | None:
    """An integer that may come as text; None for anything else."""
    if type(value) is str and value.isdecimal() and value.isascii():
        return int(value)  # the id of every row takes this way
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().lstrip("-").isascii() and value.strip().lstrip("-").isdigit():
        return int(value)
    return value if isinstance(value, int) else None


def plain(text: str) -> str:
    """A portal's error text without HTML tags and secrets, on one line, capped."""
    return redact(" ".join(_TAG.sub(" ", text).split()))[:_TEXT]


def excerpt(body: str) -> str:
    """The beginning of a body for an error text: redacted, then cut, so that no secret is cut in half and missed."""
    printable = body[:4000].encode("utf-8", errors="replace").decode("utf-8")
    shown = redact(" ".join(printable.split()))
    return shown[:_EXCERPT] + ("…" if len(shown) > _EXCERPT else "")


def _no_json(method: str, status: int, shown: str, *, truncated: bool) -> BitrixError:
    if status >= 300:
        return error_class(status, None)(method, f"the answer is no JSON but: {plain(shown) or 'nothing'}", status)
    if truncated:
        return MalformedAnswerError(method, f"the answer is cut off or broken JSON: {shown!r}", status)
    what = "a web page" if shown.lstrip().startswith("<") else "no JSON"
    return MalformedAnswerError(method, f"the answer is {what}: {plain(shown)!r}", status)


def _float(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _seconds(value: Any) -> float | None:
    """Unix seconds from a number, or from the ISO text that some answers carry."""
    number = _float(value)
    if number is not None:
        return number
    moment = _datetime(value)
    return moment.timestamp() if moment else None


def _datetime(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else None  # without an offset it names no moment

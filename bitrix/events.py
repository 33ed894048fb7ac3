"""Events that a portal posts: which there are, and what one says.

An event is a hint. It names a record that may have changed; what became of it must be asked of the portal. Names and
bodies are those of the Bitrix24 REST documentation, section "Events".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from bitrix.entities import ENTITIES

RECORD_CHANGES = ("ADD", "UPDATE", "DELETE")
FIELD_CHANGES = ("ADD", "UPDATE", "DELETE", "SETENUMVALUES")
MOVE_EVENT = "ONCRMDEALMOVETOCATEGORY"
"""A deal went to another pipeline. The portal fires no ONCRMDEALUPDATE then, and tells applications only."""

RECORD_EVENTS: Mapping[str, str] = {
    **{f"{entity.events}{change}": entity.name for entity in ENTITIES if entity.events for change in RECORD_CHANGES},
    MOVE_EVENT: "deal",
}
"""Event name to the entity whose record it names."""

FIELD_EVENTS: Mapping[str, str] = {
    f"{entity.events}USERFIELD{change}": entity.name
    for entity in ENTITIES
    if entity.events and entity.userfields_method
    for change in FIELD_CHANGES
}
"""Event name to the entity whose field list has changed."""

EVENTS: tuple[str, ...] = (*RECORD_EVENTS, *FIELD_EVENTS)
"""All events that are heeded."""

OUTGOING_WEBHOOK_EVENTS: tuple[str, ...] = tuple(name for name in EVENTS if name != MOVE_EVENT)
"""Those that an outgoing webhook can be set up for."""

MAX_PAIRS = 200
MAX_DEPTH = 5
_LARGEST_ID = 2**63 - 1
_NAME = re.compile(r"ON[A-Z0-9_]{1,98}")
_SUBSCRIPT = re.compile(r"\[([^\[\]]*)\]")


class MalformedEventError(Exception):
    """The body is no event. The text says why, without quoting it: it may hold tokens."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``name`` is in capitals; ``entity`` is None where the event is of no concern to us.

    ``row_id`` is the id of the changed record, or that of the changed field where ``of_fields``. ``at`` is the time of
    the change in UTC. ``auth`` holds tokens and is not shown by ``repr``.
    """

    name: str
    entity: str | None
    row_id: int | None
    of_fields: bool = False
    at: datetime | None = None
    auth: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def application_token(self) -> str:
        """What proves that the portal sent it; empty if there is none."""
        return self.auth.get("application_token", "")


def parse_event(content_type: str, body: bytes) -> Event:
    """Read the body of an event: a form with nested keys, percent-encoded or not, or JSON of the same shape.

    Raises :class:`MalformedEventError`.
    """
    return event_of(parse_body(content_type, body))


def parse_body(content_type: str, body: bytes) -> Mapping[str, Any]:
    """The nested values of a form or of a JSON object. Raises :class:`MalformedEventError`."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise MalformedEventError("The body is not JSON, which its Content-Type promises.") from None
        if not isinstance(value, dict):
            raise MalformedEventError("The body must be a JSON object.")
        return value
    if kind not in ("application/x-www-form-urlencoded", ""):
        raise MalformedEventError("The body must be a form (application/x-www-form-urlencoded) or JSON.")
    return _nested(_pairs(body))


def event_of(values: Mapping[str, Any]) -> Event:
    """The event in the values of a body. Raises :class:`MalformedEventError`."""
    name = str(values.get("event") or "").upper()
    if not _NAME.fullmatch(name):
        raise MalformedEventError("The body names no event.")
    auth = {key: value for key, value in _map(values.get("auth")).items() if isinstance(value, str)}
    at = _moment(values.get("ts"))
    entity = RECORD_EVENTS.get(name) or FIELD_EVENTS.get(name)
    if entity is None:
        return Event(name, None, None, at=at, auth=auth)
    row_id = _id(_map(_map(values.get("data")).get("FIELDS")).get("ID"))
    if row_id is None:
        raise MalformedEventError(f"{name} must carry a positive number in data[FIELDS][ID].")
    return Event(name, entity, row_id, name in FIELD_EVENTS, at, auth)


def _pairs(body: bytes) -> Iterator[tuple[str, str]]:
    parts = [part for part in body.strip().split(b"&") if part]
    if len(parts) > MAX_PAIRS:
        raise MalformedEventError(f"The form has more than {MAX_PAIRS} values.")
    for part in parts:
        key, _, value = part.partition(b"=")
        yield _text(key), _text(value)


def _text(raw: bytes) -> str:
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise MalformedEventError("The form is not UTF-8 text.") from None


def _nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """``data[FIELDS][ID]`` becomes ``{"data": {"FIELDS": {"ID": …}}}``. The last of equal keys wins, as in PHP."""
    result: dict[str, Any] = {}
    for key, value in pairs:
        top, bracket, _ = key.partition("[")
        path = [top, *_SUBSCRIPT.findall(key[len(top) :])] if bracket else [top]
        if len(path) > MAX_DEPTH:
            raise MalformedEventError(f"The form nests deeper than {MAX_DEPTH} levels.")
        node = result
        for step in path[:-1]:
            child = node.get(step)
            if not isinstance(child, dict):
                child = node[step] = {}
            node = child
        node[path[-1]] = value
    return result


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _id(value: Any) -> int | None:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    number = int(text)
    return number if 0 < number <= _LARGEST_ID else None


def _moment(value: Any) -> datetime | None:
    """``ts`` in seconds since 1970. Only shown to people, so one that makes no sense is left out."""
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None

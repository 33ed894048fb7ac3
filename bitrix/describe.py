"""The fields of entities, as the portal itself describes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from bitrix.client import PortalClient
from bitrix.command import Command
from bitrix.decode import Response, as_map
from bitrix.entities import Entity
from bitrix.errors import AccessDeniedError, BitrixError, MalformedAnswerError, MethodNotFoundError, ScopeError
from bitrix.fields import Field, parse_fields, with_user_fields

log = structlog.get_logger("bitrix.describe")

_REFUSED = (AccessDeniedError, ScopeError, MethodNotFoundError)


async def describe(client: PortalClient, entities: Iterable[Entity]) -> dict[str, list[Field]]:
    """The fields of several entities by entity name, in one request.

    Sort order and external ids of options, and the titles of users' fields, are left out where the webhook may not
    read them. Raises :class:`~bitrix.errors.BitrixError` when the fields of an entity cannot be read.
    """
    entities = list(entities)
    methods = [method for entity in entities for method in _methods(entity)]
    results = await client.call_many([Command(method) for method in methods])
    answers = dict(zip(methods, results, strict=True))
    return {entity.name: await _fields(client, entity, answers) for entity in entities}


def _methods(entity: Entity) -> list[str]:
    methods = (entity.fields_method, entity.userfields_method, entity.titles_method)
    return [method for method in methods if method]


async def _fields(client: PortalClient, entity: Entity, answers: Mapping[str, Response | BitrixError]) -> list[Field]:
    found = list(entity.fields)
    if entity.fields_method:
        found = parse_fields(_required(answers[entity.fields_method]).result)
        if not found:
            raise MalformedAnswerError(entity.fields_method, "the answer describes no fields")
        if all(item.code != entity.key for item in found):
            raise MalformedAnswerError(entity.fields_method, f"the answer does not describe the key {entity.key}")
    if entity.userfields_method:
        listed = _optional(answers[entity.userfields_method])
        if listed:
            found = with_user_fields(found, await _all_rows(client, entity.userfields_method, listed))
    if entity.titles_method:
        titles = _optional(answers[entity.titles_method])
        if titles:
            found = with_titles(found, as_map(titles.result))
    return [item for item in found if item.code not in entity.never_listed]


def with_titles(known: Iterable[Field], titles: Mapping[str, Any]) -> list[Field]:
    """Give fields the portal's titles; codes that only the portal knows are added with type "unknown"."""
    known = list(known)
    texts = {code: str(title).strip() for code, title in titles.items() if isinstance(title, (str, int, float))}
    named = [replace(item, title=texts.get(item.code) or item.title) for item in known]
    codes = {item.code for item in known}
    more = [Field(code, "unknown", title=text or code) for code, text in texts.items() if code not in codes]
    return named + more


def _required(answer: Response | BitrixError) -> Response:
    if isinstance(answer, BitrixError):
        raise answer
    return answer


def _optional(answer: Response | BitrixError) -> Response | None:
    if isinstance(answer, _REFUSED):
        log.warning("field details are not readable", method=answer.method, reason=str(answer))
        return None
    return _required(answer)


async def _all_rows(client: PortalClient, method: str, first: Response) -> list[Mapping[str, Any]]:
    """User fields: documented as unpaged, read on should a portal name a next page."""
    rows = _maps(first)
    response = first
    while response.next is not None and response.next >= len(rows) and _maps(response):
        response = await client.call(method, {"start": response.next})
        rows += _maps(response)
    return rows


def _maps(response: Response) -> list[Mapping[str, Any]]:
    return [row for row in as_map(response.result).values() if isinstance(row, Mapping)]
